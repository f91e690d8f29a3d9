"""Issued tokens: evidence to read, find by a pasted token or an id, and revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import checking, people, revoking, searching, timelines
from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import Choice
from token_issuer.admin.ending_links import end_tokens_url
from token_issuer.admin.exporting import ExportableAdmin
from token_issuer.admin.filters import ApplicationFilter, OnlyFilter, PeriodFilter, StandingFilter
from token_issuer.admin.front_page import FrontPage
from token_issuer.admin.leak_path import LeakPath
from token_issuer.admin.pages import require
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.admin.standings import short, standing
from token_issuer.models import ApiKey, Certificate, IssuedToken, Standing
from token_issuer.services import checking as checking_service
from token_issuer.services import outbox
from token_issuer.services.ending_beside import beside
from token_issuer.services.revoking import ending_of
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from token_issuer.services.callers import Caller


@admin.register(IssuedToken)
class IssuedTokenAdmin(FrontPage, LeakPath, ExportableAdmin):
    """One row a token; never the token."""

    list_display = ("fingerprint", "standing_label", "application", "subject", "resource", "issued", "expires", "note")
    list_select_related = ("application", "family")
    list_filter = (StandingFilter, PeriodFilter, ApplicationFilter, OnlyFilter)
    actions = ("revoke_selected",)
    change_list_template = "admin/token_issuer/issued_token_list.html"
    change_form_template = "admin/token_issuer/issued_token.html"
    search_help_text = _(
        "A token's id, fingerprint, IP address or subject. Or user:name, subject:text, room:application/name (with * "
        "at its end for any ending), certificate:fingerprint, key:public id, family:id."
    )
    searches = {
        "id": searching.by_id("pk"),
        "fingerprint": searching.by_text("fingerprint"),
        "subject": searching.by_text("subject"),
        "user": searching.by_principal,
        "ip": searching.by_address("ip"),
        "room": searching.within_application("resource"),
        "certificate": searching.by_row_of("certificate", Certificate, "fingerprint"),
        "key": searching.by_row_of("api_key", ApiKey, "public_id"),
        "family": searching.by_id("family_id"),
    }
    fieldsets = (
        (None, {"fields": ("fingerprint", "id", "standing_label", "application", "certificate", "format")}),
        (_("For whom and what"), {"fields": ("user", "subject", "slot", "resource", "privileges_text")}),
        (_("When"), {"fields": ("issued_at", "expires_at", "one_time", "consumed_at", "temporary")}),
        (_("Revoked"), {"fields": ("revoked_at", "revoked_by", "reason")}),
        (_("Asked for by"), {"fields": ("origin_label", "decision", "ip", "user_agent", "request_id")}),
    )

    def guess(self, term: str) -> str:
        """What looks like nothing else is a subject."""
        return searching.kind_of(term) or "subject"

    def all_rows(self, request: HttpRequest) -> QuerySet[IssuedToken]:
        """Read where it is decided, with the epochs: a set that was revoked shows at once."""
        return IssuedToken.objects.using(write_alias()).with_epochs_now()

    def get_urls(self) -> list[URLPattern]:
        """Add checking and revoking to Django's own."""
        return [
            self.own_path("check/", self.check_view, "check"),
            self.own_path("person/<str:key>/", self.person_view, "person"),
            self.own_path("revoke/", self.revoke_selected_view, "revoke_selected"),
            self.own_path("<uuid:row_id>/revoke/", self.revoke_view, "revoke"),
            self.own_path("<uuid:row_id>/tell-again/", self.tell_again_view, "tell_again"),
            *super().get_urls(),
        ]

    @admin.display(description=_("standing"))
    def standing_label(self, token: IssuedToken) -> str:
        """Whether it is good now, and how it ended if not."""
        return standing(token.standing(timezone.now()))

    @admin.display(description=_("issued at"))
    def issued(self, token: IssuedToken) -> str:
        """When, in few characters."""
        return short(token.issued_at)

    @admin.display(description=_("expires at"))
    def expires(self, token: IssuedToken) -> str:
        """Until when, in few characters."""
        return short(token.expires_at)

    @admin.display(description=_("privileges"))
    def privileges_text(self, token: IssuedToken) -> str:
        """The words it carries."""
        return ", ".join(str(word) for word in token.privileges)

    @admin.display(description=_("asked through"))
    def origin_label(self, token: IssuedToken) -> str:
        """The door it left by."""
        return token.origin_label

    @admin.display(description=_("note"))
    def note(self, token: IssuedToken) -> str:
        """What sets it apart from the others."""
        return gettext("temporary") if token.temporary else ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show all facts, what revoking would do, and the button."""
        at = timezone.now()
        more: dict[str, Any] = {"at": at, "may_revoke": self.has_revoke_permission(request)}
        token = self.get_object(request, object_id) if self.has_view_permission(request) else None
        if isinstance(token, IssuedToken):
            more |= {
                "token": token,
                "standing": token.standing(at).value,
                "ending": ending_of(token, at=at),
                "may_tell_again": more["may_revoke"] and revoking.may_tell_again(token, at=at),
                "sentences": self._sentences(token, caller_of(request), at=at),
                **timelines.of_token(self, request, token),
                "wider": self._wider(request, token),
                "beside": beside([token], at=at),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def _wider(self, request: HttpRequest, token: IssuedToken) -> list[Choice]:
        """Where more than this one token ends; nothing for who may not end any."""
        application = token.application.slug
        offered: list[tuple[object, dict[str, object]]] = [
            (_("Everything of this user"), {"user": token.user_id}),
            (_("Everything in this room"), {"application": application, "room": token.resource}),
            (_("Everything from this IP address"), {"ip": token.ip}),
        ]
        urls = [
            (label, end_tokens_url(self.admin_site, request, **which))
            for label, which in offered
            if all(value not in {None, ""} for value in which.values())
        ]
        return [Choice(url=url, label=str(label)) for label, url in urls if url]

    @staticmethod
    def _sentences(token: IssuedToken, caller: Caller, *, at: datetime) -> list[str]:
        """What its vendor does when it is revoked; of one that was, what is known of that."""
        ending = ending_of(token, at=at)
        live = token.standing(at) is Standing.LIVE
        texts = [ending.sentence, *(outbox.sentences([token], caller, at=at) if live else [])]
        return [gettext(text) for text in texts if text]

    # Checking

    def has_inspect_permission(self, request: HttpRequest) -> bool:
        """Whether this person may ask what any token is."""
        return checking_service.may_check(caller_of(request))

    @handles_secrets
    def check_view(self, request: HttpRequest) -> HttpResponse:
        """Tell what a pasted token is, who made it, and whether it is good."""
        require(self.has_inspect_permission(request))
        return checking.page(self, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the ways to the page above and to ending a selection."""
        more = {
            "may_check": self.has_inspect_permission(request),
            "end_tokens_url": end_tokens_url(self.admin_site, request),
        }
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def person_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Show what one person has and what happened to him."""
        return people.page(self, request, key)

    # Revoking

    def revoke_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Show what revoking one token does; a POST does it."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        return revoking.page(self, request, [self.found(request, row_id)], decided=request.method == "POST")

    def tell_again_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask whether; a POST has the vendor told again of a revocation that was given up."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        return revoking.told_again(self, request, self.found(request, row_id))

    def revoke_selected_view(self, request: HttpRequest) -> HttpResponse:
        """End the tokens that the confirmation listed."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        if request.method != "POST":
            return redirect(self.url("changelist"))
        rows = self.get_queryset(request).filter(pk__in=revoking.posted_ids(request))
        return revoking.page(self, request, [*rows.select_related("application", "family", "push")], decided=True)

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[IssuedToken]) -> HttpResponse | None:
        """Show what revoking these tokens does; nothing is ended yet."""
        tokens = [*queryset.select_related("application", "family", "push")[: revoking.MOST_AT_ONCE + 1]]
        if len(tokens) > revoking.MOST_AT_ONCE:
            told = gettext("Select at most %s tokens, or say here which ones you mean.") % revoking.MOST_AT_ONCE
            messages.error(request, told)
            return redirect(self.url("revoke_where"))
        return revoking.page(self, request, tokens, decided=False)
