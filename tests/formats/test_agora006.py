from __future__ import annotations

import base64
import contextlib
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.agora_values import APP_ID, CERTIFICATE
from tests.formats.strategies import arguments_006
from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import agora006


def encode(**changes: Any) -> str:
    arguments: dict[str, Any] = {
        "app_id": APP_ID,
        "certificate": CERTIFICATE,
        "channel": "room1",
        "uid": "23",
        "salt": 1,
        "ends_ts": 1111111,
        "privileges": {agora006.JOIN_CHANNEL: 1446455471},
    }
    return agora006.encode(**{**arguments, **changes})


def text_of(content: bytes) -> str:
    return "006" + APP_ID + base64.b64encode(content).decode()


@given(arguments_006)
def test_what_was_encoded_is_decoded(arguments):
    found = agora006.decode(agora006.encode(**arguments))
    wanted = {name: arguments[name] for name in ("app_id", "salt", "ends_ts", "privileges")}
    assert {name: getattr(found, name) for name in wanted} == wanted


@given(arguments_006)
def test_what_was_encoded_verifies_with_its_certificate_alone(arguments):
    token, certificate = agora006.encode(**arguments), arguments["certificate"]
    other = certificate[:-1] + (b"0" if certificate[-1:] != b"0" else b"1")
    names = {"channel": arguments["channel"], "uid": arguments["uid"]}
    assert agora006.verify(token, certificate, **names)
    assert not agora006.verify(token, other, **names)


@given(st.binary(max_size=200).map(text_of) | st.binary(max_size=80).map(lambda some: text_of(b"\x20\x00" + some)))
def test_only_malformed_escapes_from_garbage(token):
    with contextlib.suppress(TokenMalformed):
        agora006.verify(token, CERTIFICATE, channel="a", uid="")


@given(st.text(max_size=200).map("006".__add__) | st.text(max_size=20))
def test_only_malformed_escapes_from_any_text(token):
    with pytest.raises(TokenMalformed):
        agora006.decode(token)


@pytest.mark.parametrize(("channel", "uid"), [("room2", "23"), ("room1", "24"), ("room1", ""), ("", "room123")])
def test_another_channel_or_uid_is_refused(channel, uid):
    assert not agora006.verify(encode(), CERTIFICATE, channel=channel, uid=uid)


@pytest.mark.parametrize(("channel", "uid"), [("room12", "3"), ("room123", "")])
def test_the_splicing_weakness_is_real(channel, uid):
    """Whoever holds a token for room1 and 23 can rewrite the checksums, without the certificate."""
    mine = encode()
    content = bytearray(base64.b64decode(mine[35:]))
    content[34:38] = zlib.crc32(channel.encode()).to_bytes(4, "little")
    content[38:42] = zlib.crc32(uid.encode()).to_bytes(4, "little")
    assert agora006.verify(text_of(bytes(content)), CERTIFICATE, channel=channel, uid=uid)


def test_the_signature_alone_does_not_name_the_channel():
    assert not agora006.verify(encode(), CERTIFICATE, channel="room12", uid="3")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"app_id": "invalid"}, BadOption, "app_id: must be 32 hexadecimal digits"),
        ({"certificate": b"invalid"}, BadOption, "certificate: must be 32 hexadecimal digits, as ASCII bytes"),
        ({"channel": None}, BadGrant, "channel: must be a text"),
        ({"uid": 23}, BadGrant, "uid: must be a text"),
        ({"salt": True}, BadGrant, "salt: must be an integer"),
        ({"salt": -1}, BadGrant, "salt: must be 0 to 4,294,967,295"),
        ({"ends_ts": 2**32}, BadGrant, "ends_ts: must be 0 to 4,294,967,295"),
        ({"privileges": {1: -1}}, BadGrant, "privileges: must be 0 to 4,294,967,295"),
        ({"privileges": dict.fromkeys(range(3_000), 1)}, BadGrant, "privileges: must fit a token of 16,384 characters"),
        (
            {"privileges": dict.fromkeys(range(20_000), 1)},
            BadGrant,
            "privileges: must be at most 65,535 bytes in UTF-8",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, error, message):
    with pytest.raises(error) as caught:
        encode(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("007" + encode()[3:], "The token does not begin with 006."),
        (encode()[:20], "The token's App ID is not 32 hexadecimal digits."),
        ("006" + "g" * 32 + encode()[35:], "The token's App ID is not 32 hexadecimal digits."),
        (encode()[:-1], "The token is not Base64."),
        ("006" + APP_ID + "A" * 17_000, "The token is longer than 16,384 characters."),
        (text_of(b"\x01\x00x"), "The token's signature is not 32 bytes."),
        (text_of(base64.b64decode(encode()[35:]) + b"x"), "The token has bytes after its end."),
        (text_of(b"\x20\x00" + bytes(40) + b"\x0b\x00" + bytes(11)), "The token has bytes after its end."),
    ],
)
def test_what_a_token_must_not_be(token, message):
    with pytest.raises(TokenMalformed) as caught:
        agora006.decode(token)
    assert str(caught.value) == message


def test_verify_takes_what_was_decoded():
    assert agora006.verify(agora006.decode(encode()), CERTIFICATE, channel="room1", uid="23")


@pytest.mark.parametrize("token", [None, b"006"])
def test_only_texts_and_decoded_tokens_are_verified(token):
    with pytest.raises(TokenMalformed, match=r"^The token does not begin with 006\.$"):
        agora006.verify(token, CERTIFICATE, channel="a", uid="")


def test_signature_and_message_stay_out_of_repr():
    shown = repr(agora006.decode(encode()))
    assert "message" not in shown
    assert "signature" not in shown
