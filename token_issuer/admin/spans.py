"""Seconds as people say them: ``1 h 30 min``."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

_UNITS: Final = ((86_400, _("{count} d")), (3600, _("{count} h")), (60, _("{count} min")), (1, _("{count} s")))


def span(seconds: int) -> str:
    """Return a duration, exactly and in as few units as there need be."""
    parts, rest = [], seconds
    for size, text in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(text.format(count=count))
    return " ".join(parts) or gettext("{count} s").format(count=0)
