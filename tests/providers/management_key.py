"""A service account at Voximplant whose key was made for this run."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from token_issuer.crypto import Secret, SigningKey, signing_keys
from token_issuer.providers.called import CallOrder
from token_issuer.providers.voximplant import VoximplantOptions

ACCOUNT_ID = "1234567"
KEY_ID = "c9c48b51-5a14-4e5b-8d3a-0f1f3a2b7c11"
DOMAIN = "someapplication.accountname.voximplant.com"
NOW = 1767225600
AT = datetime.fromtimestamp(NOW, tz=UTC)


@cache
def private_key() -> str:
    """In PEM."""
    return signing_keys.new_secret("RS256")["key"]


def parts() -> dict[str, str]:
    return {"account_id": ACCOUNT_ID, "key_id": KEY_ID, "private_key": private_key()}


def parsed() -> SigningKey:
    """Under the id that the certificate has here, which is not the vendor's."""
    return signing_keys.signing_key(Secret(**parts()), part="private_key", algorithm="RS256", key_id="ours")


def call_order(*, at: datetime = AT, **options: Any) -> CallOrder:
    return CallOrder(
        public_id=DOMAIN,
        options=VoximplantOptions(**options),
        at=at,
        entropy=bytes(32),
        secret=Secret(**parts()),
        signing_key=parsed(),
    )
