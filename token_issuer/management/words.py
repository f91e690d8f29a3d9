"""Facts as people and programs read them on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext

from token_issuer.services.telling import span

if TYPE_CHECKING:
    from token_issuer.providers.base import VendorFacts


def instant(at: datetime | None) -> str | None:
    """Return an instant as RFC 3339, in UTC, to the second."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def away(then: datetime, at: datetime) -> str:
    """Return an instant as seen from another: ``in 41 min``, ``12 min ago``."""
    return f"in {span(then - at)}" if then > at else f"{span(at - then)} ago"


def steps(vendor: VendorFacts, texts: tuple[str, ...]) -> list[str]:
    """Return what is to be done at the vendor, numbered."""
    numbered = [f"  {number}. {gettext(text)}" for number, text in enumerate(texts, start=1)]
    where = f"At {vendor.name} ({vendor.console_url}):" if vendor.console_url else f"{vendor.name}:"
    return [where, *numbered]
