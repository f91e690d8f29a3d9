"""Sealing: only the same place, key and bytes open a value again."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.crypto.conftest import K1, K2
from token_issuer.crypto import SealBroken, Secret, vault
from token_issuer.crypto.encoding import base64url, from_base64url
from token_issuer.crypto.keyring import SEAL
from token_issuer.crypto.keyring import ring as current_ring
from token_issuer.crypto.primitives import aead_seal

if TYPE_CHECKING:
    from collections.abc import Callable

    UseRing = Callable[..., None]

pytestmark = pytest.mark.usefixtures("ring")

SECRET = Secret(api_key="a", secret="canary-3b9e")
PLACE: dict[str, Any] = {"table": "certificate", "field": "sealed_secret", "row": UUID(int=1)}


def opened(sealed: bytes | memoryview, **changes: Any) -> Secret:
    with vault.open(sealed, **{**PLACE, **changes}) as secret:
        return secret


def test_what_is_sealed_opens_to_the_same_parts() -> None:
    assert opened(vault.seal(SECRET, **PLACE)) == SECRET


def test_postgresql_hands_out_a_memoryview() -> None:
    assert opened(memoryview(vault.seal(SECRET, **PLACE))) == SECRET


def test_two_sealings_differ() -> None:
    assert vault.seal(SECRET, **PLACE) != vault.seal(SECRET, **PLACE)


def test_the_format_is_four_pieces_of_ascii() -> None:
    version, key_id, nonce, data = vault.seal(SECRET, **PLACE).decode("ascii").split(".")
    assert (version, key_id, len(from_base64url(nonce) or b"")) == ("v1", "k1", 12)
    assert len(from_base64url(data) or b"") == len('{"api_key":"a","secret":"canary-3b9e"}') + 16


def test_the_format_is_kept() -> None:
    # Written by this code's first release; every later one must open it.
    sealed = b"v1.k1.zv7gBUEl8lDnmLBY.fDM1XDdCusd5-aBLp6VYnSkJ17OaWDOBEoS0gXCJAj0s8zAkqROv9HBeXFfxdr11yt1JjQ-j"
    assert opened(sealed) == SECRET


@pytest.mark.parametrize(
    "change",
    [{"table": "vendor_account"}, {"field": "sealed_proof"}, {"row": UUID(int=2)}],
    ids=["table", "field", "row"],
)
def test_a_moved_value_does_not_open(change: dict[str, object]) -> None:
    with pytest.raises(SealBroken, match=r"cannot be opened with the key 'k1': it was altered or moved"):
        opened(vault.seal(SECRET, **PLACE), **change)


def test_table_and_field_do_not_run_together() -> None:
    with pytest.raises(SealBroken):
        opened(vault.seal(SECRET, **{**PLACE, "table": "ab", "field": "c"}), table="a", field="bc")


def test_another_key_id_does_not_open(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    use_ring(K1.replace("k1:", "k9:"))
    with pytest.raises(SealBroken, match="key 'k9'"):
        opened(sealed.replace(b".k1.", b".k9."))


def test_every_altered_bit_is_refused() -> None:
    sealed = vault.seal(SECRET, **PLACE)
    for position in range(len(sealed)):
        for bit in range(8):
            altered = bytearray(sealed)
            altered[position] ^= 1 << bit
            with pytest.raises(ImproperlyConfigured):
                opened(bytes(altered))


def test_every_shortened_value_is_refused() -> None:
    sealed = vault.seal(SECRET, **PLACE)
    for length in range(len(sealed)):
        with pytest.raises(ImproperlyConfigured):
            opened(sealed[:length])


@pytest.mark.parametrize("sealed", [b"", b"plain", b"v1.k1.", b"v1.k 1.a.b", b"v1.k1.a.b.c", b"\xff.k1.a.b"])
def test_what_is_no_sealed_value_says_so(sealed: bytes) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"not a sealed one|unknown version|cannot be opened"):
        opened(sealed)


def test_an_unknown_version_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match="unknown version 'v2'"):
        opened(vault.seal(SECRET, **PLACE).replace(b"v1.", b"v2."))


def test_an_unknown_key_is_named(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    use_ring(K2)
    with pytest.raises(ImproperlyConfigured, match="has no key 'k1'"):
        opened(sealed)


def test_the_value_of_a_key_kept_for_fingerprints_does_not_open(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    use_ring(K2, K1.replace("k1:", "fingerprint:"))
    with pytest.raises(ImproperlyConfigured, match="has no key 'k1'"):
        opened(sealed)


@pytest.mark.parametrize("plaintext", [b"", b"{}", b"[]", b'{"a": 1}', b"\xff", b"[" * 3000])
def test_sealed_bytes_that_are_no_secret_do_not_become_an_empty_one(plaintext: bytes) -> None:
    nonce, key = bytes(12), current_ring().sealing_key
    associated = b"".join(
        len(piece).to_bytes(4, "big") + piece
        for piece in (b"v1", b"certificate", b"sealed_secret", UUID(int=1).bytes, b"k1")
    )
    data = aead_seal(key.subkey(SEAL), plaintext, nonce=nonce, associated=associated)
    with pytest.raises(SealBroken):
        opened(f"v1.k1.{base64url(nonce)}.{base64url(data)}".encode())


def test_without_a_ring_nothing_is_sealed(use_ring: UseRing) -> None:
    use_ring()
    with pytest.raises(ImproperlyConfigured, match="token_issuer_init"):
        vault.seal(SECRET, **PLACE)


def test_resealing_moves_a_value_under_the_first_key(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    use_ring(K2, K1)
    moved = vault.reseal(sealed, **PLACE)
    assert moved is not None
    assert (vault.key_id_of(moved), opened(moved)) == ("k2", SECRET)


def test_resealing_leaves_a_value_that_is_under_the_first_key() -> None:
    assert vault.reseal(vault.seal(SECRET, **PLACE), **PLACE) is None


def test_the_key_id_is_read_without_a_ring(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    use_ring()
    assert vault.key_id_of(sealed) == "k1"


def test_a_broken_seal_shows_neither_key_nor_secret(use_ring: UseRing) -> None:
    sealed = vault.seal(SECRET, **PLACE)
    with pytest.raises(SealBroken) as caught:
        opened(sealed, row=UUID(int=2))
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert K1[3:] not in shown
    assert "canary-3b9e" not in shown
