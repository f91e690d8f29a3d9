"""One token as its holder has it: a hidden text, and how long it is good."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from token_issuer.client.clock import Clock, ServerClock, instant
from token_issuer.client.hidden import TokenText, Unpicklable

# Section 12 of the design: at the end minus 30 s or a tenth of the life, the later of both.
_LEAD = 30.0
_SHARE = 0.1

_HIDDEN = frozenset({"token", "refresh_token", "sdk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a token's life began: ``start`` on the monotonic clock, ``born_at`` in Unix seconds of the server's clock.

    Both are when the request for it left, so that we count it as over no later than the server does.
    """

    clock: Clock
    start: float
    born_at: float

    @classmethod
    def since(cls, sent: float, *, clock: Clock, server: ServerClock) -> Span:
        """Return the span of a token whose request left at ``sent``, on our monotonic clock."""
        return cls(clock=clock, start=sent, born_at=server.now() - (clock.monotonic() - sent))


def renewal_moment(fields: Mapping[str, Any], *, chance: float) -> float:
    """Return seconds of life after which the next token is asked for.

    Never earlier than the server says (``renew_in``), else it would answer what we have. ``chance`` spreads the moment
    over half of what is left, so that many clients that were started together do not ask together. Where the server
    says that there is nothing to renew (null), it is the whole life.
    """
    life = float(fields["expires_in"])
    told = fields.get("renew_in", 0)
    if told is None:
        return life
    moment = min(max(life - min(_LEAD, life * _SHARE), float(told)), life)
    return moment + chance * (life - moment) / 2


class Token(Unpicklable):
    """A token. ``reveal()`` and ``sdk`` hand it over; nothing else shows it, pickling is refused.

    ``refresh`` is the refresh token that came with it, or None. ``expires_at`` and ``refresh_expires_at`` are instants
    of the server's clock; ``expires_in`` and ``is_valid`` count on a clock of this machine that cannot be set.
    """

    __slots__ = ("_due", "_end", "_fields", "_monotonic", "born_at", "expires_at", "refresh", "refresh_expires_at")

    def __init__(self, fields: Mapping[str, Any], *, span: Span) -> None:
        kept = dict(fields)
        self._fields: Callable[[], dict[str, Any]] = lambda: kept
        self._monotonic = span.clock.monotonic
        self.born_at = span.born_at
        self._end = span.start + float(fields["expires_in"])
        self._due = span.start + renewal_moment(fields, chance=span.clock.chance())
        self.expires_at: datetime = _told(fields.get("expires_at")) or instant(span.born_at + fields["expires_in"])
        self.refresh: TokenText | None = TokenText(fields["refresh_token"]) if fields.get("refresh_token") else None
        self.refresh_expires_at: datetime | None = _told(fields.get("refresh_expires_at")) or _refresh_end(fields, span)

    def reveal(self) -> str:
        """Return the text. Search for this word to find every place that sees one."""
        return str(self._fields()["token"])

    def reveal_fields(self) -> dict[str, Any]:
        """Return everything that the server told, with all its texts."""
        return dict(self._fields())

    @property
    def expires_in(self) -> int:
        """Whole seconds that are left; 0 when it is over."""
        return max(0, int(self._end - self._monotonic()))

    def is_valid(self, leeway: float = 0.0) -> bool:
        """Tell whether it is good for more than ``leeway`` seconds from now."""
        return self._monotonic() + leeway < self._end

    def is_due(self) -> bool:
        """Tell whether it is time to ask for the next one."""
        return self._monotonic() >= self._due

    @property
    def sdk(self) -> dict[str, Any]:
        """What the vendor's SDK takes, as it is. The token is in it."""
        return json.loads(json.dumps(self._fields().get("sdk", {})))  # type: ignore[no-any-return]

    @property
    def scope(self) -> frozenset[str]:
        """The scopes that it carries, or its privileges, as a vendor's token has them."""
        scope, privileges = self._fields().get("scope"), self._fields().get("privileges")
        if isinstance(scope, str):
            return frozenset(scope.split())
        return frozenset(map(str, privileges if isinstance(privileges, list) else ()))

    @property
    def details(self) -> dict[str, Any]:
        """Everything else that the server told: ``token_id``, ``subject``, ``privileges``, ``scope`` …"""
        return {name: value for name, value in self._fields().items() if name not in _HIDDEN}

    def __repr__(self) -> str:
        return f"<Token that expires at {self.expires_at:%Y-%m-%dT%H:%M:%SZ}>"


def _refresh_end(fields: Mapping[str, Any], span: Span) -> datetime | None:
    life = fields.get("refresh_expires_in")
    return instant(span.born_at + life) if isinstance(life, int | float) else None


def _told(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at and at.tzinfo else None
