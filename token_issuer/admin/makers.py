"""Who made a row, owns it or is acted for: by name, and with a word of warning where he is not active any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.standings import state

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class Made(Protocol):
    """A row that remembers who made it."""

    created_by: Any


def named(person: Any) -> SafeString | str:  # noqa: ANN401  the site's model
    """Return somebody's name, to be shown; empty for nobody."""
    if person is None:
        return ""
    if is_active(person):
        return str(person)
    return format_html("{} {}", person, state("inactive", _("inactive user")))


def is_active(person: Any) -> bool:  # noqa: ANN401  the site's model
    """Whether somebody may still sign in; a user model need not know."""
    return bool(getattr(person, "is_active", True))


class MakerColumn:
    """A column for ``list_display``. ``list_select_related`` names ``created_by``, so that it costs no query."""

    @admin.display(description=_("created by"))
    def maker_label(self, row: Made) -> SafeString | str:
        """Who made it; a command has no user."""
        return named(row.created_by)
