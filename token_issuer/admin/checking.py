"""The page "Check a token": a paste box, and what is known of what was pasted, in the answer to the POST alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.callers import caller_of
from token_issuer.admin.tenancy import applications_of
from token_issuer.crypto import TokenText
from token_issuer.errors import TokenIssuerError
from token_issuer.models import ApiKey, OneTimeKey, TokenFamily
from token_issuer.services import checking
from token_issuer.services.telling import Expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.checking import Checked
    from token_issuer.services.held import HeldRow

_KINDS = {
    "vendor": _("a token for a vendor's cloud"),
    "access": _("an access token of this site"),
    "one_time": _("a short token of this site"),
    "refresh": _("a refresh token of this site"),
    "login_key": _("a one-time login key of this site"),
    "api_key": _("an API key with its secret"),
    "api_key_secret": _("the secret of an API key"),
    "self_signed": _("a token that a server signed with its API key"),
    "unknown": _("nothing that is known here"),
}
_PAGES: dict[type[Any], str] = {TokenFamily: "tokenfamily", OneTimeKey: "onetimekey", ApiKey: "apikey"}
_TEXT = {"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}


class CheckForm(forms.Form):
    """What was pasted, and what was expected of it. The token itself is never filled in again."""

    token = forms.CharField(
        label=_("Token"),
        strip=False,
        help_text=_(
            "It is read here: no vendor is asked, nothing is used up, and it is neither kept nor in an address."
        ),
        widget=forms.Textarea(attrs={**_TEXT, "class": "vLargeTextField", "rows": 4, "autocapitalize": "off"}),
    )
    resource = forms.CharField(
        label=_("Expected channel or room"), required=False, max_length=255, widget=forms.TextInput(attrs=_TEXT)
    )
    subject = forms.CharField(
        label=_("Expected subject"), required=False, max_length=255, widget=forms.TextInput(attrs=_TEXT)
    )
    code = forms.CharField(
        label=_("Error that the SDK says"),
        required=False,
        max_length=255,
        help_text=_("A number such as 110, to read what the vendor means by it."),
        widget=forms.TextInput(attrs=_TEXT),
    )

    def expected(self) -> Expected:
        """Return what the token should be for; an empty field expects nothing."""
        said = {name: self.cleaned_data[name] or None for name in ("resource", "subject")}
        return Expected(**said, called=gettext("channel or room"))


def page(admin: OwnPages, request: HttpRequest) -> HttpResponse:
    """Show the form; after a POST, what is known, above an empty one. The edge checked who may."""
    form = CheckForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"title": gettext("Check a token"), "form": form}
    if form.is_valid():
        try:
            found = _checked(request, form)
        except (TokenIssuerError, ImproperlyConfigured) as error:
            form.add_error(None, str(error))
        else:
            context |= _told(found)
            context |= _links(admin, found) if admin.has_view_permission(request) else {}
    context["form"] = _emptied(form)
    return admin.page(request, "check.html", context)


def _checked(request: HttpRequest, form: CheckForm) -> Checked:
    text = TokenText(form.cleaned_data["token"])
    return checking.check(
        caller_of(request),
        text,
        at=timezone.now(),
        expected=form.expected(),
        code=form.cleaned_data["code"],
        within=applications_of(request),
    )


def _emptied(form: CheckForm) -> CheckForm:
    """Return the form without the token: a page that comes back does not hold it."""
    if form.is_bound:
        form.data = {**{name: form.data.get(name, "") for name in form.fields}, "token": ""}
    return form


def _told(found: Checked) -> dict[str, Any]:
    report = found.report
    return {
        "found": found,
        "kind": _KINDS[found.kind],
        "sentences": [(each.word, each.in_words(gettext)) for each in found.sentences],
        "facts": [(str(label), value) for label, value in _facts(found) if value],
        "details": report.seen.details if report is not None else (),
        "errors": [(provider, error, gettext(error.meaning), gettext(error.cure)) for provider, error in found.errors],
    }


def _links(admin: OwnPages, found: Checked) -> dict[str, Any]:
    """Return where its rows are, for who may see rows."""
    report, held = found.report, found.held
    return {
        "row_url": admin.url("change", report.token.pk) if report is not None and report.token is not None else "",
        "held_page": _page_of(held.row) if held is not None else "",
        "held": held,
        "certificate": report.certificate if report is not None else None,
    }


def _facts(found: Checked) -> Iterator[tuple[object, object]]:
    application = found.application
    yield _("Application"), application
    if found.report is not None:
        seen, row = found.report.seen, found.report.token
        yield _("Provider"), gettext(found.report.provider.label)
        yield _("Format"), seen.format
        yield _("Subject"), seen.subject if row is None else row.subject
        yield _("Resource"), seen.resource if row is None else row.resource
        yield _("Privileges"), ", ".join(sorted(seen.privileges) if row is None else row.privileges)
        yield _("Issued at"), seen.issued_at if row is None else row.issued_at
        yield _("Expires at"), seen.expires_at if row is None else row.expires_at
    elif found.held is not None:
        yield _("Public id"), found.held.public_id
        yield _("Subject"), found.held.subject
        yield _("Expires at"), found.held.expires_at


def _page_of(row: HeldRow | None) -> str:
    return f"admin:token_issuer_{_PAGES[type(row)]}_change" if row is not None else ""
