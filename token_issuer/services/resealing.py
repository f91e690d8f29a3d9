"""Re-encrypting secrets at rest under the first key of the ring: batches, resumable, safe beside writers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from token_issuer.crypto import vault
from token_issuer.models import Certificate
from token_issuer.services.opening import FIELD, TABLE
from token_issuer.services.transactions import retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Resealing:
    """What one run did. ``raced`` rows were changed by somebody else meanwhile and are right already or next time."""

    resealed: int = 0
    current: int = 0
    raced: int = 0


def reseal(*, batch_size: int = 200, progress: Callable[[Resealing], None] | None = None) -> Resealing:
    """Re-encrypt every sealed secret that is not under the first key.

    Each row is one compare-and-set on its old ciphertext: a killed run loses nothing, and the next one goes on.
    """
    done = Resealing()
    for batch in _batches(batch_size):
        for certificate in batch:
            _one(certificate, done)
        if progress is not None:
            progress(done)
    return done


def key_ids() -> Counter[str]:
    """Return how many rows are sealed under each key id of the ring."""
    found: Counter[str] = Counter()
    for batch in _batches(500):
        found.update(vault.key_id_of(bytes(row.sealed_secret or b"")) for row in batch)
    return found


def _one(certificate: Certificate, done: Resealing) -> None:
    old = bytes(certificate.sealed_secret or b"")
    fresh = vault.reseal(old, table=TABLE, field=FIELD, row=certificate.pk)
    if fresh is None:
        done.current += 1
        return
    rows = Certificate.objects.using(write_alias()).filter(pk=certificate.pk, sealed_secret=old)
    if retrying(lambda: rows.update(sealed_secret=fresh)):
        done.resealed += 1
    else:
        done.raced += 1


def _batches(size: int) -> Iterator[list[Certificate]]:
    last: UUID | None = None
    while True:
        rows = Certificate.objects.using(write_alias()).filter(sealed_secret__isnull=False).order_by("pk")
        batch = list(rows.filter(pk__gt=last)[:size] if last else rows[:size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk
