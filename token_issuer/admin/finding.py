"""The one box for the worst minute: whatever is known of a leak leads to the page that ends it.

Tokens and secrets are looked up by their digest and never shown again; everything else is one exact look into an index.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import people
from token_issuer.admin.choosing import Choice
from token_issuer.admin.ending_links import end_tokens_url
from token_issuer.admin.naming import people_named
from token_issuer.admin.searching import could_be_a_token, kind_of
from token_issuer.admin.tenancy import applications_of
from token_issuer.crypto import TokenText, opaque
from token_issuer.models import ApiKey, Application, Certificate, IssuedToken, OneTimeKey, TokenFamily
from token_issuer.services import held, verifying
from token_issuer.services.addresses import kept_text
from token_issuer.services.checking import bare
from token_issuer.services.recognising import is_ours

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages

Matches: TypeAlias = Iterator[Choice]

MOST: Final = 20  # of one kind; whoever sees more says more
LONGEST: Final = 600  # characters of anything that is no secret: a key, a slug and a room

# Nothing that people call a thing by has so many letters and digits in one piece; keys and passwords have.
_COULD_BE_SECRET: Final = re.compile(r"(?=[^\s-]*\d)[^\s-]{20,}")


def page(owner: OwnPages, request: HttpRequest) -> HttpResponse:
    """Lead to the one page that a text names, or offer several; the edge checked who may see tokens."""
    pasted = request.POST.get("pasted", "").strip() if request.method == "POST" else ""
    if not pasted:
        return redirect(owner.url("changelist"))
    found = [*_Search(owner, request).matches(pasted)]
    if len(found) == 1:
        return redirect(found[0].url)
    context = {
        "title": gettext("Which one?") if found else gettext("Nothing found"),
        "choices": found,
        "pasted": pasted if _may_be_shown(pasted) else "",
    }
    return owner.page(request, "find.html", context)


def _may_be_shown(pasted: str) -> bool:
    """Whether a text comes back into the box: nothing does that could open anything."""
    if could_be_a_token(pasted) or len(pasted) > LONGEST:
        return False
    return opaque.is_public_id(pasted) or _is_dashed(pasted) or not _COULD_BE_SECRET.search(pasted)


def _is_dashed(text: str) -> bool:
    """Whether a text is a UUID as we write them; 32 digits without dashes could as well be a vendor's secret."""
    return text.count("-") == 4 and kind_of(text) == "id"


class _Search:
    """One look for one person: only what he may see is found, and it leads where he may go."""

    def __init__(self, owner: OwnPages, request: HttpRequest) -> None:
        self._owner = owner
        self._request = request
        self._tokens: QuerySet[IssuedToken] = owner.get_queryset(request)
        self._may_revoke: bool = owner.has_revoke_permission(request)  # type: ignore[attr-defined]  # tokens' admin

    def matches(self, pasted: str) -> Matches:
        """Yield what a text names, each address once."""
        seen: set[str] = set()
        for match in self._all(pasted):
            if match.url not in seen:
                seen.add(match.url)
                yield match

    def _all(self, pasted: str) -> Matches:
        key, colon, value = pasted.partition(":")
        if not colon or key not in _FINDERS:
            return self._guessed(pasted)
        if is_ours(value.strip()):  # whatever it was called, it is looked up by its digest alone
            return self._guessed(value.strip())
        return _FINDERS[key](self, value.strip()) if _is_text(value) else iter(())

    def _guessed(self, pasted: str) -> Matches:
        secret = [*self._secret(bare(TokenText(pasted)))]
        if secret or could_be_a_token(pasted) or not _is_text(pasted):
            yield from secret
            return
        kind = "key" if opaque.is_public_id(pasted) else kind_of(pasted)
        # A fingerprint, and an id without dashes, could be somebody's name.
        for word in (kind, *(() if kind in {"ip", "key"} else ("user", "application", "room", "subject"))):
            if word:
                yield from _FINDERS[word](self, pasted)

    # What opens something: of an API key, its own page, because ending its tokens ends no secret

    def _secret(self, text: TokenText) -> Matches:
        found = held.find(text, at=timezone.now())
        if found is not None:
            if found.row is not None:
                yield from self._rows(type(found.row), pk=found.row.pk, own_page=True)
            return
        token = verifying.find_named(text, at=timezone.now())
        if token is not None and not self._tokens.filter(pk=token.pk).exists():
            token = verifying.find(text, within=applications_of(self._request))
        if token is not None:
            yield self._row(token)

    # What names something

    def by_id(self, value: str) -> Matches:
        """A row of ours, of whichever table."""
        try:
            row_id = UUID(value)
        except ValueError:
            return
        for model in (IssuedToken, TokenFamily, OneTimeKey, Certificate, Application, ApiKey):
            yield from self._rows(model, pk=row_id)

    def by_fingerprint(self, value: str) -> Matches:
        """A token, a certificate or a secret of an API key."""
        yield from self._rows(IssuedToken, fingerprint=value)
        yield from self._rows(Certificate, fingerprint=value)
        yield from self._rows(ApiKey, secrets__fingerprint=value)

    def by_ip(self, value: str) -> Matches:
        """An address that tokens went to, or as much of it as the audit keeps."""
        if kind_of(value) != "ip":
            return
        for address in dict.fromkeys((str(ipaddress.ip_address(value)), kept_text(value))):
            if self._tokens.filter(ip=address).exists():
                yield self._where(_("IP address"), address, {"ip": address}, f"ip:{address}")

    def by_user(self, value: str) -> Matches:
        """A person, by his name or key, here or gone."""
        for person in people_named(self._request, value, tokens=self._tokens):
            ends_url = end_tokens_url(self._owner.admin_site, self._request, user=person.pk)
            url = people.address(self._owner, person.pk)
            yield Choice(url=url, label=str(person), text=gettext("user"), ends_url=ends_url)

    def by_application(self, value: str) -> Matches:
        """An application, by its slug."""
        yield from self._rows(Application, slug=value)

    def by_key(self, value: str) -> Matches:
        """An API key, by its public id."""
        yield from self._rows(ApiKey, public_id=value)

    def by_certificate(self, value: str) -> Matches:
        """A certificate, by its id or fingerprint."""
        if kind_of(value) == "fingerprint":
            yield from self._rows(Certificate, fingerprint=value)
        elif kind_of(value) == "id":
            yield from self._rows(Certificate, pk=value)

    def by_room(self, value: str) -> Matches:
        """A room, as ``application/room`` or by its name alone where tokens for it were issued."""
        slug, slash, room = value.partition("/")
        if slash:
            yield from self._rooms(room, slug=slug)
        yield from self._rooms(value)

    def by_subject(self, value: str) -> Matches:
        """Whom tokens speak for at a vendor."""
        if self._tokens.filter(subject=value).exists():
            yield self._listed(_("subject"), value, f"subject:{value}")

    def _rooms(self, room: str, **which: str) -> Matches:
        if not room:
            return
        # One probe of the index on application and room for each application.
        there = self._tokens.filter(application=OuterRef("pk"), resource=room).order_by()
        for application in self._seen(Application).filter(Exists(there), **which).order_by("slug")[:MOST]:
            which_room = {"application": application.slug, "room": room}
            yield self._where(_("room"), f"{application.slug}/{room}", which_room, f"room:{application.slug}/{room}")

    # Where it leads

    def _seen(self, model: type[Model]) -> QuerySet[Any]:
        return self._owner.admin_site.get_model_admin(model).get_queryset(self._request)

    def _rows(self, model: type[Model], *, own_page: bool = False, **which: object) -> Matches:
        may_view = self._may_view(model)
        if may_view or (self._may_revoke and model in _SELECTED):
            for row in self._seen(model).filter(**which).order_by("-pk")[:MOST]:
                yield self._row(row, own_page=own_page and may_view)

    def _may_view(self, model: type[Model]) -> bool:
        return bool(self._owner.admin_site.get_model_admin(model).has_view_permission(self._request))

    def _row(self, row: Any, *, own_page: bool = False) -> Choice:  # noqa: ANN401  of any of our models
        name, selected = row._meta.verbose_name, _SELECTED.get(type(row))
        if selected is not None and self._may_revoke and not own_page:
            url = self._owner.url("revoke_where") + "?" + urlencode(selected(row))
            return Choice(url=url, label=str(row), text=str(name))
        route = f"admin:token_issuer_{row._meta.model_name}_change"
        url = reverse(route, args=[row.pk], current_app=self._owner.admin_site.name)
        return Choice(url=url, label=str(row), text=str(name))

    def _where(self, kind: object, label: str, which: dict[str, str], term: str) -> Choice:
        """A selection to end, or for who may not end anything the list of its tokens."""
        if not self._may_revoke:
            return self._listed(kind, label, term)
        url = self._owner.url("revoke_where") + "?" + urlencode(which)
        return Choice(url=url, label=label, text=str(kind))

    def _listed(self, kind: object, label: str, term: str) -> Choice:
        return Choice(url=self._owner.url("changelist") + "?" + urlencode({"q": term}), label=label, text=str(kind))


def _is_text(value: str) -> bool:
    """Whether a database takes it, and an index is worth asking."""
    return 0 < len(value.strip()) <= LONGEST and "\0" not in value


_FINDERS: Final[Mapping[str, Callable[[_Search, str], Matches]]] = {
    "id": _Search.by_id,
    "fingerprint": _Search.by_fingerprint,
    "ip": _Search.by_ip,
    "user": _Search.by_user,
    "application": _Search.by_application,
    "certificate": _Search.by_certificate,
    "key": _Search.by_key,
    "room": _Search.by_room,
    "subject": _Search.by_subject,
}
# What a whole set of tokens hangs on leads to the page that ends the set.
_SELECTED: Final[Mapping[type[Any], Callable[[Any], dict[str, str]]]] = {
    Application: lambda row: {"application": row.slug},
    Certificate: lambda row: {"certificate": str(row.pk)},
    ApiKey: lambda row: {"key": row.public_id},
}
