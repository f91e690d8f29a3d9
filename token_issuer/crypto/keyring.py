"""The key ring: ``TOKEN_ISSUER["ENCRYPTION_KEYS"]``, a list of ``"id:base64 of 32 bytes"``.

The first entry seals, all open ("first writes, all read"). No entry is used as it stands: each use has a subkey of
its own, derived by HKDF under a label, so that a fingerprint's key is never a cipher's key.

Fingerprints are made under the **last** entry, so that putting a new key in front changes none of them. To drop that
entry and keep every fingerprint as it was, rename it ``fingerprint``: an entry of that id neither seals nor opens.
A subkey depends on the key's bytes alone, not on its id, which is what makes the renaming harmless.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from token_issuer.conf import conf
from token_issuer.crypto.encoding import from_any_base64
from token_issuer.crypto.primitives import KEY_BYTES, hkdf_sha256
from token_issuer.crypto.secret import Mute, keep

SEAL = "seal"
FINGERPRINT = "fingerprint"
LOOKUP = "lookup"
REFRESH = "refresh"
PASSWORD_STAMP = "password-stamp"  # noqa: S105  a label

FINGERPRINT_ONLY = "fingerprint"  # the reserved id of an entry that is kept for fingerprints alone
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)  # no dot: a sealed value is split at dots
_FEWEST_DIFFERENT_BYTES = 8  # 32 random bytes hold about 30 different ones; fewer than 8 never happens

MISSING = (
    'TOKEN_ISSUER["ENCRYPTION_KEYS"] is not set, so no secret can be sealed or opened. '
    "Run `python manage.py token_issuer_init` and put the line it prints into your settings."
)


class RingKey(Mute):
    """One entry of the ring; ``subkey`` is all that can be had of it."""

    __slots__ = ("_subkey", "key_id")
    key_id: str
    _subkey: Callable[[str], bytes]

    def __init__(self, key_id: str, material: bytes) -> None:
        keep(self, key_id=key_id, _subkey=cache(lambda label: hkdf_sha256(material, label)))

    def subkey(self, label: str) -> bytes:
        """Return the 32 bytes for one use of this entry."""
        return self._subkey(label)

    def __repr__(self) -> str:
        return f"<RingKey {self.key_id}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The entries that seal and open, by id and in order, and the one that makes fingerprints."""

    keys: Mapping[str, RingKey]
    fingerprint_key: RingKey

    @property
    def sealing_key(self) -> RingKey:
        """The first entry."""
        return next(iter(self.keys.values()))

    def key(self, key_id: str) -> RingKey:
        """Return the entry of that id; ImproperlyConfigured names it when the ring has none."""
        if key_id not in self.keys:
            msg = (
                f'TOKEN_ISSUER["ENCRYPTION_KEYS"] has no key {key_id!r}, which stored values were sealed with. '
                f"Put that entry back (it has: {', '.join(self.keys)}), then run `token_issuer_reseal`."
            )
            raise ImproperlyConfigured(msg)
        return self.keys[key_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the setting says: a ring, or sentences about what is wrong with it. No sentence holds a key."""

    ring: KeyRing | None = None
    malformed: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()  # entries that are SECRET_KEY or made from it

    @property
    def missing(self) -> bool:
        """Whether there is no entry at all."""
        return self.ring is None and not self.malformed and not self.derived


def ring() -> KeyRing:
    """Return the ring of the settings as they are now. Raises ImproperlyConfigured when it is missing or unusable."""
    reading = reading_of_settings()
    if reading.ring is not None:
        return reading.ring
    problems = (*reading.malformed, *reading.derived)
    raise ImproperlyConfigured(" ".join(problems) if problems else MISSING)


def reading_of_settings() -> Reading:
    """Read the setting without raising for what is wrong with its entries; the system checks report that."""
    return _read(conf.encryption_keys, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _read(entries: tuple[str, ...], site_keys: tuple[str | bytes, ...]) -> Reading:
    found = [_entry(entry) for entry in entries]
    malformed = tuple(_malformed(found))
    keys = [key for key in found if isinstance(key, _Entry)]
    forbidden = {form for site_key in site_keys for form in _made_from(site_key)}
    derived = tuple(
        f"{_named(position, key.key_id)} is SECRET_KEY or made from it; run `token_issuer_init` for a key of its own."
        for position, key in enumerate(found, start=1)
        if isinstance(key, _Entry) and key.material() in forbidden
    )
    if malformed or derived or not keys:
        return Reading(malformed=malformed, derived=derived)
    return Reading(ring=_ring([RingKey(key.key_id, key.material()) for key in keys]))


def _ring(keys: Sequence[RingKey]) -> KeyRing:
    opening = {key.key_id: key for key in keys if key.key_id != FINGERPRINT_ONLY}
    kept = [key for key in keys if key.key_id == FINGERPRINT_ONLY]
    return KeyRing(keys=MappingProxyType(opening), fingerprint_key=(kept or list(keys))[-1])


class _Entry(Mute):
    __slots__ = ("key_id", "material")
    key_id: str
    material: Callable[[], bytes]

    def __init__(self, key_id: str, material: bytes) -> None:
        keep(self, key_id=key_id, material=lambda: material)


def _entry(text: str) -> _Entry | str:
    """Return the entry, or what is wrong with it. Its id is quoted only once it is surely not the key."""
    key_id, colon, encoded = text.strip().partition(":")
    if not colon or not KEY_ID.fullmatch(key_id):
        return 'must be written "id:base64 of 32 bytes", with an id of at most 32 letters, digits, "-" or "_".'
    material = from_any_base64(encoded.strip())
    if material is None:
        return f"({key_id!r}) holds a key that is not base64."
    if len(material) != KEY_BYTES:
        return f"({key_id!r}) holds a key of {len(material)} bytes; {KEY_BYTES} are needed."
    if len(set(material)) < _FEWEST_DIFFERENT_BYTES:
        return f"({key_id!r}) holds a key that is not random."
    return _Entry(key_id, material)


def _malformed(found: Sequence[_Entry | str]) -> Iterator[str]:
    for position, entry in enumerate(found, start=1):
        if isinstance(entry, str):
            yield f'Entry {position} of TOKEN_ISSUER["ENCRYPTION_KEYS"] {entry}'
    keys = [entry for entry in found if isinstance(entry, _Entry)]
    for key_id, count in Counter(key.key_id for key in keys).items():
        if count > 1:
            yield f'TOKEN_ISSUER["ENCRYPTION_KEYS"] names the id {key_id!r} {count} times.'
    if len({key.material() for key in keys}) < len(keys):
        yield 'TOKEN_ISSUER["ENCRYPTION_KEYS"] holds the same key under two entries.'
    if keys and all(key.key_id == FINGERPRINT_ONLY for key in keys):
        yield f'TOKEN_ISSUER["ENCRYPTION_KEYS"] needs an entry that seals; {FINGERPRINT_ONLY!r} does not.'


def _named(position: int, key_id: str) -> str:
    return f'Entry {position} ({key_id!r}) of TOKEN_ISSUER["ENCRYPTION_KEYS"]'


def _made_from(site_key: str | bytes) -> Iterator[bytes]:
    """Yield the usual ways in which 32 bytes are made from SECRET_KEY."""
    data = site_key.encode() if isinstance(site_key, str) else site_key
    yield data[:KEY_BYTES]
    yield data[-KEY_BYTES:]
    yield data[:KEY_BYTES].ljust(KEY_BYTES, b"\0")
    yield from_any_base64(data.decode("utf-8", "replace")) or b""
    yield hashlib.sha256(data).digest()
    yield hashlib.sha256(data).hexdigest()[:KEY_BYTES].encode()
    yield hashlib.sha512(data).digest()[:KEY_BYTES]
    yield hashlib.blake2b(data, digest_size=KEY_BYTES).digest()
    yield hashlib.sha3_256(data).digest()
