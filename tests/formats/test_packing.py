from __future__ import annotations

import zlib

import pytest

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import packing

HEX = "970CA35de60c44645bbae8a215061b33"


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (packing.u16(258, "f"), "0201"),
        (packing.u32(16_909_060, "f"), "04030201"),
        (packing.i16(-1, "f"), "ffff"),
        (packing.i16(-0x8000, "f"), "0080"),
        (packing.text("é", "f"), "0200c3a9"),
        (packing.pairs({256: 2, 1: 3}, "f"), "02000100030000000001" + "02000000"),
        (packing.mapping({1: 5}, "f", pack_value=packing.u16), "010001000500"),
    ],
)
def test_packs_little_endian_in_key_order(packed, expected):
    assert packed.hex() == expected


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
@pytest.mark.parametrize("pack", [packing.u16, packing.u32, packing.i16])
def test_only_integers_are_numbers(pack, value):
    with pytest.raises(BadGrant, match=r"^salt: must be an integer$") as caught:
        pack(value, "salt")
    assert caught.value.field == "salt"


@pytest.mark.parametrize(
    ("pack", "value", "message"),
    [
        (packing.u16, -1, "f: must be 0 to 65,535"),
        (packing.u16, 65_536, "f: must be 0 to 65,535"),
        (packing.u32, -1, "f: must be 0 to 4,294,967,295"),
        (packing.u32, 2**32, "f: must be 0 to 4,294,967,295"),
        (packing.i16, 0x8000, "f: must be -32,768 to 32,767"),
        (packing.i16, -0x8001, "f: must be -32,768 to 32,767"),
        (packing.text, "x" * 65_536, "f: must be at most 65,535 bytes in UTF-8"),
        (packing.text, "é" * 32_768, "f: must be at most 65,535 bytes in UTF-8"),
        (packing.text, 42, "f: must be a text"),
        (packing.text, b"x", "f: must be a text"),
        (packing.text, "\ud800", "f: must be valid Unicode"),
        (packing.pairs, [(1, 2)], "f: must be a map"),
        (packing.pairs, {True: 2}, "f: must be an integer"),
        (packing.pairs, {1: True}, "f: must be an integer"),
        (packing.pairs, {65_536: 1}, "f: must be 0 to 65,535"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(pack, value, message):
    with pytest.raises(BadGrant) as caught:
        pack(value, "f")
    assert str(caught.value) == message


@pytest.mark.parametrize(("uid", "expected"), [(0, ""), (1, "1"), (2**32 - 1, "4294967295"), ("0", "0"), ("a", "a")])
def test_uid_text(uid, expected):
    assert packing.uid_text(uid) == expected


@pytest.mark.parametrize("uid", [-1, 2**32])
def test_uid_out_of_range(uid):
    with pytest.raises(BadGrant, match=r"^uid: must be 0 to 4,294,967,295$"):
        packing.uid_text(uid)


@pytest.mark.parametrize("uid", [True, False, 1.5, None])
def test_uid_of_another_type(uid):
    with pytest.raises(BadGrant, match=r"^account: must be an integer$"):
        packing.uid_text(uid, "account")


def test_identifiers_keep_their_case():
    assert packing.app_id_bytes(HEX) == HEX.encode() == packing.check_certificate(HEX.encode())


@pytest.mark.parametrize("bad", ["", HEX[:-1], HEX + "0", HEX[:-1] + "g", HEX[:-1] + " ", HEX + "\n", None, b"id"])
def test_bad_app_id(bad):
    with pytest.raises(BadOption, match=r"^app_id: must be 32 hexadecimal digits$"):
        packing.app_id_bytes(bad)


@pytest.mark.parametrize("bad", [b"", HEX[:-1].encode(), HEX.encode() + b"\n", b"\xff" * 32, HEX, None])
def test_bad_certificate_is_named_and_never_quoted(bad):
    with pytest.raises(BadOption) as caught:
        packing.check_certificate(bad)
    assert str(caught.value) == "certificate: must be 32 hexadecimal digits, as ASCII bytes"


def test_reads_what_was_packed():
    reader = packing.Reader(b"\x02\x01" + b"\x04\x03\x02\x01" + b"\xff\xff" + b"\x02\x00\xc3\xa9" + b"rest")
    assert (reader.u16(), reader.u32(), reader.i16(), reader.text(), reader.rest()) == (
        258,
        16_909_060,
        -1,
        "é",
        b"rest",
    )


@pytest.mark.parametrize(
    ("read", "data", "message"),
    [
        (packing.Reader.u16, b"\x01", "The token ends too early."),
        (packing.Reader.raw, b"\x02\x00a", "The token ends too early."),
        (packing.Reader.text, b"\x01\x00\xff", "The token has a text that is not UTF-8."),
        (
            packing.Reader.pairs,
            b"\x02\x00" + 2 * b"\1\0\5\0\0\0",
            "The token has a map with a repeated key.",
        ),
        (packing.Reader.signature, b"\x01\x00a", "The token's signature is not 32 bytes."),
        (packing.Reader.end, b"a", "The token has bytes after its end."),
    ],
)
def test_what_cannot_be_read_is_malformed(read, data, message):
    with pytest.raises(TokenMalformed) as caught:
        read(packing.Reader(data))
    assert str(caught.value) == message


def test_what_was_read_cannot_be_changed():
    pairs = packing.Reader(b"\x01\x00\x01\x00\x05\x00\x00\x00").pairs()
    with pytest.raises(TypeError):
        pairs[1] = 6  # type: ignore[index]  # the point


@pytest.mark.parametrize("content", ["YQ", "YQ=", "Y Q==", "YQ==\n", "YR==", "YQ==YQ==", "é", "-_-_"])
def test_only_one_spelling_of_base64(content):
    with pytest.raises(TokenMalformed, match="Base64"):
        packing.from_base64(content)


def test_base64_says_what_is_wrong():
    with pytest.raises(TokenMalformed, match=r"^The token is not canonical Base64\.$"):
        packing.from_base64("YR==")
    with pytest.raises(TokenMalformed, match=r"^The token is not Base64\.$"):
        packing.from_base64("Y")


def test_inflates_up_to_the_limit():
    assert packing.inflate(zlib.compress(b"a" * 100), limit=100) == b"a" * 100


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"abc", "The token is not zlib data."),
        (zlib.compress(b"a" * 101), "The token inflates to more than 100 bytes."),
        (zlib.compress(b"a" * 90)[:-1], "The token's zlib data ends too early."),
        (zlib.compress(b"a") + b"b", "The token has bytes after its zlib data."),
    ],
)
def test_what_does_not_inflate(data, message):
    with pytest.raises(TokenMalformed) as caught:
        packing.inflate(data, limit=100)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("006abc", "The token does not begin with 007."),
        (None, "The token does not begin with 007."),
        (b"007", "The token does not begin with 007."),
        ("007" + "A" * 16_382, "The token is longer than 16,384 characters."),
    ],
)
def test_version_and_length_come_first(token, message):
    with pytest.raises(TokenMalformed) as caught:
        packing.after_prefix(token, "007")
    assert str(caught.value) == message


def test_longest_token_passes_the_length_limit():
    assert packing.after_prefix("007" + "A" * 16_381, "007") == "A" * 16_381


def test_bad_app_id_in_a_token():
    with pytest.raises(TokenMalformed, match=r"^The token's App ID is not 32 hexadecimal digits\.$"):
        packing.read_app_id("x" * 32)
