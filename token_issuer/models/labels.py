"""Words for stored names. The columns carry no ``choices``: a new name must not need a migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.models import TextChoices


def label_of(names: type[TextChoices], value: str) -> str:
    """Return the label of a stored name, or the name itself when this release does not know it."""
    return str(names(value).label) if value in names.values else value
