"""The rows of vendors' pairs: finding a user's, opening one, and what their columns say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from token_issuer.crypto import TokenText
from token_issuer.errors import NotFound, PolicyDenied
from token_issuer.ids import named_uuid
from token_issuer.models import PairStanding, VendorPair
from token_issuer.providers.called import PairKeeper, PairTexts
from token_issuer.services.opening import opened_pair_text, seal_pair_text
from token_issuer.services.transactions import reading, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Application
    from token_issuer.models.vendor_pair import VendorPairQuerySet
    from token_issuer.providers.base import Provider

UNSAID: Final = timedelta(days=180)
"""How long a pair is kept after it was handed in or renewed, where nobody said when its refresh token expires."""

NOT_CONNECTED: Final = "not_connected"
CONNECT_AGAIN: Final = "connect_again"
_SENTENCES: Final = {
    PairStanding.REFUSED: "The vendor renews this connection no more: connect again.",
    PairStanding.REVOKED: "This connection was ended: connect again.",
    PairStanding.EXPIRED: "This connection has expired: connect again.",
}


def keeper_of(provider: Provider) -> PairKeeper:
    """Return what the provider says of pairs.

    Raises:
        NotFound: it keeps none.
    """
    if not isinstance(provider, PairKeeper):
        msg = "This application keeps no pairs."
        raise NotFound(msg)
    return provider


def rows() -> VendorPairQuerySet:
    """Return all pairs, from the database that decides, with ``epochs_now``."""
    return VendorPair.objects.using(write_alias()).with_epochs_now()


def owned(application: Application, principal_key: UUID) -> VendorPairQuerySet:
    """Return one person's pairs of an application."""
    return rows().filter(application=application, principal_key=principal_key)


def device_key(device: str) -> UUID:
    """Return the exact key of a device: texts compare loosely on MariaDB."""
    return named_uuid("device", device)


def find(application: Application, principal_key: UUID, device: str) -> VendorPair | None:
    """Return one person's pair of one device; None where there is none.

    Raises:
        Unavailable: the database does not answer.
    """
    found = owned(application, principal_key).filter(device_key=device_key(device))
    return next(iter(reading(lambda: list(found))), None)


def as_of(row: VendorPair, *, version: int) -> Any:  # noqa: ANN401  a queryset
    """Return the row as long as this version of it stands there: what a compare-and-set updates."""
    return VendorPair.objects.using(write_alias()).filter(pk=row.pk, version=version)


def read_again(row: VendorPair) -> VendorPair:
    """Return the row as it is now.

    Raises:
        PolicyDenied: it is gone (``not_connected``).
    """
    found = reading(lambda: list(rows().filter(pk=row.pk)))
    return required(next(iter(found), None))


def required(row: VendorPair | None) -> VendorPair:
    """Return the row; PolicyDenied("not_connected") where there is none."""
    if row is None:
        raise PolicyDenied(NOT_CONNECTED, "You are not connected to this vendor yet.")
    return row


def require_live(row: VendorPair, *, at: datetime) -> None:
    """Raise PolicyDenied("connect_again") for a pair that is of no use any more."""
    sentence = _SENTENCES.get(row.standing(at))
    if sentence is not None:
        raise PolicyDenied(CONNECT_AGAIN, sentence)


def is_renewable(row: VendorPair, *, at: datetime) -> bool:
    """Whether there is something to renew it with, and the vendor has not said no."""
    has_text = row.sealed_refresh is not None and row.refused_at is None
    return has_text and (row.refresh_expires_at is None or row.refresh_expires_at > at)


def is_usable(row: VendorPair, *, at: datetime) -> bool:
    """Whether it is live, or is renewed no more and its access token lives still."""
    standing = row.standing(at)
    return standing is PairStanding.LIVE or (standing is PairStanding.REFUSED and row.access_expires_at > at)


def require_usable(row: VendorPair, *, at: datetime) -> None:
    """Do what ``require_live`` does, but let a pair pass that is renewed no more while its access token lives."""
    if not is_usable(row, at=at):
        require_live(row, at=at)


def opened(row: VendorPair) -> PairTexts:
    """Return the pair with its texts opened: for the one call that hands it on."""
    access, refresh = opened_pair_text(row, "sealed_access"), opened_pair_text(row, "sealed_refresh")
    assert access is not None  # noqa: S101  the column is never empty
    return PairTexts(
        access=access.reveal(),
        access_expires_at=row.access_expires_at,
        refresh=None if refresh is None else refresh.reveal(),
        refresh_expires_at=row.refresh_expires_at,
    )


def columns_of(pair: PairTexts, *, row: UUID, at: datetime) -> dict[str, Any]:
    """Return what a row says of this pair: its texts sealed, its deadlines, and when it is of no use any more."""
    refresh = None if pair.refresh is None else TokenText(pair.refresh)
    return {
        "sealed_access": seal_pair_text(TokenText(pair.access), field="sealed_access", row=row),
        "sealed_refresh": None if refresh is None else seal_pair_text(refresh, field="sealed_refresh", row=row),
        "access_expires_at": pair.access_expires_at,
        "refresh_expires_at": pair.refresh_expires_at,
        "ends_at": _ends_at(pair, at=at),
    }


def _ends_at(pair: PairTexts, *, at: datetime) -> datetime:
    if pair.refresh is None:
        return pair.access_expires_at
    return max(pair.access_expires_at, pair.refresh_expires_at or at + UNSAID)
