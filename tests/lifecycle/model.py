"""What should be true, in the plainest words: no epochs, no statements, no caches. Reality is compared with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GRACE = timedelta(seconds=10)
RETENTION = timedelta(hours=1)


@dataclass
class Person:
    """Somebody, as the site knows him."""

    active: bool = True
    there: bool = True
    password: int = 0

    @property
    def may(self) -> bool:
        return self.active and self.there


@dataclass
class Key:
    """What signs."""

    honoured: bool = True


@dataclass
class Family:
    """A chain of refresh tokens; each generation's text is kept so that any of them can be presented again."""

    person: Person
    password: int
    idle_ends: datetime
    ends: datetime
    head: int = 0
    rotated_at: datetime | None = None
    ended: bool = False
    purged: bool = False
    texts: list[str] = field(default_factory=list, repr=False)

    def good(self, at: datetime) -> bool:
        in_time = at < self.ends and at < self.idle_ends
        return in_time and not self.ended and self.person.may and self.person.password == self.password

    def verdict(self, generation: int, at: datetime) -> str:
        """``rotate``, ``retry``, ``reuse`` for an open family."""
        if generation == self.head:
            return "rotate"
        recent = self.rotated_at is not None and self.rotated_at > at - GRACE
        return "retry" if generation == self.head - 1 and recent else "reuse"


@dataclass
class Token:
    """An access token or a one-time token."""

    text: str = field(repr=False)
    person: Person
    password: int
    ends: datetime
    key: Key | None = None
    family: Family | None = None
    one_time: bool = False
    consumed: bool = False
    ended: bool = False
    purged: bool = False

    def good(self, at: datetime) -> bool:
        return (
            at < self.ends
            and not self.ended
            and not self.consumed
            and self.person.may
            and self.person.password == self.password
            and (self.key is None or self.key.honoured)
            and (self.family is None or not self.family.ended)
        )


def purge(tokens: Iterable[Token], families: Iterable[Family], at: datetime) -> None:
    """Forget what ended longer ago than the retention; a family only after the last of its tokens."""
    kept = []
    for token in tokens:
        token.purged = token.purged or token.ends < at - RETENTION
        if not token.purged:
            kept.append(token.family)
    for family in families:
        has_tokens = any(each is family for each in kept)
        family.purged = family.purged or (family.ends < at - RETENTION and not has_tokens)
