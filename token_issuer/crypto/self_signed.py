"""Tokens that a server signs with its own API key's secret, in the manner of VideoSDK's customers.

Source: the vendor's published token (``apikey``, ``permissions``, ``iat``, ``exp``; HS256 over the secret as UTF-8
text); RFC 7519 for the clock and ``aud``; RFC 8725 section 3.11 for ``typ``.

    header      alg exactly HS256; typ JWT or absent, so that a token of another kind is never taken for one
    apikey      the key's public id
    permissions a list of scopes, not empty: what the token may do, within what the key may
    iat, exp    Unix seconds, both there; the token lives 24 hours at most
    nbf, aud    minded when they are there; further claims are the signer's own

Reading proves nothing; ``is_signed_by`` does. Who signs has a clock of his own, so 30 seconds are forgiven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_issuer.crypto import opaque
from token_issuer.crypto.secret import Secret, TokenText, revealed
from token_issuer.errors import TokenMalformed
from token_issuer.formats import jwt_claims, jwt_hs256

LEEWAY: Final = 30  # seconds
LONGEST_LIFE: Final = 86_400  # seconds from iat to exp
MOST_PERMISSIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSigned:
    """What a token says that names one of our API keys, proved by nothing until its secret says so."""

    public_id: str
    claims: Mapping[str, object] = field(repr=False)

    @property
    def permissions(self) -> frozenset[str]:
        """What it asks to be allowed; none when the claim is no list of texts."""
        found = self.claims.get("permissions")
        if not isinstance(found, list) or len(found) > MOST_PERMISSIONS or not all(map(jwt_claims.is_text, found)):
            return frozenset()
        return frozenset(found)

    @property
    def expires_ts(self) -> int:
        """When it ends, in Unix seconds; 0 when it does not say."""
        return self._second("exp")

    @property
    def life(self) -> int:
        """Seconds from ``iat`` to ``exp``."""
        return self.expires_ts - self._second("iat")

    def _second(self, name: str) -> int:
        found = self.claims.get(name)
        return found if jwt_claims.is_second(found) else 0


def read(text: str | TokenText) -> SelfSigned | None:
    """Return what a text says, None when it is of another kind or names no key of ours. Never raises; asks no key."""
    try:
        header, claims = jwt_hs256.read(revealed(text))
    except TokenMalformed:
        return None
    public_id = claims.get("apikey")
    if header.get("typ", "JWT") != "JWT" or not isinstance(public_id, str) or not opaque.is_public_id(public_id):
        return None
    return SelfSigned(public_id=public_id, claims=claims)


def problem(said: SelfSigned, *, audience: str | None, at: float) -> str:
    """Return a stable word for what is wrong with the claims, empty when nothing is.

    ``claims_refused`` (one is missing or of another type), ``expired``, ``not_yet_valid``, ``lives_too_long``,
    ``audience_differs``.

    Args:
        audience: who we are, for a token that says whom it is for; None when we have no name.
        at: Unix seconds, with their fraction.
    """
    if not said.permissions:
        return "claims_refused"
    wrong = next(jwt_claims.clock_problems(said.claims, at=at, leeway=LEEWAY), "")
    if wrong:
        return wrong
    if not 0 < said.life <= LONGEST_LIFE:
        return "lives_too_long"
    # RFC 7519 section 4.1.3: whoever is not among those it is for must refuse it.
    meant = said.claims.get("aud", audience)
    return "" if audience in (meant if isinstance(meant, list) else [meant]) else "audience_differs"


def is_signed_by(text: str | TokenText, secret: Secret) -> bool:
    """Whether this API key's secret (its part ``secret``) signed the text. Constant time; looks at no clock."""
    return jwt_hs256.verify(revealed(text), key=secret.part("secret"))
