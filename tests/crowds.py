"""Many rows at once, as they are after a busy day."""

from __future__ import annotations

from token_issuer.crypto import digests
from token_issuer.ids import uuid7
from token_issuer.models import IssuedToken

_AT_ONCE = 1000


def many(like: IssuedToken, number: int) -> None:
    """Write tokens that differ from this one in nothing but their ids and texts."""
    columns = {field.attname: getattr(like, field.attname) for field in IssuedToken._meta.concrete_fields}
    rows = []
    for _ in range(number):
        pk = uuid7()
        digest = digests.digest(str(pk))
        rows.append(IssuedToken(**{**columns, "id": pk, "digest": digest, "fingerprint": digest[:16]}))
    IssuedToken.objects.bulk_create(rows, batch_size=_AT_ONCE)
