"""Voximplant's login tokens: what their numbers mean, and what is handed back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.providers.orders import order
from token_issuer.errors import BadGrant
from token_issuer.providers.called import PairTexts
from token_issuer.providers.fields import parse
from token_issuer.providers.voximplant import VoximplantGrant, VoximplantOptions, VoximplantProvider
from token_issuer.providers.voximplant.login_tokens import (
    ACCESS_LIFETIME,
    REFRESH_LIFETIME,
    LoginTokens,
    seconds_left,
)

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW = int(AT.timestamp())
HOURS_48, DAYS_30 = ACCESS_LIFETIME, REFRESH_LIFETIME
TOKENS = {"accessToken": "a" * 32, "accessExpire": 172_800, "refreshToken": "r" * 32, "refreshExpire": 2_592_000}

voximplant = VoximplantProvider()


@pytest.mark.parametrize(
    ("reported", "documented", "left"),
    [
        # Seconds, as the native SDKs and the page on authorization have it.
        (1, HOURS_48, 1),
        (172_800, HOURS_48, 172_800),
        (2_592_000, DAYS_30, 2_592_000),
        (172_800 + 86_400, HOURS_48, 172_800 + 86_400),
        # More than any of them lives, whatever clocks say.
        (172_800 + 86_401, HOURS_48, HOURS_48),
        (90_000_000, DAYS_30, DAYS_30),
        (99_999_999, DAYS_30, DAYS_30),
        # The documented lifetimes in milliseconds.
        (172_800_000, HOURS_48, 172_800),
        (2_592_000_000, DAYS_30, 2_592_000),
        (100_000_000, HOURS_48, 100_000),
        # A Unix time in seconds.
        (NOW + 172_800, HOURS_48, 172_800),
        (NOW + 60, HOURS_48, 60),
        # A Unix time in milliseconds.
        ((NOW + 172_800) * 1000, HOURS_48, 172_800),
        ((NOW + 60) * 1000 + 999, DAYS_30, 60),
        # As a Unix time or as milliseconds it would fit: unclear.
        (NOW + 2_592_000, DAYS_30, DAYS_30),
        # It fits nothing: an instant that is over, or far away, or a unit nobody documents.
        (NOW - 60, HOURS_48, HOURS_48),
        (NOW, HOURS_48, HOURS_48),
        (NOW + 10**8, HOURS_48, HOURS_48),
        (10**10, HOURS_48, HOURS_48),
        (10**11, DAYS_30, DAYS_30),
        ((NOW - 60) * 1000, HOURS_48, HOURS_48),
        (NOW * 10**4, HOURS_48, HOURS_48),
    ],
)
def test_a_number_is_read_by_its_size(reported, documented, left):
    assert seconds_left(reported, documented=documented, at=AT) == left


def deposited(**changes):
    handed = parse(LoginTokens, TOKENS | changes)
    return voximplant.deposited(handed, options=VoximplantOptions(), at=AT)


def test_what_the_sdk_has_is_taken_as_it_is():
    pair = deposited(accessExpire=172_800_000, refreshExpire=2_592_000_000)
    assert (pair.access, pair.refresh) == ("a" * 32, "r" * 32)
    assert (pair.access_expires_at, pair.refresh_expires_at) == (AT + timedelta(hours=48), AT + timedelta(days=30))


def test_what_it_said_is_kept_as_it_said_it():
    assert deposited(accessExpire=NOW + 60).reported == {"accessExpire": NOW + 60, "refreshExpire": 2_592_000}


@pytest.mark.parametrize(
    ("name", "value"),
    [("accessToken", ""), ("accessToken", "a b"), ("refreshToken", None), ("accessExpire", 0), ("refreshExpire", "1")],
)
def test_what_is_wrong_is_named(name, value):
    with pytest.raises(BadGrant) as caught:
        deposited(**{name: value})
    assert list(caught.value.fields) == [name]


def test_they_do_not_show():
    assert "a" * 32 not in repr(parse(LoginTokens, TOKENS))


def handed_out(*, later: timedelta):
    grant = voximplant.with_subject(VoximplantGrant(device="tab-1"), "user1")
    pair = PairTexts(
        access="access",
        access_expires_at=AT + timedelta(hours=48),
        refresh="refresh",
        refresh_expires_at=AT + timedelta(days=30),
    )
    made = voximplant.handed_out(order(grant, public_id="app.acc.voximplant.com", parts={}, at=AT + later), pair)
    return made, voximplant.sdk(made, grant)


def test_both_go_back_to_their_device():
    made, sdk = handed_out(later=timedelta(hours=1))
    assert (made.value, made.format, made.expires_at) == ("access", "voximplant-access", AT + timedelta(days=30))
    assert sdk == {
        "username": "user1@app.acc.voximplant.com",
        "accessToken": "access", "accessExpire": 47 * 3600,
        "refreshToken": "refresh", "refreshExpire": 30 * 86_400 - 3600,
    }  # fmt: skip


def test_when_the_access_token_is_over_the_client_renews_with_the_other():
    made, sdk = handed_out(later=timedelta(hours=48))
    assert (made.value, made.format, made.expires_at) == ("refresh", "voximplant-refresh", AT + timedelta(days=30))
    assert "accessToken" not in sdk


def test_a_grant_has_a_key_or_a_device():
    for body, field in (({}, "login_key"), ({"login_key": "k", "device": "d"}, "device")):
        with pytest.raises(BadGrant) as caught:
            parse(VoximplantGrant, body)
        assert caught.value.field == field


def test_a_device_has_a_name():
    assert voximplant.device_of(voximplant.grant_for("tab-1")) == "tab-1"
    with pytest.raises(BadGrant, match="one device's"):
        voximplant.grant_for("")


def test_a_device_spends_no_key_and_is_not_minted():
    grant = voximplant.with_subject(VoximplantGrant(device="tab-1"), "user1")
    assert voximplant.spends(grant) is None
    with pytest.raises(BadGrant):
        voximplant.mint(order(grant, public_id="a.b.voximplant.com", parts={}))
