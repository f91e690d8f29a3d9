"""The page "Doctor": does the live configuration work? What it finds is told as it is said, worst first.

It stands where much is broken, so whatever fails while it looks becomes a finding, and never an error page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django import forms
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import Error as DatabaseError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.callers import caller_of
from token_issuer.admin.standings import state
from token_issuer.admin.tenancy import applications_of
from token_issuer.errors import TokenIssuerError
from token_issuer.models import Application
from token_issuer.services import diagnosing
from token_issuer.services.findings import Diagnosis, Severity, failed
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.findings import Finding

MOST_TRIED: Final = 50  # applications in one answer; more take the command, which nobody waits for

_HEADINGS: Final = (
    (Severity.FAILED, _("Failed"), _("failed")),
    (Severity.WARNING, _("To look at"), _("warning")),
    (Severity.OK, _("As it should be"), _("fine")),
)


class DoctorForm(forms.Form):
    """What is tried."""

    application = forms.SlugField(
        label=_("Application"),
        required=False,
        help_text=_("The slug of the one to try. Empty means all of them."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The findings of one severity, under a heading."""

    heading: str
    mark: SafeString
    findings: tuple[Finding, ...]


def page(owner: OwnPages, request: HttpRequest) -> HttpResponse:
    """Show what a quick look finds; a POST looks at everything. The edge checked who may."""
    at = timezone.now()
    posted = request.method == "POST"
    form = DoctorForm(request.POST if posted else None, initial={"application": request.GET.get("application", "")})
    found = _full(owner, request, form, at=at) if form.is_valid() else None
    context = {
        "title": gettext("Doctor"),
        "form": form,
        "is_full": found is not None,
        "groups": _groups(found or _looked(lambda: diagnosing.quick(at=at), at=at)),
        "at": at,
    }
    return owner.page(request, "doctor.html", context)


def _full(owner: OwnPages, request: HttpRequest, form: DoctorForm, *, at: datetime) -> Diagnosis | None:
    """Try what the form names; None where the form says why not."""
    slug = form.cleaned_data["application"]
    try:
        within = _within(request)
        rows = _tried(slug, within)
    except (DatabaseError, ImproperlyConfigured) as error:
        return _broken(error, at=at, before=_looked(lambda: diagnosing.quick(at=at), at=at).findings)
    if slug and not rows:
        form.add_error("application", gettext("There is no such application."))
        return None
    if len(rows) > MOST_TRIED:
        told = gettext("There are more than %s applications: name one here, or run token_issuer_doctor.") % MOST_TRIED
        form.add_error("application", told)
        return None
    found = _looked(lambda: diagnosing.full(caller_of(request), at=at, slug=slug, within=within), at=at)
    _log(owner, request, rows, found)
    return found


def _within(request: HttpRequest) -> frozenset[UUID] | None:
    """Whose applications are looked at: nobody's where the site cannot say whose they are."""
    try:
        return applications_of(request)
    except PermissionDenied:
        return frozenset()


def _tried(slug: str, within: frozenset[UUID] | None) -> list[Application]:
    rows = Application.objects.using(write_alias()).order_by("pk")
    rows = rows if within is None else rows.filter(pk__in=within)
    # MariaDB compares loosely.
    return [row for row in (rows.filter(slug=slug) if slug else rows)[: MOST_TRIED + 1] if slug in ("", row.slug)]


def _looked(look: Callable[[], Diagnosis], *, at: datetime) -> Diagnosis:
    try:
        return look()
    except (DatabaseError, ImproperlyConfigured, TokenIssuerError) as error:
        return _broken(error, at=at)


def _broken(error: Exception, *, at: datetime, before: tuple[Finding, ...] = ()) -> Diagnosis:
    # A driver's own text may name hosts and users.
    told = type(error).__name__ if isinstance(error, DatabaseError) else f"{type(error).__name__}: {error}"
    hint = "Run `python manage.py token_issuer_doctor` for what lies behind it."
    return Diagnosis(at=at, findings=(*before, failed("doctor", f"The look ended early: {told}", hint=hint)))


def _log(owner: OwnPages, request: HttpRequest, rows: list[Application], found: Diagnosis) -> None:
    named = {finding.application for finding in found.findings}
    for row in rows:
        if row.slug in named:
            owner.log_change(request, row, "Diagnosed.")


def _groups(found: Diagnosis) -> list[Group]:
    groups = []
    for severity, heading, word in _HEADINGS:
        findings = tuple(finding for finding in found.findings if finding.severity is severity)
        if findings:
            groups.append(Group(heading=str(heading), mark=state(severity.value, word), findings=findings))
    return groups
