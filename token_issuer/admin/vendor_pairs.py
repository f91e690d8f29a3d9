"""Vendors' pairs: who is connected to what, and how that stands; never a text.

Buttons delete one, and have a vendor asked again that refused one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.base import EvidenceAdmin
from token_issuer.admin.filters import PairStandingFilter, PeriodFilter
from token_issuer.admin.pages import Deed, OwnPages, require
from token_issuer.admin.standings import short, standing
from token_issuer.models import VendorPair
from token_issuer.services import pair_rows, pairs

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


@admin.register(VendorPair)
class VendorPairAdmin(OwnPages, EvidenceAdmin):
    """One row a user, application and device."""

    list_display = ("__str__", "standing_label", "application", "user", "kept", "renewed", "access_expires", "ends")
    list_select_related = ("application", "user")
    change_form_template = "admin/token_issuer/vendor_pair.html"
    list_filter = (PairStandingFilter, PeriodFilter)
    search_help_text = _("A user's name or key, or id:id.")
    searches = {"id": searching.by_id("pk"), "user": searching.by_principal}
    fieldsets = (
        (None, {"fields": ("id", "standing_label", "reason", "application", "user", "device", "version")}),
        (_("When"), {"fields": ("created_at", "renewed_at", "access_expires_at", "refresh_expires_at", "ends_at")}),
        (_("Handed in by"), {"fields": ("api_key", "ip", "user_agent")}),
    )

    def guess(self, term: str) -> str:
        """What is no id is a person."""
        return "id" if searching.kind_of(term) == "id" else "user"

    def all_rows(self, request: HttpRequest) -> QuerySet[VendorPair]:
        """Read where it is decided, with the epochs: what a log-out ended shows at once; no sealed text is read."""
        return pair_rows.rows().defer("sealed_access", "sealed_refresh")

    def has_forget_permission(self, request: HttpRequest) -> bool:
        """Whether this person may delete pairs; seeing them is another permission."""
        return bool(request.user.has_perm("token_issuer.forget_vendorpair"))

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether this person may have a vendor asked again; seeing pairs is another permission."""
        return bool(request.user.has_perm("token_issuer.retry_vendorpair"))

    def get_urls(self) -> list[URLPattern]:
        """Add deleting and trying again to Django's own."""
        return [
            self.own_path("<uuid:row_id>/forget/", self.forget_view, "forget"),
            self.own_path("<uuid:row_id>/retry/", self.retry_view, "retry"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all facts, and the buttons."""
        row = self.get_object(request, object_id)
        may_retry = row is not None and row.refused_at is not None and self.has_retry_permission(request)
        more = {"may_forget": self.has_forget_permission(request), "may_retry": may_retry}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def forget_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask whether; a POST deletes the pair."""
        require(self.has_view_permission(request) and self.has_forget_permission(request))
        row: VendorPair = self.found(request, row_id)
        deed = Deed(
            title=_("Delete this pair?"),
            button=_("Delete"),
            act=lambda caller, reason, at: pairs.forget_row(caller, row, at=at),
            done=_("The pair is deleted."),
            logged="Deleted.",
            sentences=(
                _("Its user gets no further tokens of this vendor's until he connects again."),
                _("The vendor is not told: what was handed out works there until it expires."),
            ),
        )
        return self.confirmed(request, row, deed, back=self.url("changelist"))

    def retry_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask whether; a POST lifts the refusal."""
        require(self.has_view_permission(request) and self.has_retry_permission(request))
        row: VendorPair = self.found(request, row_id)
        deed = Deed(
            title=_("Ask the vendor again?"),
            button=_("Try again"),
            act=lambda caller, reason, at: pairs.try_again(caller, row, at=at),
            done=_("The next one who asks for its token has the pair renewed."),
            logged="Refusal lifted.",
            sentences=(
                _("First put right why the vendor refused, if that was here: the client id, the secret, the address."),
                _("If it refuses again, its user has to connect again."),
            ),
        )
        return self.confirmed(request, row, deed, back=self.url("change", row.pk))

    @admin.display(description=_("standing"))
    def standing_label(self, row: VendorPair) -> str:
        """Whether it is good, and why not."""
        return standing(row.standing(timezone.now()))

    @admin.display(description=_("handed in"))
    def kept(self, row: VendorPair) -> str:
        """When, in few characters."""
        return short(row.created_at)

    @admin.display(description=_("renewed"))
    def renewed(self, row: VendorPair) -> str:
        """When last, in few characters; empty until it was."""
        return short(row.renewed_at) if row.renewed_at is not None else ""

    @admin.display(description=_("access token expires"))
    def access_expires(self, row: VendorPair) -> str:
        """When, in few characters."""
        return short(row.access_expires_at)

    @admin.display(description=_("ends"))
    def ends(self, row: VendorPair) -> str:
        """When it is of no use any more, in few characters."""
        return short(row.ends_at)
