"""What somebody should look at: certificates in use for long, vendors that are not told, a purge that nobody runs.

Reads only, a constant number of statements, each bounded. What is no application's (the key ring, the purge) is looked
at for those who may see every application.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Min, Q

from token_issuer.conf import conf
from token_issuer.crypto import keyring
from token_issuer.models import AuditEvent, IssuedToken, VendorPush
from token_issuer.services import rotating_due
from token_issuer.services.push_findings import OVERDUE
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import Model, QuerySet

    from token_issuer.models import Certificate

MOST: Final = 1_000
"""No more of anything are counted."""
NAMED: Final = 10
"""Certificates that are named."""
PATIENCE: Final = timedelta(days=2)
"""How long the purge may leave what is past its retention: it runs daily."""
_RECENT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushes:
    """How it stands with telling vendors: how many wait, since when the oldest does, how many of them failed before.

    ``is_late``: they are due, and nobody tells. ``given_up``: of how many no vendor was told, within a day.
    """

    waiting: int
    oldest: datetime | None
    failing: int
    is_late: bool
    given_up: int

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look."""
        return bool(self.is_late or self.failing or self.given_up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What was found at an instant. ``due`` are certificates to rotate, the oldest first; ``due_count``: of how many.

    ``kept_since`` is since when the oldest row past its retention has waited for the purge; None: there is none.
    """

    ring: str
    due: tuple[Certificate, ...]
    due_count: int
    pushes: Pushes
    kept_since: datetime | None
    is_purge_late: bool


def look(*, at: datetime, within: frozenset[UUID] | None = None) -> Attention:
    """Return what should be looked at, of these applications; None: of all, and of the site itself."""
    due = rotating_due.due_rows(at=at, within=within)
    kept_since = _kept_since(at) if within is None else None
    return Attention(
        ring=_ring() if within is None else "",
        due=tuple(rotating_due.due(at=at, within=within, most=NAMED)),
        due_count=due.order_by().values("pk")[:MOST].count(),
        pushes=_pushes(at, within),
        kept_since=kept_since,
        is_purge_late=kept_since is not None and at - kept_since > PATIENCE,
    )


def _ring() -> str:
    """Return what is wrong with the key ring; empty where nothing is."""
    try:
        keyring.ring()
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def _pushes(at: datetime, within: frozenset[UUID] | None) -> Pushes:
    rows = _limited(VendorPush.objects.using(write_alias()), within)
    waiting = rows.filter(next_try_at__isnull=False).order_by("next_try_at")[:MOST]
    found = waiting.aggregate(
        count=Count("pk"),
        oldest=Min("created_at"),
        failing=Count("pk", filter=Q(attempts__gt=0)),
        due=Min("next_try_at", filter=Q(told_by__isnull=True)),  # the others are due when theirs is
    )
    failed = rows.filter(failed_at__gte=at - _RECENT)
    return Pushes(
        waiting=found["count"],
        oldest=found["oldest"],
        failing=found["failing"],
        is_late=found["due"] is not None and at - found["due"] > OVERDUE,
        given_up=failed.order_by().values("pk")[:MOST].count(),
    )


def _kept_since(at: datetime) -> datetime | None:
    oldest = [_oldest(AuditEvent, "at"), _oldest(IssuedToken, "expires_at")]
    since = min((found + conf.retention for found in oldest if found is not None), default=None)
    return since if since is not None and since < at else None


def _oldest(model: type[Model], column: str) -> datetime | None:
    rows: QuerySet[Any] = model._default_manager.using(write_alias())
    return rows.order_by(column).values_list(column, flat=True).first()


def _limited(rows: Any, within: frozenset[UUID] | None) -> Any:  # noqa: ANN401  querysets of two models
    return rows if within is None else rows.filter(application_id__in=within)
