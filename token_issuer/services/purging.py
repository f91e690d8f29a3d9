"""Deleting what is past its retention: small ranges behind a moving mark, each committed by itself.

A killed run loses nothing and the next one goes on; beside it the site mints as ever, since every transaction is short.
What is deleted was refused long before, so no verdict changes: ``expired`` becomes ``unknown``, and both are a refusal.
A plain callable for schedulers and task queues: ``purge(at=timezone.now())``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, F, Max, OuterRef, Q

from token_issuer.conf import conf
from token_issuer.models import (
    AnsweredLoginKey,
    AuditEvent,
    HourlyCount,
    IssuedToken,
    OneTimeKey,
    Rule,
    RuleWindow,
    TokenFamily,
    VendorAccount,
    VendorPair,
    VendorPush,
)
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model, QuerySet

BATCH_SIZE = 1000  # rows of one transaction
REFUSED_PAIRS: Final = timedelta(days=30)
"""How long a vendor's pair is kept that he renews no more: an administrator may still have him asked again."""
_DAY = timedelta(days=1)  # the clock of another process may be behind


@dataclass(slots=True)
class Purged:
    """How many rows went, or would go."""

    tokens: int = 0
    families: int = 0
    keys: int = 0
    events: int = 0
    windows: int = 0
    pairs: int = 0
    answers: int = 0
    proofs: int = 0
    counts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """One table, the indexed column that says how old a row is, and the instant before which it goes."""

    model: type[Model]
    column: str
    before: datetime
    counter: str
    named_by: str = ""  # the column of events that names such a row, and is set free before it goes
    unless: Exists | None = None  # something still refers to the row
    only: Q = field(default_factory=Q)

    def rows(self, since: datetime | None) -> QuerySet[Any]:
        past = self.model._default_manager.using(write_alias()).filter(self.only, **{f"{self.column}__lt": self.before})
        if self.unless is not None:
            past = past.filter(~self.unless)
        return past if since is None else past.filter(**{f"{self.column}__gte": since})


def purge(
    *,
    at: datetime,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
    progress: Callable[[Purged], None] | None = None,
) -> Purged:
    """Delete tokens, families, login keys, pairs, events, hourly counts and windows past ``RETENTION``.

    ``dry_run`` only counts.

    What expires goes that long after it did, a family when none of its tokens is left, too; events after they happened;
    windows when they can count nothing any more. A vendor's pair is evidence of nothing and opens something: it goes at
    its end, ``REFUSED_PAIRS`` after its vendor refused it, and at once when it ended with a set of tokens. That a
    vendor's login key was answered is forgotten a day after its end. What proves a deleted user at a vendor goes at
    once; the row stays, so that his name is nobody else's.

    Raises:
        Unavailable: the database was busy three times in a row; what was committed stays deleted.
    """
    done = Purged()
    for shelf in _shelves(at, dry_run=dry_run):
        if dry_run:
            setattr(done, shelf.counter, getattr(done, shelf.counter) + shelf.rows(None).count())
            continue
        _clear(shelf, done, batch_size=batch_size, progress=progress)
    if dry_run:
        done.proofs = _ownerless_proofs().count()
        done.pairs += _revoked_pairs(at).count()
    else:
        _forget_pairs(done, at, batch_size=batch_size, progress=progress)
        _forget_proofs(done, batch_size=batch_size, progress=progress)
    return done


def _ownerless_proofs() -> QuerySet[VendorAccount]:
    """Return the accounts of deleted users that still hold what logs them in there, by the index on users."""
    rows = VendorAccount.objects.using(write_alias()).filter(user__isnull=True)
    return rows.exclude(sealed_secret__isnull=True, pending_secret__isnull=True)


def _forget_proofs(done: Purged, *, batch_size: int, progress: Callable[[Purged], None] | None) -> None:
    rows = _ownerless_proofs()
    while batch := list(rows.values_list("pk", flat=True)[:batch_size]):
        proofs = rows.filter(pk__in=batch)
        done.proofs += retrying(partial(proofs.update, sealed_secret=None, proved_at=None, pending_secret=None))
        if progress is not None:
            progress(done)


def _revoked_pairs(at: datetime) -> QuerySet[VendorPair]:
    """Return the vendors' pairs that no shelf has, and that ended with a set of tokens: they never come back."""
    rows = VendorPair.objects.using(write_alias()).with_epochs_now().filter(~Q(epochs=F("epochs_now")), ends_at__gte=at)
    refused = Q(refused_at__isnull=False, refused_at__lt=at - REFUSED_PAIRS, access_expires_at__lt=at)
    return rows.exclude(refused)


def _forget_pairs(done: Purged, at: datetime, *, batch_size: int, progress: Callable[[Purged], None] | None) -> None:
    rows = VendorPair.objects.using(write_alias())
    while batch := list(_revoked_pairs(at).values_list("pk", "version")[:batch_size]):
        for pk, version in batch:
            # By its version: somebody may be connecting again at this moment, over this very row.
            revoked = rows.filter(pk=pk, version=version)
            done.pairs += retrying(partial(revoked._raw_delete, write_alias()))
        if progress is not None:
            progress(done)


def _shelves(at: datetime, *, dry_run: bool) -> tuple[_Shelf, ...]:
    before = at - conf.retention
    return (
        # Events first: what is left of them when their token goes is only set free.
        _Shelf(model=AuditEvent, column="at", before=before, counter="events"),
        _Shelf(model=IssuedToken, column="expires_at", before=before, counter="tokens", named_by="token"),
        _Shelf(
            model=TokenFamily,
            column="expires_at",
            before=before,
            counter="families",
            named_by="family",
            unless=_tokens_left(since=before if dry_run else None),
        ),
        _Shelf(model=OneTimeKey, column="expires_at", before=before, counter="keys"),
        _Shelf(model=VendorPair, column="ends_at", before=at, counter="pairs"),
        _Shelf(
            model=VendorPair,
            column="refused_at",
            before=at - REFUSED_PAIRS,
            counter="pairs",
            only=Q(access_expires_at__lt=at, ends_at__gte=at),  # what lives is still handed out
        ),
        # The vendor takes no answer any more; a day, in case another process's clock is behind.
        _Shelf(model=AnsweredLoginKey, column="expires_at", before=at - _DAY, counter="answers"),
        _Shelf(model=HourlyCount, column="starts_at", before=before, counter="counts"),
        _Shelf(model=RuleWindow, column="starts_at", before=at - _longest_window() - _DAY, counter="windows"),
    )


def _tokens_left(*, since: datetime | None) -> Exists:
    """Whether a family has tokens; ``since`` leaves those out that a run which only counts would delete first."""
    tokens = IssuedToken.objects.using(write_alias()).order_by().filter(family=OuterRef("pk"))
    return Exists(tokens if since is None else tokens.filter(expires_at__gte=since))


def _longest_window() -> timedelta:
    """Return the longest window of any rule: a younger row may still count, and deleting it would lift a limit."""
    longest: int | None = Rule.objects.using(write_alias()).aggregate(longest=Max("window"))["longest"]
    return timedelta(seconds=longest or 0)


def _clear(shelf: _Shelf, done: Purged, *, batch_size: int, progress: Callable[[Purged], None] | None) -> None:
    mark: datetime | None = None
    while (bound := _bound(shelf, mark, batch_size)) is not None:
        deleted = _delete_range(shelf, mark, bound)
        setattr(done, shelf.counter, getattr(done, shelf.counter) + deleted)
        # The mark moves on, so the next SELECT does not walk over the index entries just deleted.
        mark = bound
        if progress is not None:
            progress(done)


def _bound(shelf: _Shelf, mark: datetime | None, batch_size: int) -> datetime | None:
    """Return the age of the last row of the next batch, None when there is none left."""
    ages = shelf.rows(mark).order_by(shelf.column).values_list(shelf.column, flat=True)
    full = ages[batch_size - 1 : batch_size].first()
    return full if full is not None else ages.last()


def _delete_range(shelf: _Shelf, mark: datetime | None, bound: datetime) -> int:
    # Inclusive: when more rows than a batch share one instant, an exclusive bound would delete nothing for ever.
    rows = shelf.rows(mark).filter(**{f"{shelf.column}__lte": bound})

    def work() -> int:
        with durable():
            if shelf.named_by:
                named = AuditEvent.objects.using(write_alias()).filter(**{f"{shelf.named_by}__in": rows.values("pk")})
                named.update(**{shelf.named_by: None})
            if shelf.model is IssuedToken:
                # Their pushes go with them; what waited this long is about a token that ran out long ago.
                pushes = VendorPush.objects.using(write_alias()).filter(token__in=rows.values("pk"))
                pushes._raw_delete(write_alias())
            # One DELETE by range; Django's own collector would fetch every row first.
            return int(rows._raw_delete(write_alias()))

    return retrying(work)
