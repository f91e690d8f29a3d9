from __future__ import annotations

import base64
import string
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_issuer.errors import TokenMalformed
from token_issuer.formats import refresh_text

FAMILY, MAC = bytes(range(16)), bytes(range(100, 132))
TEXT = refresh_text.encode(family=FAMILY, generation=258, key_id="k1", mac=MAC)

LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

values = st.fixed_dictionaries(
    {
        "family": st.binary(min_size=16, max_size=16),
        "generation": st.integers(0, 2**32 - 1),
        "key_id": st.from_regex(r"\A[A-Za-z0-9_-]{1,32}\Z"),
        "mac": st.binary(min_size=32, max_size=32),
    }
)


def packed(content: bytes) -> str:
    return "tir_" + base64.urlsafe_b64encode(content).decode().rstrip("=")


@given(values)
def test_a_text_is_family_generation_mac_and_key_id(value):
    content = struct.pack(">16sI32s", value["family"], value["generation"], value["mac"]) + value["key_id"].encode()
    assert refresh_text.encode(**value) == packed(content)


@given(values)
def test_what_was_encoded_is_read(value):
    assert refresh_text.read(refresh_text.encode(**value)) == refresh_text.RefreshText(**value)


@given(values)
def test_all_but_the_mac_is_signed(value):
    expected = struct.pack(">16sI", value["family"], value["generation"]) + value["key_id"].encode()
    del value["mac"]
    assert refresh_text.signed_bytes(**value) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": bytes(15)}, "a family is 16 bytes"),
        ({"family": bytes(17)}, "a family is 16 bytes"),
        ({"generation": -1}, "a generation is 0 to 4,294,967,295"),
        ({"generation": 2**32}, "a generation is 0 to 4,294,967,295"),
        ({"key_id": ""}, "not a key id of the ring"),
        ({"key_id": "k" * 33}, "not a key id of the ring"),
        ({"key_id": "k.1"}, "not a key id of the ring"),
        ({"key_id": "k1\n"}, "not a key id of the ring"),
        ({"key_id": "ké"}, "not a key id of the ring"),
        ({"mac": bytes(31)}, "a MAC is 32 bytes"),
        ({"mac": bytes(33)}, "a MAC is 32 bytes"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        refresh_text.encode(**{"family": FAMILY, "generation": 0, "key_id": "k1", "mac": MAC, **change})


@pytest.mark.parametrize(
    "text",
    [
        None,
        TEXT.encode(),
        "",
        "tir_",
        TEXT.removeprefix("tir_"),
        TEXT.upper(),
        TEXT.replace("tir_", "tio_"),
        TEXT + "=",
        TEXT + "\n",
        " " + TEXT,
        TEXT[:-1] + "+",
        "tir_" + "\u0410" * 80,
        "tir_" + "A" * 1_000_000,
    ],
)
def test_texts_of_another_shape(text):
    with pytest.raises(TokenMalformed, match=r"^The text is not a refresh token\.$"):
        refresh_text.read(text)


@pytest.mark.parametrize("content", [bytes(52), bytes(51), bytes(52) + b"k" * 33])
def test_contents_that_are_too_short_or_too_long(content):
    with pytest.raises(TokenMalformed):
        refresh_text.read(packed(content))


@pytest.mark.parametrize("key_id", [b"k.1", b"k 1", b"\0", b"\xff", b"k1\n", "ké".encode()])
def test_key_ids_that_no_ring_has(key_id):
    with pytest.raises(TokenMalformed, match=r"^The refresh token names no key of a ring\.$"):
        refresh_text.read(packed(bytes(52) + key_id))


def test_unused_bits_must_be_zero():
    # 53 bytes leave four bits of the last letter without meaning, so 16 letters spell the same bytes.
    text = refresh_text.encode(family=FAMILY, generation=0, key_id="k", mac=MAC)
    position = LETTERS.index(text[-1])
    for other in range(position + 1, position + 4):
        with pytest.raises(TokenMalformed, match=r"^The token is not canonical base64url\.$"):
            refresh_text.read(text[:-1] + LETTERS[other])


@given(st.text(max_size=130) | st.binary(max_size=100).map(packed))
def test_only_malformed_escapes_and_only_one_spelling_passes(text):
    try:
        found = refresh_text.read(text)
    except TokenMalformed:
        return
    again = refresh_text.encode(family=found.family, generation=found.generation, key_id=found.key_id, mac=found.mac)
    assert again == text


def test_the_mac_is_not_shown():
    assert repr(MAC) not in repr(refresh_text.read(TEXT))
