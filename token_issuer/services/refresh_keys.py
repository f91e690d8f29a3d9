"""Which entries of the key ring open families were born under: dropping one ends them, and re-encrypting moves none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Max

from token_issuer.crypto import keyring
from token_issuer.models import TokenFamily
from token_issuer.services import closing
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from token_issuer.services.callers import Caller

REASON: Final = "its key has left the ring"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """An entry that open families name: how many, and when the last of them is over at the latest."""

    key_id: str
    families: int
    until: datetime
    in_ring: bool


def in_use(*, at: datetime) -> list[KeyUse]:
    """Return every entry that an open family names, by id.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    known = keyring.ring().keys
    rows = _open(at).order_by().values("mac_key_id").annotate(families=Count("pk"), until=Max("expires_at"))
    return [
        KeyUse(key_id=key, families=row["families"], until=row["until"], in_ring=key in known)
        for key, row in sorted((row["mac_key_id"], row) for row in rows)
    ]


def trouble(*, at: datetime) -> str:
    """Return what is wrong, in words: open families under entries that the ring does not have; empty when none is."""
    return ", ".join(
        f"{use.families} name the key {use.key_id!r}, which is not in the ring"
        for use in in_use(at=at)
        if not use.in_ring
    )


def close_lost(caller: Caller, *, at: datetime) -> int:
    """Close the families whose entry has left the ring for good; return how many that were.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    known = keyring.ring().keys
    lost = _open(at).exclude(mac_key_id__in=[*known]).select_related("application")
    return sum(closing.close_family(caller, family, reason=REASON, at=at) for family in list(lost))


def _open(at: datetime) -> QuerySet[TokenFamily]:
    rows = TokenFamily.objects.using(write_alias())
    return rows.filter(closed_at__isnull=True, expires_at__gt=at, idle_expires_at__gt=at)
