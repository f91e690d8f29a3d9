"""Digests find, fingerprints are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.crypto.conftest import K1, K2
from token_issuer.crypto import Secret, TokenText, digests, keyring
from token_issuer.crypto.primitives import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    UseRing = Callable[..., None]

SECRET = Secret(secret="s", api_key="a")


@pytest.mark.parametrize("text", ["abc", TokenText("abc")])
def test_a_digest_is_sha256_in_hex(text: str | TokenText) -> None:
    # FIPS 180-4, the example of the message "abc".
    assert digests.digest(text) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_any_text_has_a_digest() -> None:
    assert len(digests.digest("\ud800")) == 64


def test_a_tokens_fingerprint_is_the_start_of_its_digest() -> None:
    assert digests.token_fingerprint(TokenText("abc")) == "ba7816bf8f01cfea"


def test_a_fingerprint_is_keyed(ring: None) -> None:
    key = keyring.ring().sealing_key.subkey("fingerprint")
    assert digests.fingerprint(SECRET) == hmac_sha256(key, b'{"api_key":"a","secret":"s"}').hex()[:16]


def test_a_fingerprint_survives_the_rotation_of_the_ring(use_ring: UseRing) -> None:
    found = set()
    for ring in ([K1], [K2, K1], [K2, K1.replace("k1:", "fingerprint:")]):
        use_ring(*ring)
        found.add(digests.fingerprint(SECRET))
    assert len(found) == 1


def test_without_a_ring_there_is_no_fingerprint(use_ring: UseRing) -> None:
    use_ring()
    with pytest.raises(ImproperlyConfigured, match="token_issuer_init"):
        digests.fingerprint(SECRET)


@pytest.mark.parametrize(
    ("left", "right", "equal"), [("a", "a", True), ("a", "A", False), ("a", "a ", False), ("\ud800", "\ud800", True)]
)
def test_same_compares_exactly(left: str, right: str, equal: bool) -> None:
    assert digests.same(left, right) is equal
