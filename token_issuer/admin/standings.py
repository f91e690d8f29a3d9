"""How a thing that ends by itself, by use or by decision stands: the words and the short dates of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from token_issuer.models import Standing

if TYPE_CHECKING:
    from datetime import datetime

STANDING_LABELS = {
    Standing.LIVE: _("live"),
    Standing.EXPIRED: _("expired"),
    Standing.CONSUMED: _("consumed"),
    Standing.REVOKED: _("revoked"),
}


def short(instant: datetime) -> str:
    """Return an instant in few characters."""
    return date_format(timezone.localtime(instant), "Y-m-d H:i")
