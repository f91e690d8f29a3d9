"""Token families: which devices hold refresh tokens, and a button that ends one with all that came from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching, timelines
from token_issuer.admin.ending_rows import EndableAdmin
from token_issuer.admin.filters import ApplicationFilter, FamilyStandingFilter, PeriodFilter
from token_issuer.admin.standings import short
from token_issuer.models import TokenFamily
from token_issuer.services import closing
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from token_issuer.services.callers import Caller


@admin.register(TokenFamily)
class TokenFamilyAdmin(EndableAdmin):
    """One row a chain; no refresh token is kept anywhere."""

    list_display = (
        "id", "standing_label", "application", "user", "subject", "generation", "created", "rotated", "expires",
    )  # fmt: skip
    list_filter = (FamilyStandingFilter, PeriodFilter, ApplicationFilter)
    search_help_text = _("A user's name or key, or id:id.")
    searches = {"id": searching.by_id("pk"), "user": searching.by_principal}
    fieldsets = (
        (None, {"fields": ("id", "standing_label", "application", "generation", "replays")}),
        (_("For whom and what"), {"fields": ("user", "subject", "slot", "grant", "lifetime")}),
        (_("When"), {"fields": ("created_at", "rotated_at", "idle_expires_at", "expires_at")}),
        (_("Revoked"), {"fields": ("closed_at", "reason")}),
        (_("Asked for by"), {"fields": ("api_key", "in_cookie", "label", "ip", "user_agent")}),
    )
    revoke_permission = "revoke_tokenfamily"
    consequence = _(
        "Its refresh token and every access token that came from it end here at once. Its holder has to sign in again."
    )

    change_form_template = "admin/token_issuer/token_family.html"

    def guess(self, term: str) -> str:
        """What is no id is a person."""
        return "id" if searching.kind_of(term) == "id" else "user"

    def all_rows(self, request: HttpRequest) -> QuerySet[TokenFamily]:
        """Read where it is decided, with the epochs: families that a log-out ended show at once."""
        return TokenFamily.objects.using(write_alias()).with_epochs_now()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all facts, and what happened to it."""
        family = self.get_object(request, object_id) if self.has_view_permission(request) else None
        told = {} if family is None else timelines.of_family(self, request, family)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **told})

    @admin.display(description=_("last refreshed"))
    def rotated(self, family: TokenFamily) -> str:
        """When, in few characters; empty until it was refreshed."""
        return short(family.rotated_at) if family.rotated_at is not None else ""

    def end(self, caller: Caller, row: TokenFamily, *, reason: str, at: datetime) -> bool:
        """Close one that is open."""
        return closing.close_family(caller, row, reason=reason, at=at)
