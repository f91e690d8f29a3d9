"""One-time login keys: evidence to read, and a button that ends one before somebody redeems it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import revoking, searching
from token_issuer.admin.base import EvidenceAdmin
from token_issuer.admin.callers import caller_of
from token_issuer.admin.pages import OwnPages, ReasonForm, require
from token_issuer.admin.standings import STANDING_LABELS, short
from token_issuer.models import OneTimeKey, Standing
from token_issuer.services import login_keys
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


@admin.register(OneTimeKey)
class OneTimeKeyAdmin(OwnPages, EvidenceAdmin):
    """One row a key; never the key."""

    list_display = ("fingerprint", "standing_label", "application", "user", "starts_session", "created", "expires")
    list_select_related = ("application", "user")
    actions = ("revoke_selected",)
    change_list_template = "admin/token_issuer/evidence_list.html"
    change_form_template = "admin/token_issuer/one_time_key.html"
    search_help_text = _("A user's name, or id:id.")
    searches = {"id": searching.by_id("pk"), "user": searching.by_user}
    fieldsets = (
        (None, {"fields": ("fingerprint", "id", "standing_label", "application")}),
        (_("For whom and what"), {"fields": ("user", "slot", "grant", "lifetime", "starts_session")}),
        (_("When"), {"fields": ("created_at", "expires_at", "consumed_at")}),
        (_("Revoked"), {"fields": ("revoked_at", "reason")}),
        (_("Asked for by"), {"fields": ("api_key", "ip", "user_agent")}),
    )

    def guess(self, term: str) -> str:
        """What is no id is a person."""
        return "id" if searching.kind_of(term) == "id" else "user"

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether this person may end keys; seeing them is another permission."""
        return bool(request.user.has_perm("token_issuer.revoke_onetimekey"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[OneTimeKey]:
        """Read where it is decided, with the epochs: keys that a log-out ended show at once."""
        return OneTimeKey.objects.using(write_alias()).with_epochs_now()

    def get_urls(self) -> list[URLPattern]:
        """Add revoking to Django's own."""
        return [
            self.own_path("revoke/", self.revoke_selected_view, "revoke_selected"),
            self.own_path("<uuid:row_id>/revoke/", self.revoke_view, "revoke"),
            *super().get_urls(),
        ]

    @admin.display(description=_("standing"))
    def standing_label(self, key: OneTimeKey) -> str:
        """Whether it can be redeemed now, and how it ended if not."""
        return str(STANDING_LABELS[key.standing(timezone.now())])

    @admin.display(description=_("created at"))
    def created(self, key: OneTimeKey) -> str:
        """When, in few characters."""
        return short(key.created_at)

    @admin.display(description=_("expires at"))
    def expires(self, key: OneTimeKey) -> str:
        """Until when, in few characters."""
        return short(key.expires_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all facts, and the button while it can be redeemed."""
        key = self.get_object(request, object_id) if self.has_view_permission(request) else None
        live = isinstance(key, OneTimeKey) and key.standing(timezone.now()) is Standing.LIVE
        more = {"may_revoke": live and self.has_revoke_permission(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def revoke_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask for the reason; a POST ends the key."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        return self._confirmed(request, [self.found(request, row_id)], decided=request.method == "POST")

    def revoke_selected_view(self, request: HttpRequest) -> HttpResponse:
        """End the keys that the confirmation listed."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        if request.method != "POST":
            return redirect(self.url("changelist"))
        rows = self.get_queryset(request).filter(pk__in=revoking.posted_ids(request))
        return self._confirmed(request, [*rows.select_related("application", "user")], decided=True)

    @admin.action(description=_("Revoke selected one-time keys"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[OneTimeKey]) -> HttpResponse | None:
        """Ask for the reason; nothing is ended yet."""
        keys = [*queryset.select_related("application", "user")[: revoking.MOST_AT_ONCE + 1]]
        if len(keys) > revoking.MOST_AT_ONCE:
            told = gettext("Select at most %s keys, or end their user's tokens.") % revoking.MOST_AT_ONCE
            messages.error(request, told)
            return None
        return self._confirmed(request, keys, decided=False)

    def _confirmed(self, request: HttpRequest, keys: list[OneTimeKey], *, decided: bool) -> HttpResponse:
        form = ReasonForm(request.POST if decided else None)
        if not form.is_valid():
            title = ngettext("Revoke this key?", "Revoke %(count)s keys?", len(keys)) % {"count": len(keys)}
            context = {"title": title, "form": form, "rows": keys, "post_url": self.url("revoke_selected")}
            return self.page(request, "revoke_keys.html", context)
        at, ended = timezone.now(), 0
        for key in keys:
            if login_keys.revoke(caller_of(request), key.pk, reason=form.cleaned_data["reason"], at=at):
                self.log_change(request, key, "Revoked.")
                ended += 1
        if ended:
            told = ngettext("%(count)s key is revoked.", "%(count)s keys are revoked.", ended) % {"count": ended}
            messages.success(request, told)
        if ended < len(keys):
            messages.warning(request, gettext("What was redeemed or revoked before stays as it was."))
        return redirect(self.url("changelist"))
