"""Re-encrypting secrets at rest under the first key of the ring: batches, resumable, safe beside writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto import keyring, vault
from token_issuer.models import Certificate
from token_issuer.services.opening import FIELD, TABLE
from token_issuer.services.transactions import retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from token_issuer.models.certificate import CertificateQuerySet


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
    for batch in _batches(batch_size):
        for certificate in batch:
            _one(certificate, done)
        if progress is not None:
            progress(done)
    return done


def survey(rows: CertificateQuerySet | None = None) -> Survey:
    """Count the sealed rows (all of them, or these) by the key id that each names.

    Raises:
        ImproperlyConfigured: there is no usable key ring.
    """
    ring = keyring.ring()
    sealed = _sealed() if rows is None else rows.filter(sealed_secret__isnull=False)
    found: Counter[str] = Counter()
    broken = 0
    for value in sealed.values_list("sealed_secret", flat=True).iterator():
        try:
            found[vault.key_id_of(bytes(value or b""))] += 1
        except ImproperlyConfigured:
            broken += 1
    return Survey(rows=found, first=ring.sealing_key.key_id, known=frozenset(ring.keys), broken=broken)


def _one(certificate: Certificate, done: Resealing) -> None:
    old = bytes(certificate.sealed_secret or b"")
    try:
        fresh = vault.reseal(old, table=TABLE, field=FIELD, row=certificate.pk)
    except ImproperlyConfigured as error:
        # One row that does not open must not keep the others under an old key.
        done.failed[certificate.pk] = str(error)
        return
    if fresh is None:
        done.current += 1
        return
    rows = Certificate.objects.using(write_alias()).filter(pk=certificate.pk, sealed_secret=old)
    if retrying(lambda: rows.update(sealed_secret=fresh)):
        done.resealed += 1
    else:
        done.raced += 1


def _sealed() -> CertificateQuerySet:
    return Certificate.objects.using(write_alias()).filter(sealed_secret__isnull=False)


def _batches(size: int) -> Iterator[list[Certificate]]:
    last: UUID | None = None
    while True:
        rows = _sealed().order_by("pk")
        batch = list(rows.filter(pk__gt=last)[:size] if last else rows[:size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
