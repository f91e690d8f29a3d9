"""One holder of a refresh token: when it is refreshed, and when it is not."""

from __future__ import annotations

import pytest

from tests.client.issuer import lose_answer, say
from token_issuer.client import SignedOut, TokenExpired


def test_the_first_token_comes_with_the_first_call(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    assert issuer.is_good(holder.get().reveal())


def test_a_public_holder_names_no_client(client, issuer):
    first = issuer.sign_in()
    client(refresh_token=first).get()
    assert issuer.refreshes[0].form == {"grant_type": "refresh_token", "refresh_token": first}
    assert issuer.refreshes[0].authorization == ""


def test_a_token_that_is_not_due_is_given_again(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(3569)
    assert holder.get() is token
    assert len(issuer.refreshes) == 1


@pytest.mark.parametrize(("life", "due"), [(3600, 3570), (100, 90), (10, 9)])
def test_a_token_is_due_thirty_seconds_or_a_tenth_of_its_life_before_its_end(client, issuer, time, life, due):
    issuer.life = life
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(due - 0.5)
    assert holder.get() is token
    time.pass_by(0.5)
    assert holder.get() is not token


def test_chance_refreshes_later_never_earlier(client, issuer, time):
    time.chance = 0.999
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(3584)
    assert holder.get() is token
    time.pass_by(1)
    assert holder.get() is not token


def test_what_the_server_says_may_be_later_too(client, issuer, time):
    issuer.extra = {"renew_in": 3590}
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(3589)
    assert holder.get() is token


def test_each_refresh_presents_the_token_of_the_last(client, issuer, time):
    first = issuer.sign_in()
    holder = client(refresh_token=first)
    for _ in range(3):
        holder.get()
        time.pass_by(3600)
    presented = [seen.form["refresh_token"].rpartition(".")[2] for seen in issuer.refreshes]
    assert presented == ["0", "1", "2"]
    assert not issuer.is_closed(first)


def test_a_server_that_does_not_rotate_keeps_its_refresh_token(client, issuer, time):
    issuer.refresh_again = False
    issuer.grace = float("inf")
    holder = client(refresh_token=issuer.sign_in())
    holder.get()
    time.pass_by(3600)
    assert holder.get().refresh.reveal().endswith(".0")


def test_a_manual_refresh_asks_although_nothing_is_due(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    assert holder.refresh().reveal() != token.reveal()
    assert len(issuer.refreshes) == 2


def test_a_manual_refresh_may_be_the_first_call(client, issuer):
    client(refresh_token=issuer.sign_in()).refresh()
    assert len(issuer.refreshes) == 1


def test_without_auto_refresh_nothing_is_asked(client, issuer):
    with pytest.raises(TokenExpired, match=r"call refresh\(\)"):
        client(refresh_token=issuer.sign_in(), auto_refresh=False).get()
    assert issuer.refreshes == []


def test_without_auto_refresh_a_token_is_given_until_its_end(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in(), auto_refresh=False)
    token = holder.refresh()
    time.pass_by(3599)
    assert holder.get() is token
    time.pass_by(1)
    with pytest.raises(TokenExpired):
        holder.get()


def test_while_the_old_token_is_good_a_failure_is_not_the_callers(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(3575)
    issuer.trouble.append(say(503, {"error": "unavailable"}))
    assert holder.get() is token


def test_a_refresh_token_that_ended_signs_out(client, issuer, time):
    events: list[str] = []
    first = issuer.sign_in()
    holder = client(refresh_token=first, on_event=events.append)
    holder.get()
    issuer.close(first)
    time.pass_by(3575)
    with pytest.raises(SignedOut, match="sign in again"):
        holder.get()
    assert events[-1] == "signed-out"


def test_who_is_signed_out_does_not_ask_again(client, issuer):
    first = issuer.sign_in()
    issuer.close(first)
    holder = client(refresh_token=first)
    for _ in range(3):
        with pytest.raises(SignedOut):
            holder.get()
    assert len(issuer.refreshes) == 1


def test_a_client_without_any_credential_says_so(client):
    with pytest.raises(SignedOut, match="Nobody is signed in"):
        client().get()


def test_signing_in_replaces_what_was_there(client, issuer):
    first, second = issuer.sign_in(), issuer.sign_in()
    holder = client(refresh_token=first)
    holder.get()
    holder.sign_in(second)
    assert holder.get().refresh.reveal().partition(".")[0] == second.partition(".")[0]


def test_signing_in_at_once_replaces_what_the_program_was_given(client, issuer):
    second = issuer.sign_in()
    holder = client(refresh_token=issuer.sign_in())
    holder.sign_in(second)
    assert holder.get().refresh.reveal() == second.replace(".0", ".1")


def test_signing_in_ends_being_signed_out(client, issuer):
    first = issuer.sign_in()
    issuer.close(first)
    holder = client(refresh_token=first)
    with pytest.raises(SignedOut):
        holder.get()
    holder.sign_in(issuer.sign_in())
    assert holder.get().is_valid()


def test_signing_out_ends_the_family(client, issuer):
    first = issuer.sign_in()
    holder = client(refresh_token=first)
    holder.get()
    holder.sign_out()
    assert issuer.is_closed(first)
    with pytest.raises(SignedOut):
        holder.get()


def test_signing_out_forgets_here_when_the_server_cannot_be_told(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    holder.get()
    issuer.trouble.append(lose_answer)
    with pytest.raises(Exception, match="did not answer"):
        holder.sign_out()
    with pytest.raises(SignedOut):
        holder.get()


def test_signing_out_twice_is_signing_out(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    holder.sign_out()
    holder.sign_out()
    assert len(issuer.calls("/issuer/oauth/revoke")) == 1


def test_events_tell_the_life_of_a_token(client, issuer, time):
    events: list[str] = []
    holder = client(refresh_token=issuer.sign_in(), on_event=events.append)
    holder.get()
    time.pass_by(3575)
    holder.get()
    time.pass_by(3600)
    holder.get()
    holder.sign_out()
    assert events == ["refreshed", "will-expire", "refreshed", "did-expire", "refreshed", "signed-out"]


def test_what_will_expire_is_told_once(client, issuer, time):
    events: list[str] = []
    holder = client(refresh_token=issuer.sign_in(), on_event=events.append)
    holder.get()
    time.pass_by(3571)
    issuer.trouble.extend([say(503, {})] * 2)
    for _ in range(2):
        holder.get()
        time.pass_by(5)
    assert len(issuer.refreshes) == 3
    assert events == ["refreshed", "will-expire"]


def test_a_listener_that_fails_harms_nobody(client, issuer):
    assert client(refresh_token=issuer.sign_in(), on_event=lambda event: 1 // 0).get().is_valid()


def test_a_listener_may_ask_for_the_token(issuer, time):
    from token_issuer.client import Client

    with Client(
        issuer.address, refresh_token=issuer.sign_in(), clock=time.clock(), on_event=lambda event: holder.get()
    ) as holder:
        assert holder.get() is holder.get()
