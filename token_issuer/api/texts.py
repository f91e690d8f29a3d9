"""Texts and instants as an answer shows them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

if TYPE_CHECKING:
    from datetime import datetime

_SHOWN_WORDS = frozenset({"title", "description"})


def shown(text: str) -> str:
    """Return a text that was only marked for translation in the reader's language."""
    # gettext("") is the catalogue's own header.
    return gettext(text) if text else ""


def shown_schema(schema: Any) -> Any:  # noqa: ANN401  JSON in, JSON out
    """Return a JSON Schema with its labels and helps in the reader's language."""
    if isinstance(schema, list):
        return [shown_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: shown(value) if word in _SHOWN_WORDS and isinstance(value, str) else shown_schema(value)
        for word, value in schema.items()
    }


def instant(at: datetime) -> str:
    """Return an instant as RFC 3339 in UTC: whole seconds, or milliseconds where it has them."""
    spec = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def instant_or_none(at: datetime | None) -> str | None:
    """Return ``instant(at)``, or null."""
    return None if at is None else instant(at)
