from __future__ import annotations

import base64
import contextlib
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.agora_values import APP_ID, CERTIFICATE
from tests.formats.strategies import arguments_007
from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import agora007
from token_issuer.formats.agora007 import Apaas, Chat, Fpa, Rtc, Rtm, Rtm2

CHANNEL = "7d72365eb983485397e3e3f9d460bdda"


def rtc(**changes: Any) -> Rtc:
    return Rtc(**{"privileges": {Rtc.JOIN_CHANNEL: 600}, "channel": CHANNEL, "uid": "2882341273", **changes})


def encode(**changes: Any) -> str:
    arguments = {"app_id": APP_ID, "certificate": CERTIFICATE, "issued_ts": 1111111, "lifetime": 600, "salt": 1}
    return agora007.encode(**{**arguments, "services": [rtc()], **changes})


def text_of(payload: bytes) -> str:
    return "007" + base64.b64encode(zlib.compress(payload)).decode()


def payload_of(services: bytes) -> bytes:
    """A payload with a signature of nothing, this many bytes of services behind the header."""
    header = len(APP_ID).to_bytes(2, "little") + APP_ID.encode() + bytes(12)
    return (32).to_bytes(2, "little") + bytes(32) + header + services


@given(arguments_007)
def test_what_was_encoded_is_decoded(arguments):
    found = agora007.decode(agora007.encode(**arguments))
    assert list(found.services) == sorted(arguments["services"], key=lambda one: one.number)
    assert [found.app_id, found.issued_ts, found.lifetime, found.salt] == [
        arguments[name] for name in ("app_id", "issued_ts", "lifetime", "salt")
    ]


@given(arguments_007)
def test_what_was_encoded_verifies_with_its_certificate_alone(arguments):
    token, certificate = agora007.encode(**arguments), arguments["certificate"]
    other = certificate[:-1] + (b"0" if certificate[-1:] != b"0" else b"1")
    assert agora007.verify(token, certificate)
    assert not agora007.verify(token, other)


@given(st.binary(max_size=400).map(text_of) | st.binary(max_size=200).map(payload_of).map(text_of))
def test_only_malformed_escapes_from_garbage_that_inflates(token):
    with contextlib.suppress(TokenMalformed):
        agora007.verify(token, CERTIFICATE)


@given(st.text(max_size=300).map("007".__add__) | st.text(max_size=20))
def test_only_malformed_escapes_from_any_text(token):
    with pytest.raises(TokenMalformed):
        agora007.decode(token)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"app_id": "invalid"}, "app_id: must be 32 hexadecimal digits"),
        ({"certificate": CERTIFICATE[:-1]}, "certificate: must be 32 hexadecimal digits, as ASCII bytes"),
    ],
)
def test_a_bad_project_is_an_option(changes, message):
    with pytest.raises(BadOption) as caught:
        encode(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lifetime": 0}, "lifetime: must be 1 to 86,400"),
        ({"lifetime": 86_401}, "lifetime: must be 1 to 86,400"),
        ({"lifetime": 1_700_000_000}, "lifetime: must be 1 to 86,400"),
        ({"lifetime": True}, "lifetime: must be an integer"),
        ({"lifetime": 600.0}, "lifetime: must be an integer"),
        ({"issued_ts": -1}, "issued_ts: must be 0 to 4,294,967,295"),
        ({"issued_ts": 1.5}, "issued_ts: must be an integer"),
        ({"salt": 2**32}, "salt: must be 0 to 4,294,967,295"),
        ({"services": []}, "services: must name at least one service"),
        ({"services": ["rtc"]}, "services: must be services of this module"),
        ({"services": [rtc(channel=None)]}, "channel: must be a text"),
        ({"services": [rtc(channel="\udc00")]}, "channel: must be valid Unicode"),
        ({"services": [rtc(channel="x" * 65_536)]}, "channel: must be at most 65,535 bytes in UTF-8"),
        ({"services": [rtc(uid=42)]}, "uid: must be a text"),
        ({"services": [rtc(privileges={1: 2**32})]}, "privileges: must be 0 to 4,294,967,295"),
        ({"services": [rtc(privileges={70_000: 1})]}, "privileges: must be 0 to 65,535"),
        ({"services": [rtc(privileges=None)]}, "privileges: must be a map"),
        ({"services": [Rtm(privileges={}, user_id=None)]}, "user_id: must be a text"),  # type: ignore[arg-type]
        (
            {"services": [Apaas(privileges={}, room_uuid="", user_uuid="", role=32_768)]},
            "role: must be -32,768 to 32,767",
        ),
        ({"services": [Rtm2(privileges={}, user_id="", permissions={1: {0: "name"}})]}, "permissions: must list names"),
        (
            {"services": [Rtm2(privileges={}, user_id="", permissions={1: {0: {"name"}}})]},  # type: ignore[dict-item]
            "permissions: must list names",
        ),
        ({"services": [Rtm2(privileges={}, user_id="", permissions={1: ["a"]})]}, "permissions: must be a map"),  # type: ignore[dict-item]
    ],
)
def test_what_does_not_fit_the_wire_is_refused_by_name(changes, message):
    with pytest.raises(BadGrant) as caught:
        encode(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("channel", ["a" * 65_535, random.Random(7).randbytes(16_000).hex()])
def test_a_token_that_nobody_could_read_is_not_made(channel):
    with pytest.raises(BadGrant) as caught:
        encode(services=[rtc(channel=channel)])
    assert str(caught.value) == "services: must fit a token of 16,384 characters, 65,536 bytes inflated"


def test_services_are_sorted_by_type_and_keep_the_order_inside_one():
    services = [Chat(privileges={}, user_id="b"), Chat(privileges={}, user_id="a"), Fpa(privileges={}), rtc()]
    assert agora007.decode(encode(services=services)).services == (services[3], services[2], services[0], services[1])


def test_the_callers_values_stay_as_they_were():
    services, privileges = [Fpa(privileges={}), rtc()], {2: 5, 1: 6}
    encode(services=[rtc(privileges=privileges), *services])
    assert (list(privileges), services) == ([2, 1], [Fpa(privileges={}), rtc()])


def test_an_unknown_service_and_what_follows_is_reported_unread():
    known = b"\x04\x00" + b"\x00\x00"
    found = agora007.decode(text_of(payload_of(b"\x03\x00" + known + b"\x09\x00" + b"\x00\x00tail")))
    assert found.services == (Fpa(privileges={}),)
    assert found.unread == agora007.Unread(number=9, count=2, data=b"\x00\x00tail")


def test_a_token_with_an_unknown_service_still_verifies():
    token = encode(services=[Fpa(privileges={})])
    message = agora007.decode(token).message[:-4] + b"\x63\x00" + b"\x00\x00"
    signature = agora007._sign(message, CERTIFICATE, issued_ts=1111111, salt=1)
    assert agora007.verify(text_of(b"\x20\x00" + signature + message), CERTIFICATE)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (payload_of(b"\x00\x00"), "The token names no service."),
        (payload_of(b"\x01\x00" + b"\x04\x00" + b"\x00\x00" + b"x"), "The token has bytes after its end."),
        (payload_of(b"\x02\x00" + b"\x04\x00" + b"\x00\x00"), "The token ends too early."),
        (b"\x01\x00x", "The token's signature is not 32 bytes."),
        (b"\x20\x00" + bytes(32) + b"\x01\x00x", "The token's App ID is not 32 hexadecimal digits."),
        (bytes(65_537), "The token inflates to more than 65,536 bytes."),
    ],
)
def test_what_a_payload_must_not_be(payload, message):
    with pytest.raises(TokenMalformed) as caught:
        agora007.decode(text_of(payload))
    assert str(caught.value) == message


def test_a_bomb_is_not_inflated():
    with pytest.raises(TokenMalformed, match=r"^The token inflates to more than 65,536 bytes\.$"):
        agora007.decode(text_of(bytes(10_000_000)))


def test_the_longest_payload_is_read():
    found = agora007.decode(encode(services=[rtc(channel="a" * 65_400)]))
    assert len(found.payload) > 65_500


@pytest.mark.parametrize("token", [None, b"007", 7])
def test_only_texts_and_decoded_tokens_are_verified(token):
    with pytest.raises(TokenMalformed, match=r"^The token does not begin with 007\.$"):
        agora007.verify(token, CERTIFICATE)


def test_verify_takes_what_was_decoded():
    assert agora007.verify(agora007.decode(encode()), CERTIFICATE)


def test_verify_names_a_bad_certificate():
    with pytest.raises(BadOption, match=r"^certificate: must be 32 hexadecimal digits, as ASCII bytes$"):
        agora007.verify(encode(), b"short")


def test_signature_and_message_stay_out_of_repr():
    shown = repr(agora007.decode(encode()))
    assert "message" not in shown
    assert "signature" not in shown
