"""Opening an application's secret: a verb that text search finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from token_issuer.crypto import Secret, references, vault

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.models import Certificate
    from token_issuer.providers.base import Provider

TABLE = "certificate"
FIELD = "sealed_secret"


def seal_secret(parts: Mapping[str, str], *, row: UUID) -> bytes:
    """Return the parts sealed for one certificate row; they open nowhere else."""
    return vault.seal(Secret(**parts), table=TABLE, field=FIELD, row=row)


@contextmanager
def opened_secret(certificate: Certificate, provider: Provider) -> Iterator[Secret]:
    """Hand out the certificate's secret for the length of a block."""
    if certificate.reference:
        names = tuple(part.name for part in provider.secret_fields[certificate.purpose])
        yield references.resolve(certificate.reference, names)
        return
    with vault.open(bytes(certificate.sealed_secret or b""), table=TABLE, field=FIELD, row=certificate.id) as secret:
        yield secret
