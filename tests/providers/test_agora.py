from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.formats.agora_values import APP_ID
from tests.providers.orders import AT, order
from token_issuer.crypto import Secret
from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate, TokenMalformed
from token_issuer.formats import agora006, agora007
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import ALLOWED, AgoraGrant, AgoraOptions
from token_issuer.providers.base import Grant, MintedToken, MintOrder, Options, Revocation
from token_issuer.providers.fields import parse

CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
OTHER = "0" * 32
CHANNEL = "room-42"

agora = AgoraProvider()


def granted(subject: int | str = 16, **values: Any) -> AgoraGrant:
    grant = agora.with_subject(AgoraGrant(**{"channel": CHANNEL, **values}), subject)
    assert isinstance(grant, AgoraGrant)
    return grant


def ordered(grant: Grant, *, options: Options | None = None, **values: Any) -> MintOrder:
    found = options or AgoraOptions()
    return order(grant, public_id=APP_ID, parts={"certificate": CERTIFICATE}, options=found, **values)


def minted(grant: Grant, **values: Any) -> MintedToken:
    return agora.mint(ordered(grant, **values))


LEGACY = AgoraOptions(token_version="006")
ACCOUNTS = AgoraOptions(subject="account")
SECRETS = [("k0", Secret(certificate=OTHER)), ("k1", Secret(certificate=CERTIFICATE))]


# Grants


def test_a_grant_is_a_subscriber_of_one_channel_by_default() -> None:
    assert AgoraGrant(channel=CHANNEL).privileges == {"subscriber"}


def test_words_of_a_grant() -> None:
    grant = AgoraGrant(channel=CHANNEL, role="publisher", also_rtm=True, chat=True)
    assert grant.privileges == {"publisher", "rtm", "chat"}
    assert (grant.resource, grant.subject) == (CHANNEL, None)


def test_publisher_implies_subscriber() -> None:
    assert agora.implied(frozenset({"publisher"})) == {"publisher", "subscriber"}


def test_the_vendor_documents_89_characters() -> None:
    assert len(ALLOWED) == 89
    assert not ALLOWED & set("*/\\\"'`\t")


@pytest.mark.parametrize("channel", ["a" * 64, "".join(sorted(ALLOWED))[:63], "".join(sorted(ALLOWED))[63:]])
def test_channels_of_allowed_characters(channel: str) -> None:
    assert AgoraGrant(channel=channel).channel == channel


ONLY = r"may hold only a-z, A-Z, 0-9, blanks and !#\$%&"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"channel": "a" * 65}, "channel: must be at most 64 bytes in UTF-8$"),
        ({"channel": "a/b"}, f"channel: {ONLY}"),
        ({"channel": "é"}, f"channel: {ONLY}"),
        ({"channel": 'a"'}, f"channel: {ONLY}"),
        ({"channel": "a\n"}, f"channel: {ONLY}"),
        ({"channel": "a\0"}, "channel: must not contain the character NUL$"),
        ({"channel": None}, "channel: must not be null$"),
        ({"channel": 5}, "channel: must be a text$"),
        ({"role": "admin"}, "role: must be one of: subscriber, publisher$"),
        ({"role": 1}, "role: must be one of: subscriber, publisher$"),
        ({"also_rtm": 1}, "also_rtm: must be true or false$"),
        ({"chat": "yes"}, "chat: must be true or false$"),
        ({"uid": -1}, "uid: must be at least 0$"),
        ({"uid": 2**32}, "uid: must be at most 4294967295$"),
        ({"uid": True}, "uid: must be a whole number$"),
        ({"uid": 1.5}, "uid: must be a whole number$"),
        ({"account": ""}, "account: must be at least 1 bytes in UTF-8$"),
        ({"account": "a" * 256}, "account: must be at most 255 bytes in UTF-8$"),
        ({"account": "*"}, f"account: {ONLY}"),
        ({"account": "zoë"}, f"account: {ONLY}"),
        ({"account": "42"}, "account: must not be digits alone: Agora reads it as somebody's uid$"),
        ({"account": "0"}, "account: must not be digits alone"),
        ({"uid": 16, "account": "bob"}, "account: must not stand beside a uid"),
        ({"uid": 0, "channel": "*"}, "channel: must be one channel when the token is for any user$"),
        ({"uid": 0, "channel": ""}, "channel: must be one channel when the token is for any user$"),
        ({"uid": 0, "role": "publisher"}, "role: must be subscriber in a token with a wildcard$"),
        ({"channel": "", "role": "publisher"}, "role: must be subscriber in a token with a wildcard$"),
        ({"channel": "a*", "role": "publisher"}, "role: must be subscriber in a token with a wildcard$"),
        ({"uid": 0, "chat": True}, "chat: needs one user; this token is for any$"),
        ({"uid": 0, "also_rtm": True}, "also_rtm: needs one user; this token is for any$"),
        ({"account": "a" * 65, "also_rtm": True}, "also_rtm: allows user accounts of at most 64 bytes$"),
        ({"account": "a" * 65, "chat": True}, "chat: allows user accounts of at most 64 bytes$"),
    ],
)
def test_a_grant_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadGrant, match=f"^{message}"):
        AgoraGrant(**{"channel": CHANNEL, **values})


@pytest.mark.parametrize("name", ["uid", "account", "user"])
def test_the_subject_is_no_field_of_a_body(name: str) -> None:
    with pytest.raises(BadGrant, match=f"^{name}: unknown field"):
        parse(AgoraGrant, {"channel": CHANNEL, name: 16})


@pytest.mark.parametrize(
    ("values", "wild"),
    [
        ({"channel": CHANNEL, "uid": 16}, set()),
        ({"channel": ""}, {"channel"}),
        ({"channel": "*"}, {"channel"}),
        ({"channel": "1*a*2"}, {"channel"}),
        ({"channel": CHANNEL, "uid": 0}, {"uid"}),
    ],
)
def test_wildcards(values: dict[str, Any], wild: set[str]) -> None:
    assert agora.wildcards(AgoraGrant(**values)) == wild


# Subjects


@pytest.mark.parametrize(("subject", "uid"), [(16, 16), (2**31 - 1, 2**31 - 1)])
def test_an_integer_subject_is_the_uid(subject: int, uid: int) -> None:
    assert granted(subject).uid == uid


@pytest.mark.parametrize("subject", [True, -1, 0, 15, 2**31])
def test_an_integer_subject_outside_our_numbers_is_refused(subject: int) -> None:
    with pytest.raises(BadGrant, match=r"^uid: must be 16 to 2,147,483,647$"):
        granted(subject)


def test_a_text_subject_is_the_account() -> None:
    assert granted("user-5:1").subject == "user-5:1"


def test_a_text_subject_of_digits_is_refused() -> None:
    with pytest.raises(BadGrant, match=r"^account: must not be digits alone"):
        granted("16")


# Options


def test_options_of_a_new_application() -> None:
    options = parse(AgoraOptions, {}, error=BadOption)
    assert (options.token_version, agora.subject_kind(options), options.channel_max) == ("007", "integer", 63)


def test_accounts_are_rendered_by_the_pattern() -> None:
    options = AgoraOptions(subject="account", account_pattern="u{user.pk}")
    assert (agora.subject_kind(options), agora.subject_pattern(options)) == ("text", "u{user.pk}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"token_version": "005"}, "token_version: must be one of: 007, 006$"),
        ({"subject": "both"}, "subject: must be one of: integer, account$"),
        ({"account_pattern": "bob"}, "account_pattern: must name the user, for example {user.pk}: else all share"),
        ({"account_pattern": ""}, "account_pattern: must be at least 1 bytes in UTF-8$"),
        ({"cohost_authentication": 1}, "cohost_authentication: must be true or false$"),
        ({"channel_max": 65}, "channel_max: must be at most 64$"),
        ({"channel_max": 62}, "channel_max: must be at least 63$"),
    ],
)
def test_options_refuse(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=f"^{message}"):
        AgoraOptions(**values)


def test_64_bytes_of_channel_are_an_option() -> None:
    grant = AgoraGrant(channel="a" * 64)
    agora.check_grant(grant, AgoraOptions(channel_max=64))
    with pytest.raises(BadGrant, match=r"^channel: must be at most 63 bytes in UTF-8$"):
        agora.check_grant(grant, AgoraOptions())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chat": True}, "chat: needs token version 007; this application makes 006"),
        ({"also_rtm": True}, "also_rtm: needs token version 007; this application makes 006"),
        ({"channel": "*"}, "channel: needs token version 007 to open many channels; this application makes 006"),
    ],
)
def test_006_refuses_what_it_cannot_carry(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadGrant, match=f"^{message}$"):
        agora.check_grant(AgoraGrant(**{"channel": CHANNEL, **values}), LEGACY)


@pytest.mark.parametrize("value", [APP_ID, APP_ID.upper(), "0" * 32])
def test_an_app_id_is_32_hexadecimal_digits(value: str) -> None:
    agora.check_public_id(value)
    agora.check_secret("sign", {"certificate": value})


@pytest.mark.parametrize("value", ["", "0" * 31, "0" * 33, "g" * 32, " " + "0" * 31, "0" * 32 + "\n", "\u0660" * 32])
def test_other_app_ids_and_certificates_are_refused(value: str) -> None:
    with pytest.raises(BadOption, match=r"^public_id: must be 32 hexadecimal digits, without blanks$"):
        agora.check_public_id(value)
    with pytest.raises(BadOption, match=r"^certificate: must be 32 hexadecimal digits, without blanks$"):
        agora.check_secret("sign", {"certificate": value})


@pytest.mark.parametrize("parts", [{}, {"secret": OTHER}, {"certificate": OTHER, "more": "x"}])
def test_a_certificate_has_one_part(parts: dict[str, str]) -> None:
    with pytest.raises(BadOption, match=r"^certificate: "):
        agora.check_secret("sign", parts)


def test_a_certificate_signs_and_nothing_else() -> None:
    with pytest.raises(BadOption, match=r"^purpose: must be sign$"):
        agora.check_secret("call", {"certificate": OTHER})


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
