"""What happened in the last hour, day and week, per application: from hourly counts, and the rest from the audit.

Reads only, a constant number of statements and a bounded number of the audit's rows. The week is seven blocks of 24
hours; the last one ends with the hour that is running, so a day and a week are made of whole hours and fit the counts.
What no count covers yet is read from the audit itself, its ``MOST_ROWS`` newest rows; beyond them, and where hours in
between were never added up, a number is only known to be the least ("at least").
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Q, Sum, Value, When

from token_issuer.conf import conf
from token_issuer.ids import uuid7_at, uuid7_floor
from token_issuer.models import Application, AuditEvent, Counted, HourlyCount, IssuedToken
from token_issuer.services import counting
from token_issuer.services.counting import HOUR
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from django.db.models import Model, QuerySet

    from token_issuer.services.counting import Counting

DAY: Final = timedelta(days=1)
DAYS: Final = 7
MOST_ROWS: Final = 20_000
"""Rows of the audit that are read at most, of tokens and of events."""
MOST_LIVE: Final = 10_000
"""Tokens that are looked at when the live ones are counted."""
MOST_APPLICATIONS: Final = 1_000
SHOWN: Final = 20
"""Applications with numbers of their own; the busiest."""

ALL: Final = (Counted.ISSUED, Counted.DENIED, Counted.REVOKED, Counted.REUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number; ``at_least``: there may be more that were not looked at."""

    number: int
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that is counted: in the last 60 minutes, and in each day of the week, the oldest first."""

    what: Counted
    hour: Amount
    days: tuple[Amount, ...]

    @property
    def day(self) -> Amount:
        """In the last day."""
        return self.days[-1]

    @property
    def week(self) -> Amount:
        """In all of the days."""
        return Amount(number=sum(day.number for day in self.days), at_least=any(day.at_least for day in self.days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The numbers of one application; of all of them without one."""

    application: Application | None
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What happened until ``at``. ``days`` are when the days of the series begin.

    ``counted_until``: how far whole hours are added up, None
    where none of the week is; ``uncounted``: how many hours are over and are not.
    """

    at: datetime
    days: tuple[datetime, ...]
    total: Figures
    figures: tuple[Figures, ...]
    applications: Amount
    live: Amount | None
    counted_until: datetime | None
    uncounted: int

    @property
    def more(self) -> int:
        """How many applications have no figures here."""
        return self.applications.number - len(self.figures)

    @property
    def is_partial(self) -> bool:
        """Whether some number is only the least."""
        return any(series.week.at_least or series.hour.at_least for series in self.total.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """From which id on a table is read, and until when it is not although it should be: there are too many rows."""

    low: UUID
    unread: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Where the days begin, until when counts are taken (``edge``), which hours before they miss, and what is read."""

    at: datetime
    days: tuple[datetime, ...]
    edge: datetime
    holes: tuple[datetime, ...]
    within: frozenset[UUID] | None
    whats: Collection[Counted]

    @property
    def end(self) -> datetime:
        return self.days[-1] + DAY

    @property
    def last_hour(self) -> datetime:
        return self.at - HOUR

    @property
    def cuts(self) -> list[datetime]:
        """Where the part that is read from the audit is cut: no piece is in two days, or half in the last hour."""
        since = min(self.edge, self.last_hour)
        return sorted({since, self.edge, self.last_hour, *(day for day in self.days if day > since)})

    def day_of(self, instant: datetime) -> int:
        return next(number for number, day in _backwards(self.days) if instant >= day)

    def limited(self, rows: Any, column: str = "application_id") -> Any:  # noqa: ANN401  querysets of any model
        return _limited(rows, self.within, column)


class _Own(Counter[tuple[Counted, "int | None"]]):
    """The numbers of one application, by what is counted and the day's number; None: the last hour."""


def look(
    *, at: datetime, within: frozenset[UUID] | None = None, whats: Collection[Counted] = ALL, live: bool = True
) -> Overview:
    """Return the overview at this instant, of these applications (None: all, and what belongs to none).

    ``whats`` and ``live`` are what the person who looks may see.
    """
    done = counting.survey(at=at, reach=DAYS * DAY)
    plan = _plan(at, done, within=within, whats=whats)
    tokens = _reach(IssuedToken, plan) if Counted.ISSUED in whats else None
    events = _reach(AuditEvent, plan) if set(whats) - {Counted.ISSUED} else None
    numbers = _numbers(plan, tokens, events)

    def figures(row: Application | None, own: _Own) -> Figures:
        unread = {True: tokens.unread if tokens else None, False: events.unread if events else None}
        series = (_series(own, what, plan, unread=unread[what is Counted.ISSUED]) for what in ALL if what in whats)
        return Figures(application=row, series=tuple(series))

    there = plan.limited(Application.objects.using(write_alias()), "pk").order_by().values("pk")
    number = there[: MOST_APPLICATIONS + 1].count()
    shown = _busiest(numbers, plan)
    return Overview(
        at=at,
        days=plan.days,
        total=figures(None, _sum(numbers.values())),
        figures=tuple(figures(row, numbers.get(row.pk, _Own())) for row in shown),
        applications=Amount(number=min(number, MOST_APPLICATIONS), at_least=number > MOST_APPLICATIONS),
        live=live_tokens(at=at, within=within) if live else None,
        counted_until=done.until,
        uncounted=len(done.missing),
    )


def live_tokens(*, at: datetime, within: frozenset[UUID] | None = None) -> Amount:
    """Return how many tokens are good at this instant, of the ``MOST_LIVE`` that expire first."""
    rows = _limited(IssuedToken.objects.using(write_alias()).with_epochs_now().filter(expires_at__gt=at), within)
    looked_at = rows.order_by("expires_at").annotate(closed=F("family__closed_at"))[:MOST_LIVE]
    good = Q(revoked_at__isnull=True, consumed_at__isnull=True, closed__isnull=True, epochs=F("epochs_now"))
    found = looked_at.aggregate(all=Count("pk"), good=Count("pk", filter=good))
    return Amount(number=found["good"], at_least=found["all"] == MOST_LIVE)


def _limited(rows: Any, within: frozenset[UUID] | None, column: str = "application_id") -> Any:  # noqa: ANN401
    return rows if within is None else rows.filter(**{f"{column}__in": within})


# What is read


def _plan(at: datetime, done: Counting, *, within: frozenset[UUID] | None, whats: Collection[Counted]) -> _Plan:
    end = counting.hour_of(at) + HOUR
    days = tuple(end - DAY * number for number in range(DAYS, 0, -1))
    edge = done.until or days[0]
    holes = tuple(hour for hour in done.missing if hour < edge)
    return _Plan(at=at, days=days, edge=edge, holes=holes, within=within, whats=whats)


def _reach(model: type[Model], plan: _Plan) -> _Reach:
    since, end = uuid7_floor(plan.cuts[0]), uuid7_floor(plan.end)
    # Of all applications and kinds: it is the primary key alone that bounds what is read.
    ids: QuerySet[Any] = model._default_manager.using(write_alias()).filter(pk__gte=since, pk__lt=end)
    newest = ids.order_by("-pk").values_list("pk", flat=True)
    beyond = newest[MOST_ROWS : MOST_ROWS + 1].first()
    if beyond is None:
        return _Reach(low=since)
    return _Reach(low=UUID(int=beyond.int + 1), unread=uuid7_at(beyond))


def _numbers(plan: _Plan, tokens: _Reach | None, events: _Reach | None) -> dict[UUID | None, _Own]:
    numbers: dict[UUID | None, _Own] = {}
    for application, what, day, number in _counted(plan):
        numbers.setdefault(application, _Own())[what, day] += number
    cuts, high = plan.cuts, uuid7_floor(plan.end)
    pieces = counting.grouped(
        _cut(plan.limited(counting.tokens(tokens.low, high)), cuts) if tokens else None,
        _cut(plan.limited(counting.events(events.low, high)), cuts) if events else None,
        "piece",
    )
    for (application, what, piece), number in pieces.items():
        own = numbers.setdefault(application, _Own())
        if cuts[piece] >= plan.last_hour:
            own[what, None] += number
        if cuts[piece] >= plan.edge:
            own[what, plan.day_of(cuts[piece])] += number
    return numbers


def _counted(plan: _Plan) -> Iterator[tuple[UUID | None, Counted, int, int]]:
    rows = plan.limited(HourlyCount.objects.using(write_alias())).filter(
        what__in=plan.whats, starts_at__gte=plan.days[0], starts_at__lt=plan.edge
    )
    days = [When(starts_at__gte=day, then=Value(number)) for number, day in _backwards(plan.days)]
    rows = rows.order_by().annotate(day=Case(*days, output_field=IntegerField()))
    for application, what, day, number in rows.values_list("application_id", "what", "day").annotate(Sum("number")):
        yield application, Counted(what), day, number


def _cut(rows: Any, cuts: Sequence[datetime]) -> Any:  # noqa: ANN401  querysets of two models
    pieces = [When(pk__gte=uuid7_floor(cut), then=Value(number)) for number, cut in _backwards(cuts)]
    return rows.annotate(piece=Case(*pieces, output_field=IntegerField()))


def _backwards(instants: Sequence[datetime]) -> list[tuple[int, datetime]]:
    return list(enumerate(instants))[::-1]


# What is shown


def _busiest(numbers: Mapping[UUID | None, _Own], plan: _Plan) -> list[Application]:
    """Return the applications with most tokens, then with most of the rest; others where there is room."""

    def busy(application: UUID) -> tuple[int, int]:
        own = numbers[application]
        return sum(own[Counted.ISSUED, day] for day in range(DAYS)), own.total()

    first = sorted((key for key in numbers if key is not None), key=busy, reverse=True)[:SHOWN]
    places = [When(pk=key, then=Value(place)) for place, key in enumerate(first)]
    # Without any place it would be a number, and to order by a number means a column.
    place = [Case(*places, default=Value(SHOWN), output_field=IntegerField())] if places else []
    rows = plan.limited(Application.objects.using(write_alias()), "pk")
    return list(rows.order_by(*place, "name", "pk")[:SHOWN])


def _sum(numbers: Iterable[_Own]) -> _Own:
    whole = _Own()
    for own in numbers:
        whole.update(own)
    return whole


def _series(own: _Own, what: Counted, plan: _Plan, *, unread: datetime | None) -> Series:
    def is_partial(day: datetime) -> bool:
        if day < plan.at - conf.retention:  # the purge takes what was counted, too
            return True
        if any(day <= hour < day + DAY for hour in plan.holes):
            return True
        return unread is not None and unread >= day and plan.edge < day + DAY

    return Series(
        what=what,
        hour=Amount(number=own[what, None], at_least=unread is not None and unread >= plan.last_hour),
        days=tuple(Amount(number=own[what, number], at_least=is_partial(day)) for number, day in enumerate(plan.days)),
    )
