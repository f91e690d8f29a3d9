"""The page that people land on: what happened lately, what somebody should look at, and the ways to the tools.

It is a page of its own and not Django's index of the app, which belongs to the site and knows no tenants; that one
leads here (``app_index.html``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format, localize
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import bars, temporary_tokens
from token_issuer.admin.callers import caller_of
from token_issuer.admin.pages import OwnPages, require
from token_issuer.admin.tenancy import applications_of
from token_issuer.conf import conf
from token_issuer.models import Counted
from token_issuer.registry import providers
from token_issuer.services import attention, checking, overview, temporary

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from token_issuer.models import Application
    from token_issuer.services.attention import Attention, Pushes
    from token_issuer.services.overview import Amount, Figures, Overview, Series

_EVENTS = (Counted.DENIED, Counted.REVOKED, Counted.REUSED)
_LATEST = 1  # hour that may be over and not added up, where a command adds up every hour
_SLOW = 26  # hours that may be over and not added up, where the daily purge is what adds them up


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that somebody should look at: a sentence, and where to go with it."""

    word: str  # chooses the icon
    text: str
    links: tuple[tuple[str, str], ...] = ()  # address, what it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The numbers of one application, as bars and as rows of a table (label, last hour, day, week, each day).

    ``temporary_url`` is where one makes a temporary token of it, empty where that is not offered.
    """

    key: str
    title: str
    url: str
    temporary_url: str
    chart: bars.Chart
    description: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


class FrontPage(OwnPages):
    """The ModelAdmin that has the page."""

    def get_urls(self) -> list[URLPattern]:
        """Add it."""
        return [self.own_path("overview/", self.overview_view, "overview"), *super().get_urls()]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show the last hour, day and week of the applications that this person may see."""
        whats = _visible(request)
        require(bool(whats))
        at, within = timezone.now(), applications_of(request)
        found = overview.look(at=at, within=within, whats=whats, live=Counted.ISSUED in whats)
        trouble = attention.look(at=at, within=within)
        context = {
            "title": gettext("Overview"),
            "at": at,
            "found": found,
            "live": amount(found.live) if found.live else "",
            "is_quiet": not any(series.week.number for series in found.total.series),
            "applications_url": self._address("application_changelist") if _sees_applications(request) else "",
            "pushes": trouble.pushes,
            "kept_since": trouble.kept_since,
            "sees_site": within is None,
            "may_find": Counted.ISSUED in whats,
            "may_add": within is None and request.user.has_perm("token_issuer.add_application"),
            "warnings": [*self._warnings(request, found, trouble)],
            "days": [_instant(day) for day in found.days],
            "sections": self._sections(request, found),
            "tools": [*self._tools(request)],
        }
        return self.page(request, "overview.html", context)

    def _sections(self, request: HttpRequest, found: Overview) -> list[Section]:
        sections = [_section("all", gettext("All applications"), found.total, found)]
        for place, figures in enumerate(found.figures):
            urls = self._urls(request, figures.application) if figures.application is not None else {}
            sections.append(_section(str(place), str(figures.application), figures, found, **urls))
        return sections

    def _urls(self, request: HttpRequest, row: Application) -> dict[str, str]:
        if not _sees_applications(request):
            return {}
        provider = providers().get(row.provider)
        tries = provider is not None and temporary_tokens.is_offered(request, provider)
        return {
            "url": self._address("application_change", row.pk),
            "temporary_url": self._address("application_temporary", row.pk) if tries else "",
        }

    def _warnings(self, request: HttpRequest, found: Overview, trouble: Attention) -> list[Warned]:
        may = request.user.has_perm
        warned: list[Warned] = []
        if trouble.ring and may("token_issuer.diagnose_application"):
            text = gettext("No secret can be opened: %(problem)s") % {"problem": trouble.ring}
            warned.append(Warned(word="failed", text=text))
        if trouble.due and may("token_issuer.view_certificate"):
            warned.append(self._due(trouble))
        if trouble.pushes.is_trouble and may("token_issuer.view_issuedtoken"):
            warned += [Warned(word="failed", text=text) for text in _of_pushes(trouble.pushes)]
        if trouble.is_purge_late and trouble.kept_since is not None:
            text = gettext(
                "What is past its retention has waited for the purge since %(since)s. Run token_issuer_purge every day."
            )
            warned.append(Warned(word="failed", text=text % {"since": _instant(trouble.kept_since)}))
        if found.uncounted > (_LATEST if found.is_partial else _SLOW):
            warned.append(Warned(word="failed", text=_of_counting(found)))
        return warned

    def _due(self, trouble: Attention) -> Warned:
        text = ngettext(
            "%(count)s certificate is due for rotation:",
            "%(count)s certificates are due for rotation:",
            trouble.due_count,
        ) % {"count": localize(trouble.due_count)}
        links = [(self._address("certificate_change", row.pk), f"{row.application.name}: {row}") for row in trouble.due]
        return Warned(word="waiting", text=text, links=tuple(links))

    def _tools(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the ways to what this person may do: address, and what it says."""
        may, caller = request.user.has_perm, caller_of(request)
        sees, ends = may("token_issuer.view_issuedtoken"), may("token_issuer.revoke_issuedtoken")
        tries = conf.temporary_tokens and temporary.may_make(caller) and may("token_issuer.view_application")
        offered = [
            (sees and ends, "issuedtoken_revoke_where", _("Something leaked: end a selection of tokens")),
            (checking.may_check(caller), "issuedtoken_check", _("Check a token")),
            (may("token_issuer.diagnose_application"), "application_doctor", _("Run the doctor")),
            (may("token_issuer.view_rule"), "rule_explain", _("Why, or why not? Who would get a token")),
            (tries, "application_changelist", _("Make a temporary token: choose an application")),
            (sees, "issuedtoken_changelist", _("Issued tokens")),
            (may("token_issuer.view_auditevent"), "auditevent_changelist", _("Audit events")),
        ]
        found = ((self._address(name) if allowed else "", str(label)) for allowed, name, label in offered)
        return [(address, label) for address, label in found if address]

    def _address(self, name: str, *args: object) -> str:
        """Return where one of our pages is; empty where this site has none such."""
        try:
            return reverse(f"admin:token_issuer_{name}", args=args, current_app=self.admin_site.name)
        except NoReverseMatch:
            return ""


def _visible(request: HttpRequest) -> tuple[Counted, ...]:
    """Return what this person may see: tokens with the one permission, events with the other."""
    tokens = (Counted.ISSUED,) if request.user.has_perm("token_issuer.view_issuedtoken") else ()
    return tokens + (_EVENTS if request.user.has_perm("token_issuer.view_auditevent") else ())


def _sees_applications(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("token_issuer.view_application"))


def _section(
    key: str, title: str, figures: Figures, found: Overview, *, url: str = "", temporary_url: str = ""
) -> Section:
    rows = tuple((_label(series), tuple(map(amount, _cells(series)))) for series in figures.series)
    days = [_instant(day) for day in found.days]
    drawn = [
        (series.what.value, _label(series), [*zip(_numbers(series), map(_said, days, series.days), strict=True)])
        for series in figures.series
    ]
    said = [f"{_label(series)}: {', '.join(map(amount, series.days))}" for series in figures.series]
    return Section(
        key=key,
        title=title,
        url=url,
        temporary_url=temporary_url,
        chart=bars.chart(drawn),
        description="; ".join(said),
        rows=rows,
    )


def _cells(series: Series) -> Sequence[Amount]:
    return series.hour, series.day, series.week, *series.days


def _numbers(series: Series) -> list[int]:
    return [day.number for day in series.days]


def _said(day: str, number: Amount) -> str:
    return f"{day}: {amount(number)}"


def _label(series: Series) -> str:
    return str(capfirst(str(series.what.label)))


def amount(of: Amount) -> str:
    """Return a number in words, also one that is only the least."""
    number = str(localize(of.number))
    return gettext("at least %(number)s") % {"number": number} if of.at_least else number


def _instant(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M, H:i")


def _of_pushes(pushes: Pushes) -> list[str]:
    told = []
    if pushes.is_late:
        text = gettext(
            "Nobody tells vendors of revocations: %(count)s wait, the oldest since %(since)s. Run token_issuer_push."
        )
        since = _instant(pushes.oldest) if pushes.oldest else ""
        told.append(text % {"count": localize(pushes.waiting), "since": since})
    if pushes.failing:
        text = ngettext(
            "%(count)s revocation could not be told to its vendor yet, and is tried again. Its token's page says why.",
            "%(count)s revocations could not be told to their vendors yet, and are tried again. Their tokens' pages say"
            " why.",
            pushes.failing,
        )
        told.append(text % {"count": localize(pushes.failing)})
    if pushes.given_up:
        text = ngettext(
            "Within a day, a vendor was not told of %(count)s revocation. The audit events say why.",
            "Within a day, vendors were not told of %(count)s revocations. The audit events say why.",
            pushes.given_up,
        )
        told.append(text % {"count": localize(pushes.given_up)})
    return told


def _of_counting(found: Overview) -> str:
    text = gettext("%(count)s hours are not added up. Run token_issuer_count every hour.")
    if found.is_partial:
        text = gettext(
            "Some numbers are the least that there can be: %(count)s hours are not added up. Run token_issuer_count"
            " every hour."
        )
    return text % {"count": localize(found.uncounted)}
