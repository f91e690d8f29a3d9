"""What happened to a person, to a token family, to a token: one list, newest first, from every table that tells of it.

A fixed number of statements, whatever the size: every table is read through one index from the page's place downwards,
and no further than a limit. Rows that arrive while somebody pages are newer than his place and move nothing.

What became of a row stands at its own instant where the row is among the newest ``LOOKED_BACK`` of its table and person
at that instant. Of an older one the beginning's entry shows how it stands now, so nothing is left out.

Querysets come from whoever asks: they hold what he may see, or None for a table that he may not see at all.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BinaryField
from django.utils.translation import gettext, gettext_lazy

from token_issuer.models import AuditKind, EpochKind, RevocationEpoch
from token_issuer.services import row_moments
from token_issuer.services.moments import Entry, Page, Place
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from token_issuer.models import AuditEvent, IssuedToken, TokenFamily
    from token_issuer.services.people import Person

    Rows = QuerySet[Any]

SIZE: Final = 50
LOOKED_BACK: Final = 200  # rows of one table; more than a page


_SHOWN: Final = {
    "issuedtoken": ("application", "family", "revoked_by"),
    "auditevent": ("application", "user"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The rows that somebody may see; None: not this table. ``everything``: of every application."""

    tokens: Rows | None = None
    families: Rows | None = None
    login_keys: Rows | None = None
    pairs: Rows | None = None
    accounts: Rows | None = None
    events: Rows | None = None
    everything: bool = True


def of_person(person: Person, sources: Sources, *, at: datetime, before: Place | None = None, size: int = SIZE) -> Page:
    """Return a page of what happened to somebody and of what he did, also of one who was deleted.

    Of a deleted one there is no more than his tokens, families and login keys: events do not name him any more.
    """
    return _page(_of_person(person, sources, at=at, before=before, size=size), before=before, size=size)


def of_family(
    family: TokenFamily, sources: Sources, *, at: datetime, before: Place | None = None, size: int = SIZE
) -> Page:
    """Return a page of a family: begun, each rotation and retry with its generation, reuse, closed."""
    tokens = _newest(sources.tokens, before, size, family_id=family.pk)
    events = _newest(sources.events, before, size, family_id=family.pk)
    closing = next(
        (event for event in _newest(sources.events, None, SIZE, family_id=family.pk) if _closes(event)), None
    )
    entries = [
        *(entry for token in tokens for entry in row_moments.of_token(token, at=at)),
        *(row_moments.of_event(event) for event in events if not _closes(event)),
        *row_moments.of_family(family, closing, at=at),
    ]
    return _page(entries, before=before, size=size)


def of_token(token: IssuedToken, sources: Sources, *, at: datetime) -> Page:
    """Return what happened to one token: issued, used, revoked, its vendor told; the newest page of it."""
    push = getattr(token, "push", None)
    events = _newest(sources.events, None, SIZE, token_id=token.pk)
    entries = [
        *row_moments.of_token(token, at=at),
        *(row_moments.of_push(push, token) if push is not None else ()),
        *(row_moments.of_event(event) for event in events if event.kind != AuditKind.TOKEN_REVOKED),
    ]
    return _page(entries, before=None, size=SIZE)


def _of_person(person: Person, sources: Sources, *, at: datetime, before: Place | None, size: int) -> Iterator[Entry]:
    his = {"principal_key": person.principal_key}
    for token in _newest(sources.tokens, before, size, **his):
        yield from row_moments.of_token(token, at=at)
    families = _newest(sources.families, before, size, **his)
    closings = _closings(sources.events, families)
    for family in families:
        yield from row_moments.of_family(family, closings.get(family.pk), at=at)
    for key in _newest(sources.login_keys, before, size, **person.named()):
        yield from row_moments.of_login_key(key, at=at)
    if sources.everything and sources.events is not None:
        yield from _ended_together(person)
    if person.user is not None:
        yield from _while_there(person, sources, at=at, before=before, size=size)


def _while_there(person: Person, sources: Sources, *, at: datetime, before: Place | None, size: int) -> Iterator[Entry]:
    """Tell of the rows that name him only while he is not deleted."""
    for pair in _newest(sources.pairs, before, size, user_id=person.pk):
        yield from row_moments.of_pair(pair, at=at)
    for account in _newest(sources.accounts, before, size, user_id=person.pk):
        yield from row_moments.of_account(account)
    for event in _newest(sources.events, before, size, user_id=person.pk):
        yield row_moments.of_event(event, by_him=True)


def _newest(rows: Rows | None, before: Place | None, size: int, **named: Any) -> list[Any]:  # noqa: ANN401  columns
    if rows is None:
        return []
    if before is not None:
        rows = rows.filter(pk__lte=before.highest_row)
    sealed = [field.attname for field in rows.model._meta.concrete_fields if isinstance(field, BinaryField)]
    rows = rows.filter(**named).select_related(*_SHOWN.get(str(rows.model._meta.model_name), ("application",)))
    # The row of the place itself may come again, and one entry more says that there is another page.
    return [*rows.defer(*sealed).order_by("-pk")[: max(LOOKED_BACK, size + 2)]]


def _closes(event: AuditEvent) -> bool:
    return event.kind in {AuditKind.FAMILY_CLOSED, AuditKind.REFRESH_REUSED}


def _closings(events: Rows | None, families: list[TokenFamily]) -> dict[UUID, AuditEvent]:
    """Return who closed each and for what; a family is closed once."""
    if events is None:
        return {}
    closed = [family.pk for family in families]
    found = events.filter(family_id__in=closed, kind__in=[AuditKind.FAMILY_CLOSED, AuditKind.REFRESH_REUSED])
    return {event.family_id: event for event in found.select_related("user")[: 2 * LOOKED_BACK]}


def _ended_together(person: Person) -> Iterator[Entry]:
    """Tell when all that he had was ended last: no row of his is touched by that."""
    rows = RevocationEpoch.objects.using(write_alias()).filter(key=person.principal_key, kind=EpochKind.USER)
    for row in rows:
        yield Entry(
            place=Place.of(row.pk, 1, row.not_before),
            at=row.not_before,
            what=gettext_lazy("all tokens of this person ended"),
            state="revoked",
            model="",
            row=row.pk,
            detail=gettext("done %s times in all; this is the last") % row.epoch if row.epoch > 1 else "",
        )


def _page(entries: Iterable[Entry], *, before: Place | None, size: int) -> Page:
    older = (entry for entry in entries if before is None or entry.place < before)
    found = heapq.nlargest(size + 1, older, key=lambda entry: entry.place)
    return Page(entries=tuple(found[:size]), next=found[size - 1].place if len(found) > size else None)
