"""One person's page: who he is, what he holds now, and what happened. His address has his primary key as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth import get_user_model
from django.http import Http404
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext

from token_issuer.admin import timelines
from token_issuer.admin.ending_links import end_tokens_url, may_end_access
from token_issuer.admin.pages import require
from token_issuer.services import people
from token_issuer.services import timelines as timelines_service

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.people import Holding, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What he has of one thing, and where it is listed."""

    holding: Holding
    url: str


def address(owner: OwnPages, pk: object) -> str:
    """Return where the page of a user is; ``owner`` is any admin of the same site."""
    name = "admin:token_issuer_issuedtoken_person"
    return reverse(name, args=[quote(str(pk))], current_app=owner.admin_site.name)


def page(owner: OwnPages, request: HttpRequest, key: str) -> HttpResponse:
    """Show somebody, also one who was deleted, as far as this member of staff may see."""
    require(owner.has_view_permission(request))
    at, sources = timezone.now(), timelines.sources(owner, request)
    person = found(key, sources)
    before = timelines.before(request)
    told = timelines_service.of_person(person, sources, at=at, before=before)
    context = {
        "title": gettext("Person: %s") % person,
        "person": person,
        "end_tokens_url": end_tokens_url(owner.admin_site, request, user=person.pk),
        "end_access_url": owner.url("person_end", quote(str(person.pk))) if may_end_access(owner, request) else "",
        "user_url": user_url(owner, request, person.user),
        "held": [_held(owner, holding, person) for holding in people.holdings(person, sources, at=at)],
        "at": at,
        **timelines.shown(owner, told, before=before),
    }
    return owner.page(request, "person.html", context)


def found(key: str, sources: timelines_service.Sources) -> Person:
    """Return whom an address names, or raise Http404."""
    person = people.named(unquote(key))
    if person is None or not _may_be_named(person, sources):
        raise Http404
    return person


def _may_be_named(person: Person, sources: timelines_service.Sources) -> bool:
    """Whether there is or was such a user, for somebody who may see this much."""
    if person.user is not None and sources.everything:
        return True
    return people.has_rows(person, sources)


def _held(owner: OwnPages, holding: Holding, person: Person) -> Held:
    place = reverse(f"admin:token_issuer_{holding.model}_changelist", current_app=owner.admin_site.name)
    return Held(holding=holding, url=f"{place}?{urlencode({SEARCH_VAR: f'user:{person.pk}'})}")


def user_url(owner: OwnPages, request: HttpRequest, user: Any) -> str:  # noqa: ANN401  the site's own user model
    """Return the user's page in this admin; empty where there is none or it may not be seen."""
    users = get_user_model()
    if user is None or not owner.admin_site.is_registered(users):
        return ""
    if not owner.admin_site.get_model_admin(users).has_view_permission(request, user):
        return ""
    page = f"admin:{users._meta.app_label}_{users._meta.model_name}_change"
    try:
        return reverse(page, args=[quote(user.pk)], current_app=owner.admin_site.name)
    except NoReverseMatch:  # an admin with other pages
        return ""
