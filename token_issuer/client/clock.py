"""Time: ours for counting, the server's for what is written down.

A life is counted on a clock that never goes back and goes on while the machine sleeps. The wall clock of this machine
may be wrong by hours; how far it is from the server's is estimated from the ``Date`` of each answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from secrets import SystemRandom


def _ticks() -> float:
    # CLOCK_MONOTONIC of Linux stands still while the machine sleeps; a token does not.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where time and chance come from; tests hand in their own.

    ``monotonic`` is seconds since whenever, ``wall`` is Unix seconds, ``chance`` is at least 0 and below 1.
    """

    monotonic: Callable[[], float] = _ticks
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = SystemRandom().random


class ServerClock:
    """The server's clock, as far as its answers tell. ``ahead`` is seconds; negative where the server is behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = 0.0
        self.heard = False

    def hear(self, date: str, *, sent: float) -> None:
        """Learn from the ``Date`` of an answer; ``sent`` is our wall clock when its request left.

        The header has whole seconds, so half a second is added; the answer was written halfway through the wait.
        """
        told = _unix(date)
        if told is not None:
            self.ahead = told + 0.5 - (sent + self._clock.wall()) / 2
            self.heard = True

    def now(self) -> float:
        """Return Unix seconds at the server."""
        return self._clock.wall() + self.ahead


def _unix(date: str) -> float | None:
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def instant(unix: float) -> datetime:
    """Return an aware datetime in UTC for Unix seconds."""
    return datetime.fromtimestamp(unix, tz=UTC)
