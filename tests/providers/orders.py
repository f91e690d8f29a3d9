"""Orders with a fixed clock, entropy and secret, so that what is minted can be compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from token_issuer.crypto import Secret
from token_issuer.providers.base import MintOrder, Options

if TYPE_CHECKING:
    from token_issuer.providers.base import Grant

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN_ID = UUID("01920000-0000-7000-8000-000000000001")


def order(
    grant: Grant,
    *,
    public_id: str,
    parts: dict[str, str],
    options: Options | None = None,
    lifetime: int = 600,
    at: datetime = AT,
    entropy: bytes = bytes(32),
    proof: dict[str, str] | None = None,
) -> MintOrder:
    return MintOrder(
        token_id=TOKEN_ID,
        public_id=public_id,
        options=options or Options(),
        issuer="https://issuer.test",
        grant=grant,
        issued_at=at,
        expires_at=at + timedelta(seconds=lifetime),
        key_id="k1",
        entropy=entropy,
        secret=Secret(**parts) if parts else None,
        proof=Secret(**proof) if proof else None,
    )
