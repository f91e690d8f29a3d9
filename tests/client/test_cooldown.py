"""After a failure the server is left alone."""

from __future__ import annotations

import pytest

from tests.client.issuer import API_KEY, say
from token_issuer.client import Denied, KeyRefused, RateLimited, ServerUnavailable


@pytest.fixture
def holder(client, issuer, time):
    """A client whose token has expired."""
    holder = client(refresh_token=issuer.sign_in())
    holder.get()
    time.pass_by(3600)
    return holder


def failure(holder, kind=ServerUnavailable):
    with pytest.raises(kind) as caught:
        holder.get()
    return caught.value


def test_the_error_says_when_to_ask_again_and_nobody_asks_earlier(holder, issuer, time):
    issuer.trouble.append(say(503, {"error": "unavailable"}))
    wait = failure(holder).retry_after
    time.pass_by(wait / 2)
    assert failure(holder).retry_after == pytest.approx(wait / 2)
    assert len(issuer.refreshes) == 2
    time.pass_by(wait / 2)
    assert holder.get().is_valid()


def test_a_manual_refresh_is_no_way_around(holder, issuer):
    issuer.trouble.append(say(503, {}))
    failure(holder)
    with pytest.raises(ServerUnavailable):
        holder.refresh()
    assert len(issuer.refreshes) == 2


def test_each_failure_waits_twice_as_long_up_to_a_minute(holder, issuer, time):
    time.chance = 0.5
    waits = []
    for _ in range(9):
        issuer.trouble.append(say(500, "oops"))
        waits.append(failure(holder).retry_after)
        time.pass_by(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_success_forgets_the_failures(holder, issuer, time):
    time.chance = 0.5
    for _ in range(2):
        issuer.trouble.extend([say(500, "oops")] * 2)
        for wait in (1, 2):
            assert failure(holder).retry_after == wait
            time.pass_by(wait)
        holder.get()
        time.pass_by(3600)


@pytest.mark.parametrize(
    "trouble",
    [
        say(429, {"error": "rate_limited", "retry_after": 90}),
        say(429, "slow down", Retry_After="90"),
        say(429, "slow down", Retry_After="Mon, 21 Sep 2026 15:14:50 GMT"),
    ],
    ids=["body", "header", "date"],
)
def test_the_server_says_how_long_to_wait(holder, issuer, time, trouble):
    time.wall = 1_790_003_600.0  # Mon, 21 Sep 2026 15:13:20 GMT
    issuer.trouble.append(trouble)
    assert failure(holder, RateLimited).retry_after == pytest.approx(90, abs=1)


@pytest.mark.parametrize("told", ["soon", "-5", "", "99999999999999999999", "Mon, 99 Foo"])
def test_a_header_that_makes_no_sense_is_bounded(holder, issuer, told):
    issuer.trouble.append(say(429, {}, Retry_After=told))
    assert 0 < failure(holder, RateLimited).retry_after <= 3600


def test_while_the_old_token_is_good_nobody_notices_the_cool_down(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.pass_by(3575)
    issuer.trouble.append(say(503, {}))
    assert [holder.get() for _ in range(5)] == [token] * 5
    assert len(issuer.refreshes) == 2


def test_a_refusal_that_waiting_does_not_cure_waits_longest(holder, issuer, time):
    time.chance = 0.5
    issuer.trouble.append(say(403, {"error": "policy_denied", "reason": "not_a_member"}))
    denied = failure(holder, Denied)
    assert (denied.reason, denied.retry_after) == ("not_a_member", 60)
    assert failure(holder, Denied).reason == "not_a_member"
    assert len(issuer.refreshes) == 2


def test_a_refused_key_is_not_presented_at_each_call(client, issuer):
    holder = client(api_key=API_KEY, api_secret="tis_wrong")
    for _ in range(3):
        failure(holder, KeyRefused)
    assert len(issuer.refreshes) == 1


def test_signing_in_ends_the_cool_down(holder, issuer):
    issuer.trouble.append(say(503, {}))
    failure(holder)
    holder.sign_in(issuer.sign_in())
    assert holder.get().is_valid()
