"""Audit events: evidence to read. A counted row shows how often."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.exporting import ExportableAdmin
from token_issuer.admin.filters import ApplicationFilter, KindFilter, PeriodFilter
from token_issuer.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ExportableAdmin):
    """What happened, apart from tokens being issued."""

    list_display = ("at", "kind_text", "times", "user", "application", "detail_text", "ip")
    list_select_related = ("user", "application")
    list_filter = (KindFilter, PeriodFilter, ApplicationFilter)
    search_help_text = _("An application's slug or a token's id. Or user:name, event:id, family:id.")
    searches = {
        "event": searching.by_id("pk"),
        "token": searching.by_id("token_id"),
        "user": searching.by_user,
        "application": searching.of_application,
        "family": searching.by_id("family_id"),
    }
    export_permission = "export_auditevent"
    fields = ("at", "kind_text", "times", "user", "application", "token", "detail_text", "ip", "user_agent")
    readonly_fields = fields

    def guess(self, term: str) -> str:
        """What is no id is an application."""
        return "token" if searching.kind_of(term) == "id" else "application"

    @admin.display(description=_("what"))
    def kind_text(self, event: AuditEvent) -> str:
        """The kind in words."""
        return event.kind_label

    @admin.display(description=_("how often"))
    def times(self, event: AuditEvent) -> str:
        """How many equal refusals of a minute the row stands for."""
        return f"{event.count} \N{MULTIPLICATION SIGN}" if event.count > 1 else ""

    @admin.display(description=_("detail"))
    def detail_text(self, event: AuditEvent) -> str:
        """The rest, as written."""
        facts = sorted(event.detail.items())  # engines keep no order, or each its own
        return ", ".join(f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in facts)
