"""Durations as people write them: one parser for bodies, forms, commands and settings. The result is whole seconds."""

from __future__ import annotations

import re
from typing import Final

LONGEST_DURATION: Final = 3650 * 86_400
"""Ten years in seconds: no lifetime of anybody's is longer, and dates stay representable."""

_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DIGITS = re.compile(r"[0-9]{1,12}")
_SHORT = re.compile(r"([0-9]{1,12})([smhd])")
_ISO_SECONDS: Final = (7 * 86_400, 86_400, 3600, 60, 1)
# Weeks stand alone.
_ISO = re.compile(
    r"P(?:([0-9]{1,12})W|"
    r"(?=[0-9T])(?:([0-9]{1,12})D)?(?:T(?=[0-9])(?:([0-9]{1,12})H)?(?:([0-9]{1,12})M)?(?:([0-9]{1,12})S)?)?)"
)


class DurationOutOfRange(ValueError):
    """Shorter than a second or longer than ``LONGEST_DURATION``; who has closer limits names those instead."""


def parse_duration(value: int | str) -> int:
    """Return whole seconds, 1 to ``LONGEST_DURATION``.

    Args:
        value: whole seconds, a number with one unit (``"90s"``, ``"120m"``, ``"2h"``, ``"1d"``), or ISO 8601 weeks
            (``"P1W"``), or days to seconds (``"P1DT12H"``, ``"PT1H30M"``), without fractions.

    Raises:
        DurationOutOfRange: a duration outside that range.
        ValueError: anything else: truth values, fractions, bare digits in a text, other units, blanks.
    """
    seconds = _seconds(value)
    if seconds is None:
        message = 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'
        raise ValueError(message)
    if not 1 <= seconds <= LONGEST_DURATION:
        message = f"must be 1 to {LONGEST_DURATION} seconds"
        raise DurationOutOfRange(message)
    return seconds


def typed_duration(text: str) -> int:
    """Return what ``parse_duration`` does for what somebody typed, where everything is text: digits are seconds.

    Raises:
        ValueError: as ``parse_duration`` does.
    """
    return parse_duration(int(text) if _DIGITS.fullmatch(text) else text)


def _seconds(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        return None
    if short := _SHORT.fullmatch(value):
        return int(short[1]) * _UNIT_SECONDS[short[2]]
    if iso := _ISO.fullmatch(value):
        return sum(int(count or 0) * unit for count, unit in zip(iso.groups(), _ISO_SECONDS, strict=True))
    return None
