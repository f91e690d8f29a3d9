"""Refresh tokens: one text a generation, made again at will, and no other text taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crypto.conftest import K1, K2
from token_issuer.crypto import Presented, TokenText, refresh_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    UseRing = Callable[..., None]

FAMILY = UUID("0198d4c3-7a10-7c4e-8f00-5f3b2e9d1a77")
HIGHEST = 2**32 - 1

# The ring stays the same for all examples of one test.
same_ring = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def by_hand(entry: str, *, family: UUID, generation: int) -> str:
    """The text by the formulas of RFC 5869 and RFC 2104, with nothing of ours."""
    key_id, _, encoded = entry.partition(":")
    extracted = hmac.digest(bytes(32), base64.b64decode(encoded), hashlib.sha256)
    subkey = hmac.digest(extracted, b"token_issuer/v1/refresh\x01", hashlib.sha256)
    head = struct.pack(">16sI", family.bytes, generation)
    mac = hmac.digest(subkey, head + key_id.encode(), hashlib.sha256)
    return "tir_" + base64.urlsafe_b64encode(head + mac + key_id.encode()).decode().rstrip("=")


def made(generation: int = 7, key_id: str = "k1", family: UUID = FAMILY) -> str:
    return refresh_texts.make(family=family, generation=generation, key_id=key_id).reveal()


@same_ring
@given(family=st.uuids(), generation=st.integers(0, HIGHEST), entry=st.sampled_from([K1, K2]))
def test_a_text_is_what_the_formula_says(use_ring: UseRing, family: UUID, generation: int, entry: str) -> None:
    use_ring(K1, K2)
    assert made(generation, entry[:2], family) == by_hand(entry, family=family, generation=generation)


@pytest.mark.parametrize("generation", [0, 1, 7, HIGHEST])
def test_what_was_made_is_read(ring: None, generation: int) -> None:
    assert refresh_texts.read(made(generation)) == Presented(family_id=FAMILY, generation=generation, key_id="k1")


def test_a_text_is_read_wrapped_too(ring: None) -> None:
    assert refresh_texts.read(TokenText(made())) == refresh_texts.read(made())


def test_the_same_generation_has_the_same_text(ring: None) -> None:
    assert made() == made()


def test_every_flipped_bit_is_refused(ring: None) -> None:
    content = base64.urlsafe_b64decode(made(key_id="k1").removeprefix("tir_") + "==")
    taken = []
    for bit in range(8 * len(content)):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        taken += [bit] if refresh_texts.read("tir_" + base64.urlsafe_b64encode(altered).decode().rstrip("=")) else []
    assert taken == []


def test_every_other_character_is_refused(ring: None) -> None:
    text = made()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    altered = {text[:at] + letter + text[at + 1 :] for at in range(len(text)) for letter in letters} - {text}
    assert [one for one in altered if refresh_texts.read(one)] == []


@same_ring
@given(text=st.text(max_size=130))
def test_garbage_is_none_of_ours(ring: None, text: str) -> None:
    assert refresh_texts.read(text) is None
    assert refresh_texts.read(f"tir_{text}") is None


def test_a_text_of_an_older_entry_is_read_until_it_leaves_the_ring(use_ring: UseRing) -> None:
    use_ring(K1)
    text = made()
    use_ring(K2, K1)
    assert refresh_texts.read(text) is not None
    use_ring(K2)
    assert refresh_texts.read(text) is None


def test_an_entry_kept_for_fingerprints_opens_no_family(use_ring: UseRing) -> None:
    use_ring(K2, K1.replace("k1:", "fingerprint:"))
    assert refresh_texts.read(by_hand(K1.replace("k1:", "fingerprint:"), family=FAMILY, generation=7)) is None


def test_a_text_of_one_entry_is_not_taken_for_another(use_ring: UseRing) -> None:
    use_ring(K1, K2.replace("k2:", "k1b:"))
    forged = by_hand(K1.replace("k1:", "k1b:"), family=FAMILY, generation=7)
    assert refresh_texts.read(forged) is None


def test_making_names_the_entry_that_is_missing(ring: None) -> None:
    with pytest.raises(ImproperlyConfigured, match="has no key 'k9'"):
        made(key_id="k9")


@pytest.mark.parametrize("generation", [-1, HIGHEST + 1])
def test_a_generation_outside_its_range_has_no_text(ring: None, generation: int) -> None:
    with pytest.raises(ValueError, match="a generation is 0 to"):
        made(generation)


def test_without_a_ring_nothing_is_judged(use_ring: UseRing) -> None:
    use_ring(K1)
    text = made()
    use_ring()
    with pytest.raises(ImproperlyConfigured, match="token_issuer_init"):
        refresh_texts.read(text)


def test_a_text_does_not_show(ring: None) -> None:
    text = refresh_texts.make(family=FAMILY, generation=7, key_id="k1")
    assert text.reveal() not in f"{text} {text!r} {refresh_texts.read(text)!r}"
