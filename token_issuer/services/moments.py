"""What a timeline consists of: one thing that happened, in words, and its place among the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

    from token_issuer.models import Application

_CURSOR: Final = re.compile(r"([0-9a-f]{1,12})-([0-9a-f]{32})-([0-9])", re.ASCII)
_RANDOM_BITS: Final = 80  # of a version 7 UUID: what follows the milliseconds
_SMALLEST: Final = (0x7 << 76) | (0b10 << 62)


class Place(NamedTuple):
    """Where an entry stands; greater is newer, and no two entries share one.

    A row's own beginning stands at the instant in its id, which is when it was written and what the indexes are ordered
    by. What became of it later stands at its own instant, never before the row.
    """

    ms: int
    row: UUID
    rank: int  # of several things that happened to one row

    @classmethod
    def of(cls, row: UUID, rank: int = 0, at: datetime | None = None) -> Place:
        """Return the place of something that happened to a row, at its beginning if no instant is given."""
        began = row.int >> _RANDOM_BITS
        return cls(began if at is None else max(began, int(at.timestamp() * 1000)), row, rank)

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """Return the place that an address names; None for anything else."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found[1], 16), UUID(found[2]), int(found[3])) if found else None

    def __str__(self) -> str:
        return f"{self.ms:x}-{self.row.hex}-{self.rank}"

    @property
    def highest_row(self) -> UUID:
        """The id that no row exceeds of which an older entry may tell."""
        began = self.row.int >> _RANDOM_BITS
        return self.row if began == self.ms else UUID(int=(self.ms << _RANDOM_BITS) | _SMALLEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened; ``state`` is a word for its icon.

    ``by_him`` tells what a person did apart from what happened to him and what is his. ``who`` is somebody else who did
    it, empty where nobody did or nobody knows. ``model`` and ``row`` say which row tells more.
    """

    place: Place
    at: datetime
    what: StrOrPromise
    state: str
    model: str
    row: UUID
    application: Application | None = None
    ip: str | None = None
    detail: str = ""
    who: str = ""
    by_him: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries, newest first; ``next`` continues below them, None at the end."""

    entries: tuple[Entry, ...]
    next: Place | None
