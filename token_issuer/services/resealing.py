"""Re-encrypting secrets at rest under the first key of the ring: batches, resumable, safe beside writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto import keyring, vault
from token_issuer.models import ApiKeySecret, Certificate, VendorAccount, VendorPair
from token_issuer.services.opening import ACCOUNT_TABLE, API_KEY_TABLE, FIELD, PAIR_TABLE, TABLE
from token_issuer.services.transactions import retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

Sealed = Certificate | ApiKeySecret | VendorAccount | VendorPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A column with sealed values, and the labels that they are bound to."""

    model: type[Sealed]
    table: str
    column: str
    field: str

    def among(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return those of the model's rows that have a value here."""
        return rows.filter(**{f"{self.column}__isnull": False})

    def rows(self) -> QuerySet[Any]:
        """Return all rows that have a value here."""
        return self.among(self.model._default_manager.using(write_alias()))


PLACES: Final = (
    Place(model=Certificate, table=TABLE, column="sealed_secret", field=FIELD),
    Place(model=ApiKeySecret, table=API_KEY_TABLE, column="sealed_secret", field=FIELD),
    Place(model=VendorAccount, table=ACCOUNT_TABLE, column="sealed_secret", field=FIELD),
    # Becomes the current one as it is, so it has that one's label.
    Place(model=VendorAccount, table=ACCOUNT_TABLE, column="pending_secret", field=FIELD),
    Place(model=VendorPair, table=PAIR_TABLE, column="sealed_access", field="sealed_access"),
    Place(model=VendorPair, table=PAIR_TABLE, column="sealed_refresh", field="sealed_refresh"),
)


@dataclass(slots=True)
class Resealing:
    """What one run did, in sealed values: a vendor's account or pair may have two in its row.

    ``raced`` ones were changed by somebody else meanwhile and are right already or next time. ``failed`` names the rows
    of those that did not open, each with the reason; they are as they were.
    """

    resealed: int = 0
    current: int = 0
    raced: int = 0
    failed: list[tuple[UUID, str]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many this run has looked at."""
        return self.resealed + self.current + self.raced + len(self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """How many rows are sealed under each key id, without opening any; ``broken`` rows name none."""

    rows: Counter[str]
    first: str  # the id that seals
    known: frozenset[str]  # the ids that the ring can open
    broken: int = 0

    @property
    def waiting(self) -> int:
        """Rows that a run of ``reseal`` would change."""
        return sum(count for key_id, count in self.rows.items() if key_id != self.first and key_id in self.known)

    @property
    def absent(self) -> Mapping[str, int]:
        """Rows by the key ids that the ring does not have; they cannot be opened until it has."""
        return {key_id: count for key_id, count in sorted(self.rows.items()) if key_id not in self.known}

    @property
    def trouble(self) -> str:
        """What cannot be opened, in words; empty when all can."""
        parts = [f"{count} name the key {key_id!r}, which is not in the ring" for key_id, count in self.absent.items()]
        return ", ".join([*parts, f"{self.broken} are no sealed values"] if self.broken else parts)


def reseal(*, batch_size: int = 200, progress: Callable[[Resealing], None] | None = None) -> Resealing:
    """Re-encrypt every sealed secret that is not under the first key.

    Each row is one compare-and-set on its old ciphertext: a killed run loses nothing, and the next one goes on.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    keyring.ring()  # without a usable ring no row would open, and the setting is what to look at
    done = Resealing()
    for place in PLACES:
        for batch in _batches(place, batch_size):
            for row in batch:
                _one(place, row, done)
            if progress is not None:
                progress(done)
    return done


def survey(*some: QuerySet[Any]) -> Survey:
    """Count the sealed rows (all of them, or these) by the key id that each names.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    ring = keyring.ring()
    found: Counter[str] = Counter()
    broken = 0
    for value in chain.from_iterable(_values(*some)):
        try:
            found[vault.key_id_of(bytes(value or b""))] += 1
        except ImproperlyConfigured:
            broken += 1
    return Survey(rows=found, first=ring.sealing_key.key_id, known=frozenset(ring.keys), broken=broken)


def _values(*some: QuerySet[Any]) -> Iterator[Iterator[Any]]:
    for place in PLACES:
        rows = [place.among(queryset) for queryset in some if queryset.model is place.model] if some else [place.rows()]
        yield from (queryset.values_list(place.column, flat=True).iterator() for queryset in rows)


def _one(place: Place, row: Any, done: Resealing) -> None:  # noqa: ANN401  of the place's model
    old = bytes(getattr(row, place.column) or b"")
    try:
        fresh = vault.reseal(old, table=place.table, field=place.field, row=row.pk)
    except ImproperlyConfigured as error:
        # One value that does not open must not keep the others under an old key.
        done.failed.append((row.pk, str(error)))
        return
    if fresh is None:
        done.current += 1
        return
    rows = place.rows().filter(pk=row.pk, **{place.column: old})
    if retrying(lambda: rows.update(**{place.column: fresh})):
        done.resealed += 1
    else:
        done.raced += 1


def _batches(place: Place, size: int) -> Iterator[list[Any]]:
    last: UUID | None = None
    while True:
        rows = place.rows().order_by("pk")
        batch = list(rows.filter(pk__gt=last)[:size] if last else rows[:size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
