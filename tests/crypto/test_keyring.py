"""The key ring: what it accepts, what it refuses and how it says so."""

from __future__ import annotations

import base64
import hashlib
import traceback
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.crypto.conftest import K1, K2
from token_issuer.crypto import keyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    UseRing = Callable[..., None]

SITE_KEY = "a-site-key-of-fifty-characters-or-so-0123456789abc"


def entry(key: bytes, key_id: str = "k1") -> str:
    return f"{key_id}:{base64.b64encode(key).decode()}"


def test_the_first_entry_seals_and_all_open(use_ring: UseRing) -> None:
    use_ring(K2, K1)
    assert (keyring.ring().sealing_key.key_id, list(keyring.ring().keys)) == ("k2", ["k2", "k1"])


def test_one_text_with_commas_is_the_same_ring(settings: Settings) -> None:
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": f"{K2}, {K1}, "}
    assert list(keyring.ring().keys) == ["k2", "k1"]


@pytest.mark.parametrize(
    "rewrite", [lambda text: text.rstrip("="), lambda text: text.replace("+", "-").replace("/", "_")]
)
def test_both_base64_alphabets_and_missing_padding_are_read(use_ring: UseRing, rewrite: Callable[[str], str]) -> None:
    text = entry(bytes(range(224, 256)))
    use_ring(text)
    expected = keyring.ring().sealing_key.subkey(keyring.SEAL)
    use_ring(rewrite(text))
    assert keyring.ring().sealing_key.subkey(keyring.SEAL) == expected


def test_blanks_around_a_key_do_not_matter(use_ring: UseRing) -> None:
    use_ring(f" {K1.replace(':', ': ')} ")
    assert keyring.ring().sealing_key.key_id == "k1"


def test_eight_different_bytes_are_enough(use_ring: UseRing) -> None:
    use_ring(entry(bytes(range(8)) * 4))
    assert keyring.ring().sealing_key.key_id == "k1"


@pytest.mark.parametrize(
    ("entries", "missing"), [([], True), (["nocolon"], False), ([entry(SITE_KEY.encode()[:32])], False), ([K1], False)]
)
def test_a_broken_ring_is_not_a_missing_one(
    use_ring: UseRing, settings: Settings, entries: list[str], missing: bool
) -> None:
    settings.SECRET_KEY = SITE_KEY
    use_ring(*entries)
    assert keyring.reading_of_settings().missing is missing


def test_a_missing_ring_names_the_cure(use_ring: UseRing) -> None:
    use_ring()
    with pytest.raises(ImproperlyConfigured, match="token_issuer_init"):
        keyring.ring()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["nocolon"], r"Entry 1 of .* must be written"),
        (["bad.id:" + K1[3:]], r"Entry 1 of .* must be written"),
        (["k" * 33 + K1[2:]], r"Entry 1 of .* must be written"),
        ([K1, "k2:%%%"], r"Entry 2 of .* \('k2'\) holds a key that is not base64"),
        ([K1, "k2:ключ"], r"Entry 2 of .* \('k2'\) holds a key that is not base64"),
        ([entry(bytes(range(31)))], r"\('k1'\) holds a key of 31 bytes; 32 are needed"),
        ([entry(bytes(range(33)))], r"\('k1'\) holds a key of 33 bytes; 32 are needed"),
        ([entry(b"\1" * 32)], r"\('k1'\) holds a key that is not random"),
        ([entry(b"abcdefg" * 4 + b"abcd")], r"\('k1'\) holds a key that is not random"),
        ([K1, "k1:" + K2[3:]], r"names the id 'k1' 2 times"),
        ([K1, "k2:" + K1[3:]], r"holds the same key under two entries"),
        (["fingerprint:" + K1[3:]], r"needs an entry that seals"),
    ],
)
def test_a_malformed_ring_is_refused_by_position_and_id(use_ring: UseRing, entries: list[str], message: str) -> None:
    use_ring(*entries)
    with pytest.raises(ImproperlyConfigured, match=message):
        keyring.ring()


@pytest.mark.parametrize(
    "made",
    [
        lambda key: key[:32],
        lambda key: key[-32:],
        lambda key: hashlib.sha256(key).digest(),
        lambda key: hashlib.sha256(key).hexdigest()[:32].encode(),
        lambda key: hashlib.sha512(key).digest()[:32],
        lambda key: hashlib.blake2b(key, digest_size=32).digest(),
        lambda key: hashlib.sha3_256(key).digest(),
    ],
)
@pytest.mark.parametrize("setting", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_key_made_from_secret_key_is_refused(
    settings: Settings, use_ring: UseRing, made: Callable[[bytes], bytes], setting: str
) -> None:
    setattr(settings, setting, SITE_KEY if setting == "SECRET_KEY" else [SITE_KEY])
    use_ring("malformed", entry(made(SITE_KEY.encode())))
    assert "Entry 2 ('k1')" in keyring.reading_of_settings().derived[0]
    with pytest.raises(ImproperlyConfigured, match="is SECRET_KEY or made from it"):
        keyring.ring()


@pytest.mark.parametrize("site_key", ["short-but-many-letters", b"short-but-many-letters"])
def test_a_padded_secret_key_is_refused(settings: Settings, use_ring: UseRing, site_key: str | bytes) -> None:
    settings.SECRET_KEY = site_key
    use_ring(entry(b"short-but-many-letters".ljust(32, b"\0")))
    assert keyring.reading_of_settings().derived


def test_a_secret_key_that_is_the_entrys_base64_is_refused(settings: Settings, use_ring: UseRing) -> None:
    settings.SECRET_KEY = K1[3:]
    use_ring(K1)
    assert keyring.reading_of_settings().derived


def test_no_error_shows_a_key_even_with_local_variables(use_ring: UseRing) -> None:
    use_ring(K1, K1)
    with pytest.raises(ImproperlyConfigured) as caught:
        keyring.ring()
    inside = list(caught.traceback)[1:]
    assert K1[3:] not in str(caught.value) + repr([frame.locals for frame in inside])


def test_a_key_the_ring_lacks_is_named(ring: None) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"has no key 'k0'.*it has: k1"):
        keyring.ring().key("k0")


def test_the_whole_ring_shows_no_key(ring: None) -> None:
    shown = "".join(traceback.format_exception_only(ValueError(repr(keyring.ring()))))
    assert K1[3:] not in shown


def test_a_new_first_key_leaves_the_fingerprint_key(use_ring: UseRing) -> None:
    use_ring(K1)
    before = keyring.ring().fingerprint_key.subkey(keyring.FINGERPRINT)
    use_ring(K2, K1)
    assert keyring.ring().fingerprint_key.subkey(keyring.FINGERPRINT) == before


@pytest.mark.parametrize("order", [1, -1])
def test_a_dropped_key_can_be_kept_for_fingerprints_alone(use_ring: UseRing, order: int) -> None:
    use_ring(K1)
    before = keyring.ring().fingerprint_key.subkey(keyring.FINGERPRINT)
    use_ring(*[K2, "fingerprint:" + K1[3:]][::order])
    assert keyring.ring().fingerprint_key.subkey(keyring.FINGERPRINT) == before
    assert list(keyring.ring().keys) == ["k2"]
