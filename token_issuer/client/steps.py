"""What the rules of ``keeper`` want done, one step at a time, and who does it.

The rules are generators: they yield a step and are sent its result. So there is one set of rules for threads and for
tasks, and no socket in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from token_issuer.client.calls import Call
from token_issuer.client.pairs import Pair

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Load:
    """Read the store. The result is a ``Pair`` or None."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Store a pair, or nothing, if the stored version still is the expected one. The result is a bool."""

    expected_version: str | None
    pair: Pair | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a call and wait so many seconds at most. The result is a ``Result``."""

    call: Call
    timeout: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Ask for a first token, without a refresh token. The result is a ``Result``."""


Step = Load | Swap | Ask | Begin
Steps: TypeAlias = Generator[Step, Any, T]


def drive(steps: Steps[T], perform: Callable[[Step], object]) -> T:
    """Do one step after the other, and return what the rules return. What a step raises is raised inside the rules."""
    try:
        step = next(steps)
        while True:
            try:
                result = perform(step)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def adrive(steps: Steps[T], perform: Callable[[Step], Awaitable[object]]) -> T:
    """Do the same with awaitable steps."""
    try:
        step = next(steps)
        while True:
            try:
                result = await perform(step)
            except Exception as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
