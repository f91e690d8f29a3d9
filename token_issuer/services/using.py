"""Who still uses a certificate: the live tokens that were made with it, counted no further than people need."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from token_issuer.models import IssuedToken
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Certificate
    from token_issuer.models.issued_token import IssuedTokenQuerySet

MOST_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A person or a server with live tokens: how many of those that were counted, and the newest of these."""

    newest: IssuedToken
    live: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Live tokens of a certificate. ``capped``: there are more than were counted, so all numbers are lower bounds.

    ``last`` is the one that lives longest; None where there are none.
    """

    live: int
    people: int
    capped: bool
    last: IssuedToken | None
    holders: tuple[Holder, ...]

    @property
    def last_ends_at(self) -> datetime | None:
        """When the last one ends by itself."""
        return None if self.last is None else self.last.expires_at


def use_of(certificate: Certificate, *, at: datetime) -> Use:
    """Return who still has tokens that were made with it, those with most of them first."""
    rows = _live(certificate, at=at)
    # Without an order the database stops at the cap, however many there are.
    found = [*rows.order_by().values_list("pk", "principal_key")[: MOST_COUNTED + 1]]
    counted = found[:MOST_COUNTED]
    per_principal = Counter(principal for _pk, principal in counted)
    return Use(
        live=len(counted),
        people=len(per_principal),
        capped=len(found) > MOST_COUNTED,
        last=rows.select_related("application").order_by("-expires_at").first() if found else None,
        holders=_holders(counted, per_principal),
    )


def _live(certificate: Certificate, *, at: datetime) -> IssuedTokenQuerySet:
    return IssuedToken.objects.using(write_alias()).filter(certificate=certificate).live(at)


def _holders(counted: list[tuple[UUID, UUID]], per_principal: Counter[UUID]) -> tuple[Holder, ...]:
    newest: dict[UUID, UUID] = {}
    for pk, principal in counted:
        newest[principal] = max(pk, newest.get(principal, pk))
    most = per_principal.most_common(MOST_NAMED)
    rows = IssuedToken.objects.using(write_alias()).select_related("user", "api_key")
    tokens = rows.in_bulk([newest[principal] for principal, _live in most])
    return tuple(Holder(newest=tokens[newest[principal]], live=live) for principal, live in most)
