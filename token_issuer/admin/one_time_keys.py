"""One-time login keys: evidence to read, and a button that ends one before somebody redeems it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.ending_rows import EndableAdmin
from token_issuer.admin.filters import ApplicationFilter, PeriodFilter, StandingFilter
from token_issuer.models import OneTimeKey
from token_issuer.services import login_keys
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from token_issuer.services.callers import Caller


@admin.register(OneTimeKey)
class OneTimeKeyAdmin(EndableAdmin):
    """One row a key; never the key."""

    list_display = ("fingerprint", "standing_label", "application", "user", "starts_session", "created", "expires")
    list_filter = (StandingFilter, PeriodFilter, ApplicationFilter)
    search_help_text = _("A user's name, or id:id.")
    searches = {"id": searching.by_id("pk"), "user": searching.by_user}
    fieldsets = (
        (None, {"fields": ("fingerprint", "id", "standing_label", "application")}),
        (_("For whom and what"), {"fields": ("user", "slot", "grant", "lifetime", "starts_session")}),
        (_("When"), {"fields": ("created_at", "expires_at", "consumed_at")}),
        (_("Revoked"), {"fields": ("revoked_at", "reason")}),
        (_("Asked for by"), {"fields": ("api_key", "ip", "user_agent")}),
    )
    revoke_permission = "revoke_onetimekey"
    consequence = _(
        "Nobody can redeem it afterwards, and this cannot be undone. What was redeemed before is a token: revoke that."
    )

    def guess(self, term: str) -> str:
        """What is no id is a person."""
        return "id" if searching.kind_of(term) == "id" else "user"

    def all_rows(self, request: HttpRequest) -> QuerySet[OneTimeKey]:
        """Read where it is decided, with the epochs: keys that a log-out ended show at once."""
        return OneTimeKey.objects.using(write_alias()).with_epochs_now()

    def end(self, caller: Caller, row: OneTimeKey, *, reason: str, at: datetime) -> bool:
        """End one that nobody has redeemed."""
        return login_keys.revoke(caller, row.pk, reason=reason, at=at)
