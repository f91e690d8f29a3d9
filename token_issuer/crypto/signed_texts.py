"""Texts that are signed: read through the strict gate, checked with a key that is bound to its algorithm.

The door to ``formats/jws.py`` for those who have a clock and a database. Reading proves nothing; ``is_signed_by`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_issuer.crypto.secret import TokenText, revealed
from token_issuer.crypto.signing_keys import VerifyingKey
from token_issuer.errors import TokenMalformed
from token_issuer.formats import jws, jwt_claims
from token_issuer.formats.compact_jws import Compact
from token_issuer.formats.jwt_claims import AccessToken

__all__ = ["ACCESS_TOKEN", "AccessToken", "SignedText", "access_token", "is_signed_by", "problems", "read"]

ACCESS_TOKEN: Final = jwt_claims.TYP


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedText:
    """What a token says of itself. The text is not kept."""

    claims: Mapping[str, object]
    _compact: Compact = field(repr=False)

    @property
    def typ(self) -> object:
        """What kind of token its header says it is."""
        return self._compact.header.get("typ")

    @property
    def kid(self) -> object:
        """Which key its header says signed it: something to look up, never a path and never obeyed."""
        return self._compact.header.get("kid")


def read(text: str | TokenText) -> SignedText | None:
    """Return what a text says, None when it does not pass the gate. Never raises; no key is asked."""
    try:
        compact = jws.parse(revealed(text))
        return SignedText(claims=compact.claims(), _compact=compact)
    except TokenMalformed:
        return None


def is_signed_by(text: SignedText, key: VerifyingKey) -> bool:
    """Whether this key signed it, with the key's own algorithm. Looks at no clock and no claim."""
    return jws.verify(text._compact, algorithm=key.algorithm, key=key.key)


def access_token(text: SignedText) -> AccessToken | None:
    """Return what an access token says, None unless it says it as this site writes it."""
    return jwt_claims.access_token(text._compact.header, text.claims)


def problems(text: SignedText, *, issuer: str, audience: str, at: float) -> tuple[str, ...]:
    """Return stable words for what is wrong with the registered claims, none when all is well; no leeway.

    Args:
        at: Unix seconds, with their fraction.
    """
    return jwt_claims.problems(text.claims, issuer=issuer, audience=audience, at=at)
