"""What an Agora grant, its subject and an application's options may say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.formats.agora_values import APP_ID
from tests.providers.agora_orders import CHANNEL, LEGACY, OTHER, agora, granted
from token_issuer.errors import BadGrant, BadOption
from token_issuer.providers.agora.grant import ALLOWED, AgoraGrant, AgoraOptions
from token_issuer.providers.fields import parse

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


def test_a_certificate_signs_or_calls_and_nothing_else() -> None:
    with pytest.raises(BadOption, match=r"^purpose: must be sign or call$"):
        agora.check_secret("seal", {"certificate": OTHER})


# Patterns


@pytest.mark.parametrize(
    ("pattern", "channel", "opens"),
    [
        ("room-*", "room-1", True),
        ("room-*", "room-", True),
        ("room-*", "lobby", False),
        ("1*a*2", "1xa2", True),
        ("1*a*2", "12", False),
        ("*", "anything", True),
        ("a.c*", "abc", False),
        ("room-1", "room-1", False),
        ("room-1", "room-*", False),
    ],
)
def test_which_channels_a_pattern_opens(pattern: str, channel: str, opens: bool) -> None:
    assert agora.covers(pattern, channel) is opens
