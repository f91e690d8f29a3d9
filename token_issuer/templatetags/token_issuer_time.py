"""Instants as people in a hurry read them: ``04:41`` and ``in 41 min``, in the site's local time."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django import template
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, ngettext

register = template.Library()

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


@register.filter
def clock(instant: datetime, at: datetime) -> str:
    """Return the local time of day, with the date when that is not the day of ``at``."""
    local, today = timezone.localtime(instant), timezone.localtime(at).date()
    return format_date(local, "H:i" if local.date() == today else "j M Y, H:i")


@register.filter
def remaining(instant: datetime, at: datetime) -> str:
    """Return how far away an instant is, seen from ``at``; rounded down, so that nobody is promised more."""
    seconds = int((instant - at).total_seconds())
    if seconds <= 0:
        return gettext("now")
    if seconds < _MINUTE:
        return gettext("in %(seconds)s s") % {"seconds": seconds}
    if seconds < _HOUR:
        return gettext("in %(minutes)s min") % {"minutes": seconds // _MINUTE}
    if seconds < _DAY:
        hours, rest = divmod(seconds, _HOUR)
        return gettext("in %(hours)s h %(minutes)s min") % {"hours": hours, "minutes": rest // _MINUTE}
    days = seconds // _DAY
    return ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}
