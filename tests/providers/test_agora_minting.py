"""Agora tokens as they are made, and what is answered beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.formats.agora_values import APP_ID
from tests.providers.agora_orders import ACCOUNTS, CERTIFICATE, CHANNEL, LEGACY, agora, granted, minted, ordered
from tests.providers.orders import AT
from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate
from token_issuer.formats import agora006, agora007
from token_issuer.providers.agora.grant import AgoraGrant, AgoraOptions
from token_issuer.providers.base import Grant, Options, Revocation

# Minting


@pytest.mark.parametrize(
    ("values", "services"),
    [
        ({}, [agora007.Rtc(privileges={1: 600}, channel=CHANNEL, uid="16")]),
        (
            {"role": "publisher"},
            [agora007.Rtc(privileges={1: 600, 2: 600, 3: 600, 4: 600}, channel=CHANNEL, uid="16")],
        ),
        (
            {"also_rtm": True, "chat": True},
            [
                agora007.Rtc(privileges={1: 600}, channel=CHANNEL, uid="16"),
                agora007.Rtm(privileges={1: 600}, user_id="16"),
                agora007.Chat(privileges={1: 600}, user_id="16"),
            ],
        ),
        ({"channel": "*"}, [agora007.Rtc(privileges={1: 600}, channel="*", uid="16")]),
    ],
)
def test_mint_007(values: dict[str, Any], services: list[agora007.Service]) -> None:
    token = minted(granted(**values))
    decoded = agora007.decode(token.value)
    assert list(decoded.services) == services
    assert (decoded.app_id, decoded.lifetime, decoded.issued_ts) == (APP_ID, 600, int(AT.timestamp()))
    assert (token.format, token.key_id, token.public_id) == ("agora-007", "k1", APP_ID)


def test_any_user_is_an_empty_uid_on_the_wire() -> None:
    decoded = agora007.decode(minted(AgoraGrant(channel=CHANNEL, uid=0)).value)
    assert decoded.services == (agora007.Rtc(privileges={1: 600}, channel=CHANNEL, uid=""),)


def test_the_salt_is_the_orders_entropy() -> None:
    assert agora007.decode(minted(granted(), entropy=b"\1\2\3\4" + bytes(28)).value).salt == 0x01020304


@pytest.mark.parametrize(("role", "numbers"), [("subscriber", [1]), ("publisher", [1, 2, 3, 4])])
def test_mint_006(role: str, numbers: list[int]) -> None:
    token = minted(granted(role=role), options=LEGACY)
    decoded = agora006.decode(token.value)
    ends_ts = int(AT.timestamp()) + 600
    assert (decoded.ends_ts, dict(decoded.privileges)) == (ends_ts, dict.fromkeys(numbers, ends_ts))
    assert agora006.verify(token.value, CERTIFICATE.encode(), channel=CHANNEL, uid="16")
    assert token.format == "agora-006"


@pytest.mark.parametrize("lifetime", [-1, 0, 59, 86_401, 1_767_225_600])
def test_mint_refuses_lifetimes(lifetime: int) -> None:
    with pytest.raises(BadGrant, match=r"^lifetime: must be 60 to 86,400 seconds$"):
        minted(granted(), lifetime=lifetime)


def test_mint_refuses_a_grant_without_a_subject() -> None:
    with pytest.raises(BadGrant, match=r"^uid: must be filled in before a token is made$"):
        minted(AgoraGrant(channel=CHANNEL))


@pytest.mark.parametrize(
    ("subject", "options", "message"),
    [
        ("bob", AgoraOptions(), "account: must not be set: this application names its users by uid"),
        (16, ACCOUNTS, "uid: must not be set: this application names its users by account"),
    ],
)
def test_mint_never_mixes_uids_and_accounts(subject: int | str, options: AgoraOptions, message: str) -> None:
    with pytest.raises(BadGrant, match=f"^{message}$"):
        minted(granted(subject), options=options)


def test_mint_asks_the_options_again() -> None:
    with pytest.raises(BadGrant, match=r"^chat: needs token version 007"):
        minted(granted(chat=True), options=LEGACY)


def test_mint_refuses_an_order_without_a_secret() -> None:
    with pytest.raises(NoActiveCertificate, match="purpose 'sign'"):
        agora.mint(replace(ordered(granted()), secret=None))


def test_mint_refuses_the_grant_and_options_of_another_provider() -> None:
    with pytest.raises(BadGrant, match=r"^grant: must be an Agora grant$"):
        minted(Grant())
    with pytest.raises(BadOption, match=r"^options: must be those of an Agora application$"):
        agora.mint(replace(ordered(granted()), options=Options()))


# What the vendor's SDK takes


@pytest.mark.parametrize(
    ("grant", "options", "expected"),
    [
        (granted(), AgoraOptions(), {"channel": CHANNEL, "uid": 16}),
        (granted("bob"), ACCOUNTS, {"channel": CHANNEL, "uid": "bob"}),
        (granted(channel="*"), AgoraOptions(), {"uid": 16}),
        (AgoraGrant(channel=CHANNEL, uid=0), AgoraOptions(), {"channel": CHANNEL, "uid": None}),
    ],
)
def test_sdk(grant: AgoraGrant, options: AgoraOptions, expected: dict[str, object]) -> None:
    token = minted(grant, options=options)
    assert agora.sdk(token, grant) == {"appid": APP_ID, "token": token.value, **expected}
    json.dumps(agora.sdk(token, grant))


def test_a_subscriber_is_told_that_the_role_does_not_bind() -> None:
    (notice,) = agora.notices(granted(), AgoraOptions())
    assert notice.startswith("Co-host authentication is not known to be on for this Agora project")


@pytest.mark.parametrize(
    ("grant", "options"),
    [(granted(role="publisher"), AgoraOptions()), (granted(), AgoraOptions(cohost_authentication=True))],
)
def test_nothing_is_told_where_there_is_nothing_to_say(grant: AgoraGrant, options: AgoraOptions) -> None:
    assert agora.notices(grant, options) == ()


def test_facts() -> None:
    assert (agora.revocation, agora.renewable, agora.lifetimes.default) == (Revocation.AT_EXPIRY, True, 3600)
    assert {error.code for error in agora.vendor.errors} >= {"101", "102", "109", "110"}
