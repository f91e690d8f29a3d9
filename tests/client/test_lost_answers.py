"""The server acted and its answer was lost: the same refresh token again, while the server's grace lasts."""

from __future__ import annotations

import pytest

from tests.client.issuer import API_KEY, API_SECRET, answer_late, do_first, lose_answer, lose_request, say
from token_issuer.client import ServerUnavailable, SignedOut


@pytest.mark.parametrize("trouble", [lose_answer, lose_request, say(502, "bad gateway"), say(504, "timeout")])
def test_a_lost_refresh_is_asked_again_at_once(client, issuer, trouble):
    first = issuer.sign_in()
    issuer.trouble.append(trouble)
    token = client(refresh_token=first).get()
    assert token.refresh.reveal() == first.replace(".0", ".1")
    assert [seen.form["refresh_token"] for seen in issuer.refreshes] == [first, first]


def test_a_refresh_that_takes_too_long_is_asked_again(client, issuer):
    first = issuer.sign_in()
    issuer.trouble.append(answer_late(0.5))
    assert client(refresh_token=first, timeout=0.1).get().refresh.reveal() == first.replace(".0", ".1")
    assert not issuer.is_closed(first)


def test_a_refresh_is_asked_twice_and_not_more(client, issuer):
    issuer.trouble.extend([lose_answer] * 5)
    with pytest.raises(ServerUnavailable, match="did not answer"):
        client(refresh_token=issuer.sign_in()).get()
    assert len(issuer.refreshes) == 2


def test_nothing_is_sent_again_at_once_when_nobody_listens(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    issuer.trouble.append(say(503, {"error": "unavailable"}))
    with pytest.raises(ServerUnavailable):
        holder.get()
    assert len(issuer.refreshes) == 1


def test_a_refresh_is_not_asked_again_when_the_grace_may_be_over(client, issuer, time):
    issuer.trouble.append(do_first(lambda: time.pass_by(9.8), then=lose_answer))
    with pytest.raises(ServerUnavailable):
        client(refresh_token=issuer.sign_in()).get()
    assert len(issuer.refreshes) == 1


def test_what_was_lost_is_found_again_after_the_cool_down(client, issuer, time):
    first = issuer.sign_in()
    holder = client(refresh_token=first)
    issuer.trouble.extend([lose_answer, lose_answer])
    with pytest.raises(ServerUnavailable) as failed:
        holder.get()
    time.pass_by(failed.value.retry_after)
    assert holder.get().refresh.reveal() == first.replace(".0", ".1")
    assert not issuer.is_closed(first)


def test_after_the_grace_the_server_takes_us_for_a_thief(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    issuer.trouble.extend([lose_answer, lose_answer])
    with pytest.raises(ServerUnavailable):
        holder.get()
    time.pass_by(11)
    with pytest.raises(SignedOut):
        holder.get()


def test_a_call_that_issues_is_not_sent_again(client, issuer):
    issuer.trouble.append(lose_answer)
    with pytest.raises(ServerUnavailable):
        client(api_key=API_KEY, api_secret=API_SECRET).issue("rooms")
    assert len(issuer.seen) == 1
