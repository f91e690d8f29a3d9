"""What a family remembers of a password hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.crypto.conftest import K1, K2
from token_issuer.crypto import keyring, stamps
from token_issuer.crypto.primitives import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Callable

    UseRing = Callable[..., None]

HASH = "pbkdf2_sha256$1000000$salt$digest"


def test_a_stamp_is_keyed(ring: None) -> None:
    key = keyring.ring().sealing_key.subkey("password-stamp")
    assert stamps.password_stamp(HASH) == hmac_sha256(key, HASH.encode()).hex()[:32]


@pytest.mark.parametrize("other", ["", HASH + " ", HASH.upper(), "!unusable", "\ud800"])
def test_another_hash_has_another_stamp(ring: None, other: str) -> None:
    assert stamps.password_stamp(other) != stamps.password_stamp(HASH)


def test_a_stamp_survives_the_rotation_of_the_ring(use_ring: UseRing) -> None:
    found = set()
    for ring in ([K1], [K2, K1], [K2, K1.replace("k1:", "fingerprint:")]):
        use_ring(*ring)
        found.add(stamps.password_stamp(HASH))
    assert len(found) == 1


def test_without_a_ring_there_is_no_stamp(use_ring: UseRing) -> None:
    use_ring()
    with pytest.raises(ImproperlyConfigured, match="token_issuer_init"):
        stamps.password_stamp(HASH)
