"""Pages of our own beside Django's: outside any transaction, and every deed behind a confirmation that is POSTed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import effects
from token_issuer.admin.base import StyledAdmin, outside_transactions
from token_issuer.admin.callers import caller_of
from token_issuer.errors import TokenIssuerError
from token_issuer.services.revoking import LONGEST_REASON
from token_issuer.services.selecting import preview

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django_stubs_ext import StrOrPromise

    from token_issuer.services.callers import Caller
    from token_issuer.services.selecting import Selection


class ReasonForm(forms.Form):
    """Why something is ended; the audit keeps it."""

    required_css_class = "required"
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_REASON,
        help_text=_("Kept in the audit. Do not paste the token or a secret here."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something a button does: what its page says before, what it does, what is said and logged afterwards."""

    title: StrOrPromise
    button: StrOrPromise
    act: Callable[[Caller, str, datetime], object]  # caller, reason, at
    done: StrOrPromise
    logged: str  # for the admin's log, without values
    sentences: Sequence[StrOrPromise] = ()
    steps: Sequence[StrOrPromise] = field(default=())  # the vendor's own, in order
    asks_reason: bool = False
    ends: Selection | None = None  # the tokens that end with it: its page says how many, of whom and when


class OwnPages(StyledAdmin):
    """A ModelAdmin with pages of its own."""

    def own_path(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """Return a URL for staff; the view checks its own permission."""
        return outside_transactions(path(route, self.admin_site.admin_view(view), name=self._url_name(name)))

    def url(self, name: str, *args: object) -> str:
        """Return the address of one of this admin's pages, Django's or own."""
        return reverse(f"admin:{self._url_name(name)}", args=args, current_app=self.admin_site.name)

    def _url_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        """Return one of our templates with what the admin's frame needs."""
        request.current_app = self.admin_site.name  # as Django's own views do
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/token_issuer/{template}", {**frame, **context})

    def form_page(
        self,
        request: HttpRequest,
        form: Any,  # noqa: ANN401  a form with ``fieldsets``
        context: dict[str, Any],
        *,
        obj: object = None,
    ) -> HttpResponse:
        """Return Django's own form page for a form that is saved by a service."""
        from django.contrib.admin.helpers import AdminForm  # noqa: PLC0415  needs the app registry

        shown = AdminForm(form, form.fieldsets, form.prepopulated, (), model_admin=self)
        whole = {
            **self.admin_site.each_context(request),
            "adminform": shown,
            "errors": form.errors,
            "media": self.media + shown.media,
            "inline_admin_formsets": [],
            "original": obj,
            "is_popup": False,
            "to_field": None,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **context,
        }
        url = context.get("form_url", "")
        return self.render_change_form(request, whole, add=obj is None, change=obj is not None, form_url=url, obj=obj)

    def found(self, request: HttpRequest, row_id: UUID) -> Any:  # noqa: ANN401  this admin's model
        """Return the row, or raise Http404."""
        row = self.get_object(request, str(row_id))
        if row is None:
            raise Http404
        return row

    def confirmed(self, request: HttpRequest, obj: Any, deed: Deed, *, back: str) -> HttpResponse:  # noqa: ANN401  a row
        """Show what the deed will do; a POST with CSRF token does it and returns to ``back``."""
        form = (ReasonForm if deed.asks_reason else forms.Form)(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            context = {"title": deed.title, "object": obj, "deed": deed, "form": form, "back": back}
            return self.page(request, "confirm.html", {**context, **_what_ends(request, deed)})
        try:
            deed.act(caller_of(request), form.cleaned_data.get("reason", ""), timezone.now())
        except TokenIssuerError as error:
            messages.error(request, error.message)
        else:
            self.log_change(request, obj, deed.logged)
            messages.success(request, str(deed.done))
        return redirect(back)


def _what_ends(request: HttpRequest, deed: Deed) -> dict[str, Any]:
    if deed.ends is None:
        return {}
    caller, at = caller_of(request), timezone.now()
    return {"preview": effects.shown(caller, preview(caller, deed.ends, at=at, sample=0), at=at), "at": at}


def require(allowed: bool) -> None:
    """Raise PermissionDenied unless allowed."""
    if not allowed:
        raise PermissionDenied
