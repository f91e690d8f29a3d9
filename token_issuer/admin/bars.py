"""The bars of an overview: where each stands and how high it is, for an SVG without a style. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LABEL: Final = 90  # width of the words before a row of bars
_BAR: Final = 22
_GAP: Final = 6
_HEIGHT: Final = 28  # of the highest bar
_ROW: Final = 40
_BASELINE: Final = 34  # of a row, where its bars stand


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One number: its place, and what is said of it."""

    x: int
    y: int
    width: int
    height: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A row of bars with a word before them. ``baseline`` is where it stands."""

    what: str
    label: str
    baseline: int
    bars: tuple[Bar, ...]

    @property
    def words(self) -> int:
        """Where the word stands: above the line, with its tails."""
        return self.baseline - 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All rows, and how large they are together."""

    width: int
    height: int
    strips: tuple[Strip, ...]


def chart(rows: Sequence[tuple[str, str, Sequence[tuple[int, str]]]]) -> Chart:
    """Return the chart of rows (a stable word, a label, and for each bar its number and what is said of it).

    Each row has a scale of its own: a few that are reused would be invisible beside many that are issued. Whatever is
    not nothing is at least a line.
    """
    strips = tuple(
        Strip(what=what, label=label, baseline=place * _ROW + _BASELINE, bars=_bars(numbers, place * _ROW + _BASELINE))
        for place, (what, label, numbers) in enumerate(rows)
    )
    longest = max((len(strip.bars) for strip in strips), default=0)
    return Chart(width=_LABEL + longest * (_BAR + _GAP), height=len(strips) * _ROW, strips=strips)


def _bars(numbers: Sequence[tuple[int, str]], baseline: int) -> tuple[Bar, ...]:
    highest = max((number for number, _ in numbers), default=0)

    def height(number: int) -> int:
        return max(1, number * _HEIGHT // highest) if number else 0

    return tuple(
        Bar(
            x=_LABEL + place * (_BAR + _GAP),
            y=baseline - height(number),
            width=_BAR,
            height=height(number),
            title=title,
        )
        for place, (number, title) in enumerate(numbers)
    )
