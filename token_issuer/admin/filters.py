"""Filters of evidence: each is one range of an index, or looks through one period of time and no further."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.searching import of_application
from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditKind, PairStanding, Standing, TokenFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    Choices = Iterable[tuple[str, Any]]

PERIODS: Final = {
    "hour": (timedelta(hours=1), _("last hour")),
    "day": (timedelta(days=1), _("last day")),
    "week": (timedelta(days=7), _("last week")),
    "month": (timedelta(days=30), _("last 30 days")),
}
# What no index has is looked for in a period, also where none was chosen. A search narrows enough by itself.
_NEEDS: Final = {
    ("standing", "revoked"): "hour",
    ("standing", "consumed"): "hour",
    ("only", "temporary"): "day",
    ("only", "one-time"): "day",
}
# Those that live for weeks come first. An index on the end that each refresh moves would make every refresh dearer.
_FAMILIES_NEED: Final = _NEEDS | {("standing", "expired"): "month"}


def needed_period(request: HttpRequest, model: type[Model]) -> str | None:
    """Return the period that the other filters of this address need; None where they are served by an index."""
    if request.GET.get(SEARCH_VAR, "").strip():
        return None
    needs = _FAMILIES_NEED if model is TokenFamily else _NEEDS
    needed = {period for (name, value), period in needs.items() if request.GET.get(name) == value}
    return next((name for name in PERIODS if name in needed), None)


class EvidenceFilter(SimpleListFilter):
    """One of a few known values; another one in the address leads back to the whole list."""

    @property
    def is_slow_to_count(self) -> bool:
        """Whether a count would look at rows that the page did not have to."""
        return (self.parameter_name, self.value()) in _NEEDS

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """The values and what they are called."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that are left."""
        value = self.value()
        if value is None:
            return queryset
        if value not in {known for known, _label in self.lookup_choices}:
            raise IncorrectLookupParameters
        return self.narrowed(queryset, value)

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows of one of the values."""
        raise NotImplementedError


class PeriodFilter(EvidenceFilter):
    """When a row was written, by its id."""

    title = _("period")
    parameter_name = "period"

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], *args: Any) -> None:  # noqa: ANN401  as Django's
        self.needed = needed_period(request, model)
        super().__init__(request, params, model, *args)

    def value(self) -> str | None:
        """Return what was chosen, or else what the other filters need."""
        return super().value() or self.needed

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """The periods."""
        return [(name, label) for name, (_length, label) in PERIODS.items()]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """All there are, and no "all" where a period is needed."""
        everything, *periods = super().choices(changelist)
        yield from periods if self.needed else [everything, *periods]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """From an id on."""
        length, _label = PERIODS[value]
        return rows.filter(pk__gte=uuid7_floor(timezone.now() - length))


class StandingFilter(EvidenceFilter):
    """How rows stand now."""

    title = _("standing")
    parameter_name = "standing"
    kind: type[Standing | PairStanding] = Standing
    words: ClassVar[Mapping[Standing | PairStanding, StrOrPromise]] = {
        Standing.LIVE: _("live"),
        Standing.CONSUMED: _("used"),
        Standing.REVOKED: _("ended early"),
        Standing.EXPIRED: _("expired"),
    }

    @property
    def is_slow_to_count(self) -> bool:
        """Each row's epochs are added up."""
        return self.value() is not None

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """The words."""
        return [(standing.value, label) for standing, label in self.words.items()]

    def narrowed(self, rows: Any, value: str) -> QuerySet[Any]:  # noqa: ANN401  one of the models' own querysets
        """As the models say it."""
        found: QuerySet[Any] = rows.standing_now(self.kind(value), timezone.now())
        return found


class FamilyStandingFilter(StandingFilter):
    """Families are not used up."""

    words: ClassVar = {known: label for known, label in StandingFilter.words.items() if known is not Standing.CONSUMED}


class PairStandingFilter(StandingFilter):
    """How vendors' pairs stand."""

    kind = PairStanding
    words: ClassVar = {
        PairStanding.LIVE: _("connected"),
        PairStanding.REFUSED: _("refused by the vendor"),
        PairStanding.REVOKED: _("ended early"),
        PairStanding.EXPIRED: _("expired"),
    }


class OnlyFilter(EvidenceFilter):
    """What sets a token apart."""

    title = _("note")
    parameter_name = "only"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """The notes."""
        return [("not-told", _("vendor not told")), ("temporary", _("temporary")), ("one-time", _("one-time"))]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """By the outbox, or by the token's own columns."""
        if value == "not-told":
            return rows.filter(push__failed_at__isnull=False)
        return rows.filter(**{value.replace("-", "_"): True})


class TypedFilter(SimpleListFilter):
    """A value that is typed or chosen from a long list: a small form instead of links."""

    template = "admin/token_issuer/includes/typed_filter.html"
    is_slow_to_count = False

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """None: it is typed."""
        return ()

    def has_output(self) -> bool:
        """Always."""
        return True

    def value(self) -> str | None:
        """Return what was typed."""
        return (super().value() or "").strip() or None

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """What the form needs: the other parameters of the address, and the way back."""
        name = str(self.parameter_name)
        others = [(key, value) for key, value in changelist.params.items() if key != name]
        yield {"others": others, "query_string": changelist.get_query_string(remove=[name])}


class ApplicationFilter(TypedFilter):
    """An application's slug: there may be too many for a list of them."""

    title = _("application")
    parameter_name = "application"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that application; none when there is no such slug."""
        value = self.value()
        return queryset if value is None else of_application(queryset, value)


class KindFilter(TypedFilter):
    """What an event tells."""

    title = _("what")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        """All kinds, by their names."""
        return sorted(((kind.value, kind.label) for kind in AuditKind), key=lambda known: str(known[1]))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the events of that kind; an unknown one leads back to the whole list."""
        value = self.value()
        if value is None:
            return queryset
        if value not in AuditKind.values:
            raise IncorrectLookupParameters
        return queryset.filter(kind=value)
