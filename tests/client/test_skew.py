"""This machine's clock is wrong; the server's is right."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.client.conftest import NOW
from token_issuer.client import MemoryStore
from token_issuer.client.clock import ServerClock, instant

HOURS = [-7200.0, 0.0, 7200.0]


@pytest.fixture(params=HOURS, ids=["behind", "right", "ahead"])
def ahead(request, time):
    time.server_ahead = request.param
    return request.param


def test_the_end_is_told_in_the_servers_time(client, issuer, ahead):
    token = client(refresh_token=issuer.sign_in()).get()
    assert abs(token.expires_at - instant(NOW + ahead + 3600)) <= timedelta(seconds=1)


def test_a_life_is_counted_where_it_is_used(client, issuer, time, ahead):
    token = client(refresh_token=issuer.sign_in()).get()
    time.pass_by(3599)
    assert (token.is_valid(), token.is_valid(leeway=1), token.expires_in) == (True, False, 1)
    time.pass_by(1)
    assert (token.is_valid(), token.expires_in) == (False, 0)


def test_setting_the_wall_clock_ends_no_token(client, issuer, time):
    holder = client(refresh_token=issuer.sign_in())
    token = holder.get()
    time.wall += 86400
    assert holder.get() is token


def test_a_stored_token_is_as_old_as_the_server_says(client, issuer, time, ahead):
    store = MemoryStore()
    client(refresh_token=issuer.sign_in(), store=store).get()
    time.pass_by(3500)
    time.ticks = 5.0  # another process, after the machine was started again
    token = client(store=store).get()
    assert token.expires_in == pytest.approx(100, abs=1)
    time.pass_by(75)
    client(store=store).get()
    assert len(issuer.refreshes) == 2


def test_a_stored_token_is_counted_anew_when_this_clock_was_corrected(client, issuer, time):
    time.server_ahead = 7200
    store = MemoryStore()
    client(refresh_token=issuer.sign_in(), store=store).get()
    other = client(store=store)
    other.revoke("unknown")  # hears the server's time
    time.wall, time.server_ahead = time.wall + 7200, 0
    other.revoke("unknown")
    assert other.get().expires_in == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_makes_no_sense_is_not_heard(time, date):
    server = ServerClock(time.clock())
    server.hear(date, sent=NOW)
    assert (server.heard, server.ahead) == (False, 0.0)


def test_half_of_the_wait_is_the_way_there(time):
    server = ServerClock(time.clock())
    time.pass_by(4)
    server.hear("Mon, 21 Sep 2026 14:13:22 GMT", sent=NOW)  # NOW is 14:13:20
    assert server.ahead == 0.5
