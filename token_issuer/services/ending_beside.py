"""What ends beside tokens that are revoked one by one: pairs that are still open, and what else came from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.models import IssuedToken, TokenFamily
from token_issuer.services.selecting import counted
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How many pairs close with some tokens, and how many other live tokens end with these."""

    pairs: int = 0
    tokens: int = 0


def beside(tokens: Sequence[IssuedToken], *, at: datetime) -> Beside:
    """Count what ends with these tokens, whether they are live or not: a pair outlives its access tokens."""
    ids = {token.family_id for token in tokens if token.family_id is not None}
    if not ids:
        return Beside()
    families = TokenFamily.objects.using(write_alias()).with_epochs_now().order_by()
    pairs = [
        *families.filter(pk__in=ids, closed_at=None, idle_expires_at__gt=at, epochs=F("epochs_now")).values_list(
            "pk", flat=True
        )
    ]
    if not pairs:
        return Beside()
    others = IssuedToken.objects.using(write_alias()).live(at).filter(family__in=pairs)
    return Beside(pairs=len(pairs), tokens=counted(others.exclude(pk__in=[token.pk for token in tokens])))
