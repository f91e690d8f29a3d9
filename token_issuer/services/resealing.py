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
from token_issuer.models import ApiKeySecret, Certificate
from token_issuer.services.opening import API_KEY_TABLE, FIELD, TABLE
from token_issuer.services.transactions import retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

Sealed = Certificate | ApiKeySecret

# What is sealed, each under the label that its values are bound to.
TABLES: Final[Mapping[type[Sealed], str]] = {Certificate: TABLE, ApiKeySecret: API_KEY_TABLE}


@dataclass(slots=True)
class Resealing:
    """What one run did. ``raced`` rows were changed by somebody else meanwhile and are right already or next time.

    ``failed`` names the rows that did not open, each with the reason; they are as they were.
    """

    resealed: int = 0
    current: int = 0
    raced: int = 0
    failed: dict[UUID, str] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        """How many rows this run has looked at."""
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
    for batch in chain.from_iterable(_batches(model, batch_size) for model in TABLES):
        for row in batch:
            _one(row, done)
        if progress is not None:
            progress(done)
    return done


def survey(*some: QuerySet[Any]) -> Survey:
    """Count the sealed rows (all of them, or these) by the key id that each names.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    ring = keyring.ring()
    sealed = [rows.filter(sealed_secret__isnull=False) for rows in some] or [_sealed(model) for model in TABLES]
    found: Counter[str] = Counter()
    broken = 0
    for value in chain.from_iterable(rows.values_list("sealed_secret", flat=True).iterator() for rows in sealed):
        try:
            found[vault.key_id_of(bytes(value or b""))] += 1
        except ImproperlyConfigured:
            broken += 1
    return Survey(rows=found, first=ring.sealing_key.key_id, known=frozenset(ring.keys), broken=broken)


def _one(row: Sealed, done: Resealing) -> None:
    old = bytes(row.sealed_secret or b"")
    try:
        fresh = vault.reseal(old, table=TABLES[type(row)], field=FIELD, row=row.pk)
    except ImproperlyConfigured as error:
        # One row that does not open must not keep the others under an old key.
        done.failed[row.pk] = str(error)
        return
    if fresh is None:
        done.current += 1
        return
    rows = type(row)._default_manager.using(write_alias()).filter(pk=row.pk, sealed_secret=old)
    if retrying(lambda: rows.update(sealed_secret=fresh)):
        done.resealed += 1
    else:
        done.raced += 1


def _sealed(model: type[Sealed]) -> QuerySet[Any]:
    return model._default_manager.using(write_alias()).filter(sealed_secret__isnull=False)


def _batches(model: type[Sealed], size: int) -> Iterator[list[Any]]:
    last: UUID | None = None
    while True:
        rows = _sealed(model).order_by("pk")
        batch = list(rows.filter(pk__gt=last)[:size] if last else rows[:size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
