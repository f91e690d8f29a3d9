"""Evidence whose rows can be ended early: the button, the action and the page that asks for the reason."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import revoking
from token_issuer.admin.callers import caller_of
from token_issuer.admin.exporting import ExportableAdmin
from token_issuer.admin.pages import ReasonForm, require
from token_issuer.admin.standings import short, standing
from token_issuer.errors import TokenIssuerError
from token_issuer.models import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise

    from token_issuer.services.callers import Caller


class EndableAdmin(ExportableAdmin):
    """Rows with ``standing(at)``, which ``end`` ends."""

    actions = ("revoke_selected",)
    change_list_template = "admin/token_issuer/evidence_list.html"
    change_form_template = "admin/token_issuer/endable_row.html"
    list_select_related = ("application", "user")

    revoke_permission: ClassVar[str]
    consequence: ClassVar[StrOrPromise]  # what the page that asks for the reason says

    @abstractmethod
    def end(self, caller: Caller, row: Any, *, reason: str, at: datetime) -> bool:  # noqa: ANN401  this admin's model
        """End one row; False when it had ended before."""

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether this person may end rows; seeing them is another permission."""
        return bool(request.user.has_perm(f"token_issuer.{self.revoke_permission}"))

    def get_urls(self) -> list[URLPattern]:
        """Add revoking to Django's own."""
        return [
            self.own_path("revoke/", self.revoke_selected_view, "revoke_selected"),
            self.own_path("<uuid:row_id>/revoke/", self.revoke_view, "revoke"),
            *super().get_urls(),
        ]

    @admin.display(description=_("standing"))
    def standing_label(self, row: Any) -> str:  # noqa: ANN401
        """Whether it is good now, and how it ended if not."""
        return standing(row.standing(timezone.now()))

    @admin.display(description=_("created at"))
    def created(self, row: Any) -> str:  # noqa: ANN401
        """When, in few characters."""
        return short(row.created_at)

    @admin.display(description=_("expires at"))
    def expires(self, row: Any) -> str:  # noqa: ANN401
        """Until when, in few characters."""
        return short(row.expires_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all facts, and the button while it is live."""
        row: Any = self.get_object(request, object_id) if self.has_view_permission(request) else None
        live = row is not None and row.standing(timezone.now()) is Standing.LIVE
        more = {"may_revoke": live and self.has_revoke_permission(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def revoke_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask for the reason; a POST ends the row."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        return self._confirmed(request, [self.found(request, row_id)], decided=request.method == "POST")

    def revoke_selected_view(self, request: HttpRequest) -> HttpResponse:
        """End the rows that the confirmation listed."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        if request.method != "POST":
            return redirect(self.url("changelist"))
        rows = self.get_queryset(request).filter(pk__in=revoking.posted_ids(request))
        return self._confirmed(request, [*rows.select_related(*self.list_select_related)], decided=True)

    @admin.action(description=_("Revoke selected %(verbose_name_plural)s"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask for the reason; nothing is ended yet."""
        rows = [*queryset.select_related(*self.list_select_related)[: revoking.MOST_AT_ONCE + 1]]
        if len(rows) > revoking.MOST_AT_ONCE:
            told = gettext("Select at most %s rows, or end all that their user has.") % revoking.MOST_AT_ONCE
            messages.error(request, told)
            return None
        return self._confirmed(request, rows, decided=False)

    def _confirmed(self, request: HttpRequest, rows: list[Any], *, decided: bool) -> HttpResponse:
        form = ReasonForm(request.POST if decided else None)
        if not form.is_valid():
            title = ngettext("Revoke this row?", "Revoke %(count)s rows?", len(rows)) % {"count": len(rows)}
            post_url = self.url("revoke_selected")
            context = {"title": title, "form": form, "rows": rows, "post_url": post_url, "sentence": self.consequence}
            return self.page(request, "end_rows.html", context)
        try:
            ended = self._end_all(request, rows, reason=form.cleaned_data["reason"])
        except TokenIssuerError as error:
            messages.error(request, error.message)
            return redirect(self.url("changelist"))
        if ended:
            told = ngettext("%(count)s row is revoked.", "%(count)s rows are revoked.", ended) % {"count": ended}
            messages.success(request, told)
        if ended < len(rows):
            messages.warning(request, gettext("What had ended before stays as it was."))
        return redirect(self.url("changelist"))

    def _end_all(self, request: HttpRequest, rows: list[Any], *, reason: str) -> int:
        at, ended = timezone.now(), 0
        for row in rows:
            if self.end(caller_of(request), row, reason=reason, at=at):
                self.log_change(request, row, "Revoked.")
                ended += 1
        return ended
