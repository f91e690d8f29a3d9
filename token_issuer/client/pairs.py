"""What a store keeps: one credential as the server last gave it, and what is needed to count its life elsewhere."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from token_issuer.client.errors import StoreError
from token_issuer.client.hidden import TokenText, Unpicklable

# How many first refresh tokens are remembered: as many sign-ins by configuration as one store will see.
_SEEDS = 8

_FACTS: dict[str, type | tuple[type, ...]] = {
    "version": str, "holder": str, "label": str, "seeds": list, "born_at": (int, float), "ahead": (int, float),
    "fields": dict,
}  # fmt: skip


class Pair(Unpicklable):
    """An access token, its refresh token (each may be missing), and facts about them. Made once, never changed.

    ``version`` is new for each pair, so that two writers cannot take one for the other (no A-B-A). ``holder`` says for
    which server and key it is good, ``label`` how it was got. ``born_at`` is Unix seconds of the **server's** clock
    when the request for it left; ``ahead`` is how far that clock was ahead of this machine's.
    """

    __slots__ = ("_fields", "ahead", "born_at", "holder", "label", "seeds", "version")

    def __init__(
        self,
        fields: Mapping[str, Any],
        *,
        holder: str,
        label: str,
        born_at: float,
        ahead: float,
        seeds: tuple[str, ...] = (),
        version: str = "",
    ) -> None:
        kept = dict(fields)
        self._fields: Callable[[], dict[str, Any]] = lambda: kept
        self.version = version or secrets.token_hex(16)
        self.holder = holder
        self.label = label
        self.seeds = seeds[-_SEEDS:]
        self.born_at = born_at
        self.ahead = ahead

    def reveal(self) -> dict[str, Any]:
        """Return ``token``, ``refresh_token``, ``expires_in`` and whatever else the server told."""
        return self._fields()

    @property
    def refresh(self) -> TokenText | None:
        """The refresh token, hidden; None where there is none."""
        text = self._fields().get("refresh_token")
        return TokenText(text) if isinstance(text, str) and text else None

    def reveal_json(self) -> str:
        """Return everything as a text that ``from_json`` reads: for a store that encrypts it."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in _FACTS if name != "fields"}
        return json.dumps({**facts, "fields": self._fields()}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Pair:
        """Read what ``reveal_json`` wrote.

        Raises:
            StoreError: it is something else. The message shows nothing of it.
        """
        facts = _object(text)
        if facts is None or facts.keys() != _FACTS.keys():
            msg = "The store holds something that is not a pair of tokens."
            raise StoreError(msg)
        if not all(isinstance(facts[name], kind) for name, kind in _FACTS.items()):
            msg = "The store holds a pair of tokens that cannot be read."
            raise StoreError(msg)
        fields, seeds = facts.pop("fields"), tuple(facts.pop("seeds"))
        return cls(fields, seeds=seeds, **facts)


def seed_of(refresh_token: str) -> str:
    """Return what a store remembers of the refresh token that somebody began with; it opens nothing."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()[:32]


def _object(text: str) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None
