"""What a refresh token that this site made is worth now: the table of the states of its family, as a function.

| row for presented n | verdict |
|---|---|
| head = n, open, in time | ``rotate`` |
| head = n + 1, within the grace, open, in time | ``retry`` |
| head = n + 1 after the grace, or head beyond that | ``reuse`` |
| head < n | ``ahead``: the database was restored to an earlier state |
| closed, or past one of its limits | ``ended``: the grace never applies |

RFC 9700 section 4.14.2: a token that was rotated and comes again has two holders, so nobody keeps the chain.
"""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Case, F, Q, Value, When

from token_issuer.models import AuditKind, TokenFamily
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime


class Verdict(enum.Enum):
    """What to do with a refresh token. The words are also the reasons that families are closed for."""

    ROTATE = "rotate"
    RETRY = "retry"
    REUSE = "reuse"
    AHEAD = "ahead_of_record"
    ENDED = "ended"

    @property
    def is_good(self) -> bool:
        """Whether it is answered with its successor."""
        return self in {Verdict.ROTATE, Verdict.RETRY}

    @property
    def closes(self) -> bool:
        """Whether it ends the family."""
        return self in {Verdict.REUSE, Verdict.AHEAD}

    @property
    def event(self) -> AuditKind:
        """The event of the ending."""
        return AuditKind.REFRESH_REUSED if self is Verdict.REUSE else AuditKind.FAMILY_CLOSED


def judge(family: TokenFamily, generation: int, *, at: datetime, grace: timedelta) -> Verdict:
    """Return the verdict on a presented generation. Read the table from its last line upwards.

    Only the family's own row is looked at; deadlines are exclusive.
    """
    if family.closed_at is not None or at >= min(family.expires_at, family.idle_expires_at):
        return Verdict.ENDED
    if family.generation < generation:
        return Verdict.AHEAD
    if family.generation == generation:
        return Verdict.ROTATE
    recent = family.rotated_at is not None and family.rotated_at > at - grace
    return Verdict.RETRY if grace and recent and family.generation == generation + 1 else Verdict.REUSE


def advance(family: TokenFamily, generation: int, *, at: datetime, idle: timedelta, grace: timedelta) -> bool:
    """Claim the successor of ``generation``, in one statement; False when there is nothing to claim.

    A rotation moves the head and the idle deadline; a retry counts itself and moves neither. Runs in the caller's
    transaction. ``idle`` is how long the family may rest from now on.
    """
    head = Q(generation=generation)
    claimable = head | Q(generation=generation + 1, rotated_at__gt=at - grace) if grace else head
    rows = TokenFamily.objects.using(write_alias()).filter(
        claimable, pk=family.pk, closed_at__isnull=True, expires_at__gt=at, idle_expires_at__gt=at
    )

    def rotated(value: object, kept: Any) -> Case:  # noqa: ANN401  an expression
        return Case(When(head, then=Value(value)), default=kept)

    return bool(
        rows.update(
            rotated_at=rotated(at, F("rotated_at")),
            replays=rotated(0, F("replays") + 1),
            idle_expires_at=rotated(min(at + idle, family.expires_at), F("idle_expires_at")),
            generation=generation + 1,  # last: MariaDB assigns from left to right, and the others read it
        )
    )
