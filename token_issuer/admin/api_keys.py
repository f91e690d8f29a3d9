"""API keys: created, changed, rotated, revoked. A secret is shown in the answer that made it, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Max, OuterRef, Subquery
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.api_key_forms import AddApiKeyForm, ApiKeyForm, RotateForm, initial_of
from token_issuer.admin.base import SearchedAdmin
from token_issuer.admin.borrowing import BorrowingAdmin
from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import application_choices, chosen_application
from token_issuer.admin.ending_links import end_tokens_url
from token_issuer.admin.makers import is_active, named
from token_issuer.admin.pages import Deed, require
from token_issuer.admin.searching import could_be_a_token
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.admin.standings import state
from token_issuer.errors import FieldError, TokenIssuerError
from token_issuer.models import ApiKey, ApiKeySecret
from token_issuer.services import api_key_use, api_keys
from token_issuer.services.selecting import Selection

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from token_issuer.crypto import TokenText
    from token_issuer.models import Application

STATES = {
    "": _("live"),
    "revoked": _("revoked"),
    "expired": _("expired"),
    "principal_gone": _("refused: its user is gone"),
}
MOST_SECRETS = 20  # on a key's page, newest first


@admin.register(ApiKey)
class ApiKeyAdmin(BorrowingAdmin, SearchedAdmin):
    """What servers call us with."""

    list_display = ("public_id", "purpose", "application", "state_label", "people_label", "last_used", "expires_at")
    list_select_related = ("application", "owner", "acts_as", "created_by")
    list_per_page = 50
    search_help_text = _(
        "A public id, a secret's fingerprint, or what the purpose begins with. Or application:slug, owner:name."
    )
    searches = {
        "id": searching.by_text("public_id"),
        "fingerprint": searching.by_secret,
        "purpose": searching.by_beginning("purpose"),
        "application": searching.of_application,
        "owner": searching.by_owner,
    }
    show_full_result_count = False
    raw_id_fields = people = ("owner", "acts_as")
    add_form_template = "admin/token_issuer/api_key_form.html"
    change_form_template = "admin/token_issuer/api_key_form.html"

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No: the audit refers to it. It is revoked instead."""
        return False

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        """Whether this person may rotate and revoke."""
        return bool(request.user.has_perm("token_issuer.rotate_apikey"))

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' pages to Django's own."""
        return [
            self.own_path("<uuid:row_id>/rotate/", self.rotate_view, "rotate"),
            self.own_path("<uuid:row_id>/revoke/", self.revoke_view, "revoke"),
            *super().get_urls(),
        ]

    # The list

    def guess(self, term: str) -> str:
        """What is neither a fingerprint nor an id of ours is a purpose."""
        if searching.kind_of(term) == "fingerprint":
            return "fingerprint"
        return "id" if term.startswith("ak_") else "purpose"

    def all_rows(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Look up when any of its secrets was used last."""
        secrets = ApiKeySecret.objects.filter(api_key=OuterRef("pk")).order_by().values("api_key")
        last = secrets.annotate(last=Max("last_used_at")).values("last")
        rows: QuerySet[ApiKey] = super().all_rows(request)
        return rows.annotate(last_used_at=Subquery(last))

    @admin.display(description=_("state"))
    def state_label(self, key: ApiKey) -> str:
        """Whether it is good."""
        return _state(key.ended(timezone.now()))

    @admin.display(description=_("owner"))
    def people_label(self, key: ApiKey) -> SafeString | str:
        """Whom to ask about it; who made it and whom it acts as, where these are not active any more."""
        others = [(_("made by"), key.created_by), (_("acts as"), key.acts_as)]
        gone = [(word, named(person)) for word, person in others if person is not None and not is_active(person)]
        return format_html("{}{}", named(key.owner), format_html_join("", "<br>{} {}", gone))

    @admin.display(description=_("last used"))
    def last_used(self, key: ApiKey) -> datetime | None:
        """When it was used last, to the minute."""
        found: datetime | None = key.last_used_at  # type: ignore[attr-defined]  # annotated by all_rows
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; a secret that was pasted into the search is taken out of the address and never looked for."""
        if could_be_a_token(request.GET.get(SEARCH_VAR, "")):
            messages.warning(request, gettext("Secrets are not searched for here: search for the fingerprint."))
            return redirect(request.path)
        return super().changelist_view(request, extra_context)

    # Adding

    @handles_secrets
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the application, then for the rest; answer the secret."""
        require(self.has_add_permission(request))
        application = chosen_application(request)
        if application is None:
            choices = application_choices(request)
            return self.page(request, "choose.html", {"title": gettext("For which application?"), "choices": choices})
        borrowed = self.borrowed(request, "purpose", "owner", "expires_at", "acts_as")
        posted = request.POST if request.method == "POST" else None
        initial = AddApiKeyForm.beginning(request.user.pk, at=timezone.now())
        form = AddApiKeyForm(posted, borrowed=borrowed, initial=initial)
        if posted is not None and form.is_valid():
            before = ApiKey.objects.filter(pk=form.future_id()).first()
            if before is not None:
                return self._sent_before(request, before)
            made = self._created(request, form, application)
            if made is not None:
                self.log_addition(request, made[0], [{"added": {}}])
                return self._shown(request, *made)
        return self.form_page(request, form, {"title": gettext("Add API key for %s") % application.name})

    def _sent_before(self, request: HttpRequest, key: ApiKey) -> HttpResponse:
        messages.warning(request, gettext("This form was sent before. A secret is shown once; rotate to get another."))
        return redirect(self.url("change", key.pk))

    @staticmethod
    def _created(
        request: HttpRequest, form: AddApiKeyForm, application: Application
    ) -> tuple[ApiKey, TokenText] | None:
        try:
            return api_keys.create(
                caller_of(request), application, form.draft(), at=timezone.now(), row_id=form.future_id()
            )
        except FieldError as error:
            form.add_refusal(error)
        except TokenIssuerError as error:
            form.add_error(None, error.message)
        return None

    def _shown(self, request: HttpRequest, key: ApiKey, text: TokenText) -> HttpResponse:
        # The text goes to the template wrapped; the admin's frame forbids browsers to keep the page.
        title = gettext("The secret of %s") % key.public_id
        return self.page(request, "api_key_secret.html", {"title": title, "object": key, "key": key, "text": text})

    # Changing

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a key with its secrets; save what may change."""
        key = self.get_object(request, object_id)
        if key is None:
            raise Http404
        require(self.has_view_or_change_permission(request, key))
        form = self._change_form(request, key)
        if request.method == "POST" and form.is_valid() and self._changed(request, form, key):
            changed = [str(form.fields[name].label) for name in form.changed_data]
            self.log_change(request, key, [{"changed": {"fields": changed}}])
            messages.success(request, gettext("%s was changed.") % key.public_id)
            return redirect(request.path)
        return self.form_page(request, form, self._facts(request, key), obj=key)

    def _change_form(self, request: HttpRequest, key: ApiKey) -> ApiKeyForm:
        borrowed = self.borrowed(request, "purpose", "owner", "expires_at")
        may_change = self.has_change_permission(request, key)
        if request.method == "POST":
            require(may_change)
            return ApiKeyForm(request.POST, borrowed=borrowed, initial=initial_of(key))
        form = ApiKeyForm(borrowed=borrowed, initial=initial_of(key))
        if not may_change:
            form.lock()
        return form

    @staticmethod
    def _changed(request: HttpRequest, form: ApiKeyForm, key: ApiKey) -> bool:
        try:
            api_keys.change(caller_of(request), key, form.terms(), at=timezone.now())
        except FieldError as error:
            form.add_refusal(error)
        except TokenIssuerError as error:
            form.add_error(None, error.message)
        return not form.errors

    def _facts(self, request: HttpRequest, key: ApiKey) -> dict[str, Any]:
        at = timezone.now()
        return {
            "title": key.public_id,
            "subtitle": None,
            "object_id": str(key.pk),
            "key": key,
            "state": _state(key.ended(at)),
            "ended": bool(key.ended(at)),
            "working": {row.pk for row in api_keys.working(key, at=at)},
            "secrets": (secrets := key.secrets.all()[:MOST_SECRETS]),
            "overlap": api_key_use.overlap(secrets, at=at),
            "at": at,
            "maker": named(key.created_by),
            "acts_as": named(key.acts_as),
            "owner": named(key.owner),
            "may_rotate": self.has_rotate_permission(request),
            "end_tokens_url": end_tokens_url(self.admin_site, request, key=key.public_id),
        }

    # Rotating and revoking

    @handles_secrets
    def rotate_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask how long the old secret works on; answer the new one."""
        require(self.has_rotate_permission(request))
        key: ApiKey = self.found(request, row_id)
        back = self.url("change", key.pk)
        form = RotateForm(request.POST if request.method == "POST" else None, initial={"seen": _current(key)})
        if not form.is_valid():
            title = gettext("A new secret for %s?") % key.public_id
            return self.page(
                request, "api_key_rotate.html", {"title": title, "object": key, "form": form, "back": back}
            )
        try:
            text = api_keys.rotate(caller_of(request), key, at=timezone.now(), **form.cleaned_data)
        except TokenIssuerError as error:
            messages.error(request, error.message)
            return redirect(back)
        self.log_change(request, key, "Rotated.")
        return self._shown(request, key, text)

    def revoke_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm with a reason, then end the key and what it issued."""
        require(self.has_rotate_permission(request))
        key: ApiKey = self.found(request, row_id)
        deed = Deed(
            title=gettext("Revoke %s?") % key.public_id,
            sentences=[
                _("Its secrets and every token that it issued, for itself or for people, end here at once."),
                _("This cannot be undone. Where a vendor honours the tokens, they end as the vendor lets them."),
            ],
            button=_("Revoke"),
            act=lambda caller, reason, at: api_keys.revoke(caller, key, reason=reason, at=at),
            done=_("The key and its tokens are revoked."),
            logged="Revoked.",
            asks_reason=True,
            ends=Selection(api_key=key),
        )
        return self.confirmed(request, key, deed, back=self.url("change", key.pk))


def _state(ended: str) -> str:
    return state(ended or "live", STATES[ended])


def _current(key: ApiKey) -> str:
    """The fingerprint of the secret that has no end of its own: the one to be replaced."""
    rows = key.secrets.filter(expires_at__isnull=True, revoked_at__isnull=True)
    return str(rows.values_list("fingerprint", flat=True).first() or "")
