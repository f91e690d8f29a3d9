"""Known answers through our own wrappers (C2SP wycheproof and RFC 4231; the file names each source)."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import pytest

from tests.vectors import load_vectors
from token_issuer.crypto.primitives import aead_open, aead_seal, hkdf_sha256, hmac_sha256

VECTORS = load_vectors("jws.json")
GCM: list[dict[str, Any]] = VECTORS["aes_256_gcm"]
HMAC: list[dict[str, Any]] = VECTORS["hmac_sha256"]
unhex = bytes.fromhex


def test_every_vector_is_here() -> None:
    assert (len(GCM), len(HMAC)) == (66, 91)


@pytest.mark.parametrize("vector", GCM, ids=itemgetter("id"))
def test_opening_gives_the_known_answer(vector: dict[str, Any]) -> None:
    sealed, nonce, associated = unhex(vector["ct"] + vector["tag"]), unhex(vector["iv"]), unhex(vector["aad"])
    expected = unhex(vector["msg"]) if vector["expect"] == "accept" else None
    assert aead_open(unhex(vector["key"]), sealed, nonce=nonce, associated=associated) == expected


@pytest.mark.parametrize("vector", [v for v in GCM if v["expect"] == "accept"], ids=itemgetter("id"))
def test_sealing_gives_the_known_answer(vector: dict[str, Any]) -> None:
    nonce, associated = unhex(vector["iv"]), unhex(vector["aad"])
    sealed = aead_seal(unhex(vector["key"]), unhex(vector["msg"]), nonce=nonce, associated=associated)
    assert sealed.hex() == vector["ct"] + vector["tag"]


@pytest.mark.parametrize("vector", HMAC, ids=itemgetter("id"))
def test_hmac_gives_the_known_answer(vector: dict[str, Any]) -> None:
    tag = hmac_sha256(unhex(vector["key"]), unhex(vector["msg"]))
    assert (tag.hex() == vector["tag"]) is (vector["expect"] == "accept")


@pytest.mark.parametrize(("nonce", "sealed"), [(bytes(11), bytes(32)), (bytes(12), bytes(15)), (b"", b"")])
def test_what_is_too_short_does_not_open(nonce: bytes, sealed: bytes) -> None:
    assert aead_open(bytes(32), sealed, nonce=nonce, associated=b"") is None


def test_subkeys_of_two_labels_differ() -> None:
    assert hkdf_sha256(bytes(32), "seal") != hkdf_sha256(bytes(32), "fingerprint")


def test_a_subkey_never_changes() -> None:
    # Computed by RFC 5869's formula with `hmac` alone; every stored value depends on it.
    assert (
        hkdf_sha256(bytes(range(32)), "seal").hex()
        == "37cb191879a5e767b98443465089babfd63dc35682f804259cbe343cde2331f2"
    )
