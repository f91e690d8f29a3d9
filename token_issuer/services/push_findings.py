"""Are vendors told of revocations? What waits for too long, what fails, and what was given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Max, Min, Q

from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditEvent, AuditKind, Certificate, VendorPush
from token_issuer.services import outbox
from token_issuer.services.findings import Finding, ok, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

OVERDUE: Final = timedelta(minutes=5)
RECENT: Final = timedelta(days=1)
MOST: Final = 1_000
"""No more of anything are counted."""
NAME: Final = "pushes"

_ALONE: Final = Q(told_by__isnull=True)  # the others are due when theirs is
_NOBODY: Final = "Run `token_issuer_push --once` every minute, or `token_issuer_push --every 5` as a service."
_FAILING: Final = "The reason stands on each token's page; a push is tried until its token ends."
_AGAIN: Final = (
    'See the audit events "vendor push failed". When it is put right, `token_issuer_push --again` tells of those whose'
    " token has not expired."
)


def look(*, at: datetime, slug: str = "") -> Iterator[Finding]:
    """Yield a warning for each thing that is the matter with telling vendors (of one application, if named).

    Nothing where no application has anything to tell its vendor with, and nothing waits.
    """
    rows = VendorPush.objects.using(write_alias()).filter(next_try_at__isnull=False)
    events = AuditEvent.objects.using(write_alias()).filter(kind=AuditKind.PUSH_FAILED, at__gte=at - RECENT)
    events = events.filter(pk__gte=uuid7_floor(at - RECENT))  # of its kind, a range of one index
    callers = Certificate.objects.using(write_alias()).active().filter(purpose=outbox.PURPOSE)
    callers = callers.filter(application__provider__in=outbox.pushers())
    if slug:
        rows, events = rows.filter(application__slug=slug), events.filter(application__slug=slug)
        callers = callers.filter(application__slug=slug)
    waiting = rows.order_by("next_try_at")[:MOST].aggregate(
        count=Count("pk"), oldest=Min("created_at"), due=Min("next_try_at", filter=_ALONE), tries=Max("attempts")
    )
    reasons = events.order_by("-pk").values_list("detail__reason", flat=True)[:MOST]
    found = [*_waiting(waiting, at=at), *_given_up(Counter(reasons))]
    yield from found
    if not found and (waiting["count"] or callers.exists()):
        yield ok(NAME, f"Vendors are told of revocations; {_so_many(waiting['count'])} wait.")


def _waiting(waiting: dict[str, Any], *, at: datetime) -> Iterator[Finding]:
    if not waiting["count"]:
        return
    oldest, due, tries = waiting["oldest"], waiting["due"] or at, waiting["tries"]
    many, age = _so_many(waiting["count"]), _minutes(at - oldest)
    told = f"{many} revocations wait for their vendor to be told, the oldest for {age} min"
    if at - due > OVERDUE:
        yield warning(NAME, f"{told}, and nobody tells it.", hint=_NOBODY)
    elif tries:
        yield warning(NAME, f"{told}; one of them failed {tries} times.", hint=_FAILING)


def _given_up(reasons: Counter[str]) -> Iterator[Finding]:
    if reasons:
        words = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        message = f"Within a day, vendors were not told of {_so_many(reasons.total())} revocations: {words}."
        yield warning(NAME, message, hint=_AGAIN)


def _so_many(count: int) -> str:
    return f"{count} or more" if count == MOST else str(count)


def _minutes(age: timedelta) -> int:
    return int(age.total_seconds() // 60)
