"""What timelines need of a page: the rows that its reader may see, the place in its address, and links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from token_issuer.admin import tenancy
from token_issuer.models import AuditEvent, IssuedToken, OneTimeKey, TokenFamily, VendorAccount, VendorPair
from token_issuer.services import timelines
from token_issuer.services.moments import Place
from token_issuer.services.timelines import Sources

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.moments import Entry, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry, and where its row is shown; empty where it has no page."""

    entry: Entry
    url: str


def sources(owner: OwnPages, request: HttpRequest) -> Sources:
    """Return the rows of each table that this member of staff may see, as its own pages read them."""
    return Sources(
        tokens=_rows(owner, request, IssuedToken),
        families=_rows(owner, request, TokenFamily),
        login_keys=_rows(owner, request, OneTimeKey),
        pairs=_rows(owner, request, VendorPair),
        accounts=_rows(owner, request, VendorAccount),
        events=_rows(owner, request, AuditEvent),
        everything=tenancy.applications_of(request) is None,
    )


def of_family(owner: OwnPages, request: HttpRequest, family: TokenFamily) -> dict[str, object]:
    """Return what a family's page tells of it."""
    place, seen = before(request), sources(owner, request)
    told = timelines.of_family(family, seen, at=timezone.now(), before=place)
    return {**shown(owner, told, before=place), **_person(owner, request, family)}


def of_token(owner: OwnPages, request: HttpRequest, token: IssuedToken) -> dict[str, object]:
    """Return what a token's page tells of it."""
    told = timelines.of_token(token, sources(owner, request), at=timezone.now())
    return {**shown(owner, told), **_person(owner, request, token)}


def _person(owner: OwnPages, request: HttpRequest, row: IssuedToken | TokenFamily) -> dict[str, object]:
    """Return where the page of a row's person is, for whoever may see it."""
    tokens = owner.admin_site.get_model_admin(IssuedToken)
    if row.user_id is None or not tokens.has_view_permission(request):
        return {}
    name = "admin:token_issuer_issuedtoken_person"
    return {"person_url": reverse(name, args=[quote(str(row.user_id))], current_app=owner.admin_site.name)}


def _rows(owner: OwnPages, request: HttpRequest, model: type[Model]) -> QuerySet[Any] | None:
    if not owner.admin_site.is_registered(model):
        return None
    its = owner.admin_site.get_model_admin(model)
    return its.get_queryset(request) if its.has_view_permission(request) else None


def before(request: HttpRequest) -> Place | None:
    """Return the place that the address names; None for the newest entries."""
    text = request.GET.get("before")
    if text is None:
        return None
    place = Place.parse(text)
    if place is None:
        raise Http404
    return place


def shown(owner: OwnPages, told: Page, *, before: Place | None = None) -> dict[str, object]:
    """Return what ``includes/timeline.html`` shows."""
    lines = [Line(entry=entry, url=_url(owner, entry)) for entry in told.entries]
    older = urlencode({"before": str(told.next)}) if told.next is not None else ""
    return {"timeline": lines, "older": older, "is_first": before is None}


def _url(owner: OwnPages, entry: Entry) -> str:
    if not entry.model:
        return ""
    return reverse(f"admin:token_issuer_{entry.model}_change", args=[entry.row], current_app=owner.admin_site.name)
