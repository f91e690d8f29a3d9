"""Adding up whole hours, so that a page about the last week need not read the audit of a week.

An hour is added up once, when nothing of it can come any more; the row ``Counted.HOUR`` says that it was. Each is one
short transaction, and two processes that add up the same hour write the same keys: it is counted once, and a process
that is killed leaves an hour whole or not at all. A plain callable for schedulers and task queues:
``count_hours(at=timezone.now())``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, Case, Count, F, Sum, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from token_issuer.conf import conf
from token_issuer.ids import uuid7_at, uuid7_floor
from token_issuer.models import AuditEvent, AuditKind, Counted, HourlyCount, IssuedToken, hour_key
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

HOUR: Final = timedelta(hours=1)
LATE: Final = timedelta(minutes=10)
"""How long after its end an hour is left alone: what began in it may be committed a moment later."""
REACH: Final = timedelta(days=31)
"""How far back hours are added up that were missed."""
MOST_HOURS: Final = 48
"""Hours of one call."""

_CHUNK: Final = 500

COUNTED_AS: Final = {
    AuditKind.DENIED: Counted.DENIED,
    AuditKind.TOKEN_REVOKED: Counted.REVOKED,
    AuditKind.SET_REVOKED: Counted.REVOKED,
    AuditKind.CERTIFICATE_REVOKED: Counted.REVOKED,
    AuditKind.API_KEY_REVOKED: Counted.REVOKED,
    AuditKind.REFRESH_REUSED: Counted.REUSED,
}
"""The events that are counted, and as what."""

# A set that was revoked, with its certificate or key or without, counts as many as were live in it.
_SETS: Final = (AuditKind.SET_REVOKED, AuditKind.CERTIFICATE_REVOKED, AuditKind.API_KEY_REVOKED)
_LIVE: Final = Coalesce(Cast(KeyTextTransform("live", "detail"), BigIntegerField()), Value(0))
_TIMES: Final = Sum(Case(When(kind__in=_SETS, then=_LIVE), default=F("count"), output_field=BigIntegerField()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How far the hours between two instants are added up; ``missing`` are those that are not, newest first."""

    done: frozenset[datetime]
    missing: tuple[datetime, ...]

    @property
    def until(self) -> datetime | None:
        """The end of the newest hour that is added up."""
        return max(self.done) + HOUR if self.done else None


def count_hours(*, at: datetime, most: int = MOST_HOURS, progress: Callable[[datetime], None] | None = None) -> int:
    """Add up hours that ended more than ``LATE`` ago and are not yet, newest first; return how many, at most ``most``.

    Looks back no further than ``REACH``, nor than ``RETENTION``: what is older may have been purged in part.

    Raises:
        OpenTransaction: inside a transaction.
        Unavailable: the database was busy three times in a row; what was committed stays counted.
    """
    hours = survey(at=at).missing[:most]
    for hour in hours:
        _add_up(hour)
        if progress is not None:
            progress(hour)
    return len(hours)


def count_all(*, at: datetime, progress: Callable[[datetime], None] | None = None) -> int:
    """Add up every hour that can be and is not yet; return how many."""
    whole = 0
    while hours := count_hours(at=at, progress=progress):
        whole += hours
    return whole


def survey(*, at: datetime, reach: timedelta = REACH) -> Counting:
    """Return which whole hours since ``at - reach`` are added up. Reads only."""
    last = hour_of(at - LATE) - HOUR
    first = hour_of(at - min(reach, REACH, conf.retention)) + HOUR
    markers = HourlyCount.objects.using(write_alias()).filter(
        what=Counted.HOUR, starts_at__gte=first, starts_at__lte=last
    )
    done = frozenset(markers.order_by().values_list("starts_at", flat=True))
    oldest = _oldest()
    begin = last + HOUR if oldest is None else max(first, hour_of(oldest))
    between = (last - number * HOUR for number in range((last - begin) // HOUR + 1))
    return Counting(done=done, missing=tuple(hour for hour in between if hour not in done))


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour that an instant is in: the same for everybody, whatever his time zone."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def tokens(since: UUID, until: UUID) -> QuerySet[IssuedToken]:
    """Return the tokens whose ids are not below the one and below the other."""
    return IssuedToken.objects.using(write_alias()).filter(pk__gte=since, pk__lt=until).order_by()


def events(since: UUID, until: UUID) -> QuerySet[AuditEvent]:
    """Return the events of such ids that are counted."""
    rows = AuditEvent.objects.using(write_alias()).filter(pk__gte=since, pk__lt=until)
    return rows.filter(kind__in=COUNTED_AS).order_by()


def grouped(
    issued: QuerySet[IssuedToken] | None, happened: QuerySet[AuditEvent] | None, *by: str
) -> Counter[tuple[Any, ...]]:
    """Return how many there are, by application, what is counted and these columns, with one statement each."""
    found: Counter[tuple[Any, ...]] = Counter()
    if issued is not None:
        for row in issued.values_list("application_id", *by).annotate(times=Count("pk")):
            application, *rest, times = row
            found[application, Counted.ISSUED, *rest] += times
    if happened is not None:
        for row in happened.values_list("application_id", "kind", *by).annotate(times=_TIMES):
            application, kind, *rest, times = row
            found[application, COUNTED_AS[AuditKind(kind)], *rest] += times
    return found


def _oldest() -> datetime | None:
    """Return when the audit begins, None where it is empty."""
    begins = [_first(IssuedToken), _first(AuditEvent)]
    return min((uuid7_at(row_id) for row_id in begins if row_id is not None), default=None)


def _first(model: type[IssuedToken | AuditEvent]) -> UUID | None:
    rows: QuerySet[Any] = model._default_manager.using(write_alias())
    return rows.order_by("pk").values_list("pk", flat=True).first()


def _add_up(hour: datetime) -> None:
    ids = uuid7_floor(hour), uuid7_floor(hour + HOUR)
    found = grouped(tokens(*ids), events(*ids))
    numbers = [(application, what, number) for (application, what), number in found.items() if number]
    rows = [*_rows(hour, numbers), _row(hour, Counted.HOUR)]

    def work() -> None:
        with durable():
            # Whoever was first has counted it.
            HourlyCount.objects.using(write_alias()).bulk_create(rows, batch_size=_CHUNK, ignore_conflicts=True)

    retrying(work)


def _rows(hour: datetime, numbers: Iterable[tuple[UUID | None, Counted, int]]) -> list[HourlyCount]:
    rows = [_row(hour, what, application=application, number=number) for application, what, number in numbers]
    return sorted(rows, key=lambda row: row.key.int)  # in one order: two who write the same wait, and do not deadlock


def _row(hour: datetime, what: Counted, *, application: UUID | None = None, number: int = 1) -> HourlyCount:
    key = hour_key(what, application, hour)
    return HourlyCount(key=key, starts_at=hour, what=what, application_id=application, number=number)
