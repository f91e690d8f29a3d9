"""Agora tokens as they are read and verified."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.formats.agora_values import APP_ID
from tests.providers.agora_orders import CERTIFICATE, CHANNEL, LEGACY, SECRETS, agora, granted, minted
from tests.providers.orders import AT
from token_issuer.errors import TokenMalformed
from token_issuer.formats import agora006, agora007
from token_issuer.providers.agora.grant import AgoraGrant, AgoraOptions

# Reading


def test_inspect_007() -> None:
    seen = agora.inspect(minted(granted(role="publisher", also_rtm=True, chat=True)).value)
    assert (seen.public_id, seen.subject, seen.resource) == (APP_ID, "16", CHANNEL)
    assert seen.privileges == {"publisher", "rtm", "chat"}
    assert (seen.issued_at, seen.expires_at) == (AT, AT + timedelta(seconds=600))
    assert (seen.problems, seen.notes) == ((), ())
    assert ("rtc", "1: 600, 2: 600, 3: 600, 4: 600") in seen.details


def test_inspect_006() -> None:
    seen = agora.inspect(minted(granted(role="publisher"), options=LEGACY).value)
    assert (seen.public_id, seen.subject, seen.resource) == (APP_ID, None, None)
    assert (seen.privileges, seen.issued_at, seen.expires_at) == (
        frozenset({"publisher"}),
        None,
        AT + timedelta(seconds=600),
    )
    assert seen.problems == ()
    assert seen.notes == ("A 006 token holds checksums of channel and user only; to verify it, both must be known.",)


def encoded(*services: agora007.Service, lifetime: int = 600) -> str:
    return agora007.encode(
        app_id=APP_ID, certificate=CERTIFICATE.encode(), issued_ts=1, lifetime=lifetime, salt=1, services=services
    )


MANY_USERS, MANY_CHANNELS = "The token is good for more than one user.", "The token is good for more than one channel."


@pytest.mark.parametrize(
    ("channel", "uid", "notes"),
    [
        ("", "16", (MANY_CHANNELS,)),
        ("a*", "16", (MANY_CHANNELS,)),
        (CHANNEL, "", (MANY_USERS,)),
        (CHANNEL, "a*", (MANY_USERS,)),
        (CHANNEL, "16", ()),
    ],
)
def test_inspect_notes_wildcards(channel: str, uid: str, notes: tuple[str, ...]) -> None:
    assert agora.inspect(encoded(agora007.Rtc(privileges={1: 600}, channel=channel, uid=uid))).notes == notes


UNEVEN = "Privileges do not end with the token: users may stay without a warning, or be removed early."
APP_TOKEN = "This is an app token: it administers the whole application and must never be in a browser."


@pytest.mark.parametrize(
    ("service", "problems"),
    [
        (agora007.Rtc(privileges={1: 0}, channel="a", uid="b"), (UNEVEN,)),
        (agora007.Chat(privileges={2: 600}, user_id=""), (APP_TOKEN,)),
        (agora007.Apaas(privileges={3: 600}, room_uuid="", user_uuid="", role=-1), (APP_TOKEN,)),
        (agora007.Fpa(privileges={1: 600}), ()),
    ],
)
def test_inspect_says_what_is_wrong(service: agora007.Service, problems: tuple[str, ...]) -> None:
    assert agora.inspect(encoded(service)).problems == problems


@pytest.mark.parametrize(
    ("service", "subject", "privileges"),
    [
        (agora007.Rtm(privileges={1: 600}, user_id="bob"), "bob", {"rtm"}),
        (agora007.Rtm2(privileges={1: 600}, user_id="bob", permissions={}), None, {"rtm"}),
        (agora007.Chat(privileges={1: 600}, user_id="bob"), "bob", {"chat"}),
        (agora007.Chat(privileges={2: 600}, user_id=""), "", set()),
        (agora007.Fpa(privileges={1: 600}), None, set()),
    ],
)
def test_inspect_reads_other_services(service: agora007.Service, subject: str | None, privileges: set[str]) -> None:
    seen = agora.inspect(encoded(service))
    assert (seen.subject, seen.resource, set(seen.privileges)) == (subject, None, privileges)


def test_inspect_006_says_when_privileges_outlive_the_token() -> None:
    token = agora006.encode(
        app_id=APP_ID, certificate=CERTIFICATE.encode(), channel="bob", uid="", salt=1, ends_ts=9, privileges={1000: 0}
    )
    seen = agora.inspect(token)
    assert (seen.privileges, seen.problems) == (frozenset({"rtm"}), (UNEVEN,))


def test_inspect_reads_a_lifetime_as_the_vendor_does() -> None:
    token = _with_lifetime(0)
    seen = agora.inspect(token)
    assert seen.expires_at == datetime.fromtimestamp(1 + 86_400, tz=UTC)
    assert "Agora reads a lifetime of 0 or of more than 24 hours as 24 hours." in seen.problems


def _with_lifetime(seconds: int) -> str:
    decoded = agora007.decode(encoded(agora007.Fpa(privileges={1: 600})))
    at = 2 + 32 + 4
    message = decoded.message[:at] + seconds.to_bytes(4, "little") + decoded.message[at + 4 :]
    return _written(replace(decoded, message=message).payload)


def _written(payload: bytes) -> str:
    return "007" + base64.b64encode(zlib.compress(payload)).decode()


def test_what_cannot_be_read_is_said_and_is_never_expected() -> None:
    stranger = agora007.Fpa(privileges={1: 600})
    token = _rewritten(encoded(agora007.Rtc(privileges={1: 600}, channel=CHANNEL, uid="16"), stranger), number=99)
    assert agora.inspect(token).problems == ("The token has services that this version cannot read.",)
    assert "privileges_differ" in agora.verify(token, secrets=SECRETS, expected=granted()).problems


def _rewritten(token: str, *, number: int) -> str:
    decoded = agora007.decode(token)
    last = agora007.Fpa(privileges={1: 600}).pack()
    message = decoded.message.removesuffix(last) + number.to_bytes(2, "little") + last[2:]
    return _written(replace(decoded, message=message).payload)


@pytest.mark.parametrize("token", ["003abc", "004abc", "005abc", "1:abc:1:d"])
def test_retired_formats_are_refused_by_name(token: str) -> None:
    with pytest.raises(
        TokenMalformed, match=r"^This is a dynamic key of Agora's old SDKs, no longer supported; make a"
    ):
        agora.inspect(token)


@pytest.mark.parametrize("token", ["", "008abc", "eyJhbGciOiJIUzI1NiJ9.e30.x"])
def test_other_texts_are_no_agora_tokens(token: str) -> None:
    with pytest.raises(TokenMalformed, match=r"^This is not an Agora token: it begins with neither 007 nor 006.$"):
        agora.inspect(token)


# Verifying


@pytest.mark.parametrize("options", [AgoraOptions(), LEGACY], ids=["007", "006"])
def test_verify_names_the_certificate_that_signed(options: AgoraOptions) -> None:
    grant = granted(role="publisher")
    found = agora.verify(minted(grant, options=options).value, secrets=SECRETS, expected=grant)
    assert (found.valid, found.key_id, found.problems) == (True, "k1", ())


@pytest.mark.parametrize("options", [AgoraOptions(), LEGACY], ids=["007", "006"])
def test_verify_refuses_the_signature_of_a_stranger(options: AgoraOptions) -> None:
    grant = granted()
    found = agora.verify(minted(grant, options=options).value, secrets=SECRETS[:1], expected=grant)
    assert (found.valid, found.key_id, found.problems) == (False, None, ("bad_signature",))


@pytest.mark.parametrize("options", [AgoraOptions(), LEGACY], ids=["007", "006"])
@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        (granted(32), "subject_differs"),
        (granted(channel="elsewhere"), "resource_differs"),
        (granted(role="publisher"), "privileges_differ"),
    ],
)
def test_verify_names_what_differs(options: AgoraOptions, expected: AgoraGrant, problem: str) -> None:
    found = agora.verify(minted(granted(), options=options).value, secrets=SECRETS, expected=expected)
    assert (found.valid, found.problems) == (False, (problem,))


def test_verify_007_needs_no_expectation() -> None:
    assert agora.verify(minted(granted()).value, secrets=SECRETS, expected=None).valid


def test_verify_006_needs_an_expectation() -> None:
    found = agora.verify(minted(granted(), options=LEGACY).value, secrets=SECRETS, expected=None)
    assert (found.valid, found.problems) == (False, ("expected_needed",))


def test_verify_finds_privileges_that_outlive_the_token() -> None:
    token = encoded(agora007.Rtc(privileges={1: 0}, channel=CHANNEL, uid="16"))
    assert agora.verify(token, secrets=SECRETS, expected=granted()).problems == ("privileges_differ",)


@pytest.mark.parametrize(
    "grant",
    [granted(chat=True, also_rtm=True, role="publisher"), granted("bob"), AgoraGrant(channel=CHANNEL, uid=0)],
)
def test_a_grant_is_recalled_from_its_row(grant: AgoraGrant) -> None:
    subject = grant.subject
    assert subject is not None
    assert agora.recalled(subject=subject, resource=grant.resource, privileges=grant.privileges) == grant
