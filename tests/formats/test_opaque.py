from __future__ import annotations

import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_issuer.formats import opaque

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIXES = ("tio_", "til_", "tis_")
NOTHING = "tio_" + "0" * 43

entropies = st.binary(min_size=32, max_size=32)
prefixes = st.sampled_from(PREFIXES)


def in_base62(number: int, width: int) -> str:
    """Most significant digit first, by powers: another way than the one under test."""
    return "".join(DIGITS[number // 62**power % 62] for power in reversed(range(width)))


def with_checksum(text: str) -> str:
    return text + in_base62(zlib.crc32(text.encode()), 6)


def test_a_text_that_never_changes():
    # The shape is what secret scanners are told; every text that was handed out depends on it.
    assert opaque.encode("tio_", bytes(range(32))) == "tio_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2EfvEH"


@given(prefixes, entropies)
def test_a_text_is_the_number_and_its_checksum(prefix, entropy):
    expected = with_checksum(prefix + in_base62(int.from_bytes(entropy, "big"), 43))
    assert opaque.encode(prefix, entropy) == expected


@given(prefixes, entropies)
def test_what_was_encoded_passes_under_its_own_prefix_only(prefix, entropy):
    text = opaque.encode(prefix, entropy)
    assert [known for known in PREFIXES if opaque.passes(known, text)] == [prefix]


def test_the_largest_entropy_fits():
    assert opaque.passes("tio_", opaque.encode("tio_", b"\xff" * 32))


@given(entropies, st.integers(0, 52), st.sampled_from(string.ascii_letters + string.digits + "_-= "))
def test_one_other_character_never_passes(entropy, position, letter):
    # CRC32 sees every change within 32 bits, so this holds for all texts and not only for most.
    text = opaque.encode("tio_", entropy)
    altered = text[:position] + letter + text[position + 1 :]
    assert opaque.passes("tio_", altered) is (altered == text)


@given(entropies, st.integers(4, 51))
def test_two_neighbours_in_the_wrong_order_never_pass(entropy, position):
    text = opaque.encode("tio_", entropy)
    altered = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
    assert opaque.passes("tio_", altered) is (altered == text)


@given(entropies, st.integers(0, 52))
def test_a_text_that_was_cut_does_not_pass(entropy, length):
    assert not opaque.passes("tio_", opaque.encode("tio_", entropy)[:length])


@pytest.mark.parametrize("around", ["{}\n", "{} ", " {}", "{}0", "\ufeff{}", "{}\0"])
def test_nothing_may_stand_around_it(around):
    assert not opaque.passes("tio_", around.format(opaque.encode("tio_", bytes(32))))


def test_a_number_beyond_32_bytes_does_not_pass():
    assert opaque.passes("tio_", with_checksum("tio_" + in_base62(2**256 - 1, 43)))
    assert not opaque.passes("tio_", with_checksum("tio_" + in_base62(2**256, 43)))


@pytest.mark.parametrize("text", [None, 7, b"tio_", ["tio_"], "", "tio_", NOTHING + "\uff10" * 6, "\ud800" * 53])
def test_anything_else_does_not_pass(text):
    assert opaque.passes("tio_", text) is False


@given(st.text(max_size=80))
def test_garbage_never_raises(text):
    assert opaque.passes("tio_", text) is False


@given(st.text(max_size=80))
def test_garbage_behind_a_prefix_never_raises(text):
    assert opaque.passes("tio_", "tio_" + text) is False


@pytest.mark.parametrize("prefix", ["", "tio", "TIO_", "_", "t_", "ti o_", "tïo_", "tio_tio_", "tio_\n"])
def test_a_prefix_is_lower_case_letters_and_one_underline(prefix):
    with pytest.raises(ValueError, match=r"^a prefix is 2 to 8 lower-case letters and _$"):
        opaque.encode(prefix, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_the_entropy_is_32_bytes(length):
    with pytest.raises(ValueError, match=r"^the entropy is 32 bytes$"):
        opaque.encode("tio_", bytes(length))


def test_base62_keeps_its_width():
    assert (opaque.base62(b"\x00", digits=3), opaque.base62(b"\xff" * 16, digits=22)) == (
        "000",
        in_base62(2**128 - 1, 22),
    )


def test_base62_does_not_cut():
    with pytest.raises(ValueError, match=r"^the digits do not suffice$"):
        opaque.base62(b"\xff" * 16, digits=21)
