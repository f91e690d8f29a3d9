"""Identifiers: UUIDv7 for rows, UUIDv5 for what has no row of its own.

Source: RFC 9562, sections 5.7 and 5.5. ``uuid7`` is the one function of this package that a
migration may name; it must stay importable from here for ever.
"""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

_NAMESPACE = UUID("5ee1c2a4-4f0a-4e0c-9b8d-3c1d0a4f6b72")
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTER_BITS = 42  # 12 bits of rand_a and the first 30 of rand_b: RFC 9562 section 6.2, method 2
_TAIL_BITS = 32

_lock = threading.Lock()
_last_ms = 0
_last_counter = 0


def uuid7() -> UUID:
    """Return a time-ordered UUID; later calls in one process always sort later, on every database.

    48 bits of Unix milliseconds, a 42-bit counter that starts at random in each millisecond, 32 random bits.
    Not a secret: never use it where something must be unguessable.
    """
    global _last_ms, _last_counter  # noqa: PLW0603  one monotonic sequence a process, guarded by the lock
    random_bits = int.from_bytes(os.urandom(10), "big")
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            # The top counter bit starts at 0, which leaves 2**41 increments in the worst millisecond.
            _last_ms, _last_counter = now_ms, (random_bits >> _TAIL_BITS) & ((1 << (_COUNTER_BITS - 1)) - 1)
        else:
            _last_counter += 1
        ms, counter = _last_ms, _last_counter
    high = counter >> 30
    low = counter & ((1 << 30) - 1)
    tail = random_bits & ((1 << _TAIL_BITS) - 1)
    return UUID(int=(ms << 80) | _VERSION_7 | (high << 64) | _VARIANT | (low << _TAIL_BITS) | tail)


def uuid7_floor(at: datetime) -> UUID:
    """Return the smallest version 7 UUID of this millisecond: rows made from ``at`` on have ids that are not below.

    ``at`` is aware, and not before 1970. Ids of other processes are as exact as their clocks.
    """
    ms = (at - _UNIX_EPOCH) // timedelta(milliseconds=1)
    return UUID(int=(ms << 80) | _VERSION_7 | _VARIANT)


def uuid7_at(row_id: UUID) -> datetime:
    """Return the instant, to the millisecond, at which a version 7 UUID was made."""
    return _UNIX_EPOCH + timedelta(milliseconds=row_id.int >> 80)


def named_uuid(kind: str, *parts: str) -> UUID:
    """Return the same UUIDv5 for the same kind and parts: an exact key where text columns compare loosely.

    MariaDB compares text without case and trailing blanks; a UUID column compares exactly everywhere. Not version 8,
    which would be the one for SHA-256: MariaDB 10.11 refuses those whose ninth byte is 0x80. Whoever finds two names
    with one SHA-1 gains nothing: ending the one would end the other too.
    """
    return uuid5(_NAMESPACE, json.dumps([kind, *parts]))
