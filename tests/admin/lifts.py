"""A third party's provider whose options use every type of field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.doors import DoorProvider
from token_issuer.errors import BadOption
from token_issuer.providers.base import Options
from token_issuer.providers.fields import check, option_field


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a lift waits."""

    name: str = option_field(label="Home", min_bytes=1, max_bytes=20)
    floor: int = option_field(default=0, label="Home floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftOptions(Options):
    """How one building's lifts run."""

    lowest: int = option_field(default=0, label="Lowest floor", help="Never a <b>secret</b> one.", minimum=-5)
    home: Home = option_field(default=Home(name="Lobby"), label="Home")
    stops: tuple[int, ...] = option_field(default=(), label="Stops")
    modes: frozenset[Literal["fast", "quiet"]] = option_field(default=frozenset(), label="Modes")
    note: str | None = option_field(default=None, label="Note", max_bytes=40)

    def __post_init__(self) -> None:
        check(self, error=BadOption)


class LiftProvider(DoorProvider):
    """Lifts."""

    name = "lifts"
    label = "Lifts"
    options_class = LiftOptions
