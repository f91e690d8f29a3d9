"""Our own access tokens: a signed text that names its row, and the row that has the last word.

Source: RFC 9068 (JWT access tokens), RFC 8725 section 3, RFC 9700 section 4.10. Order: type and issuer, which
``recognising`` looks at, the key that the header names, its signature, the claims, and only then one SELECT by the
token's id. What was revoked is known by that id and never by a text, which can have a twin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from token_issuer.conf import conf
from token_issuer.crypto import SignedText, signed_texts
from token_issuer.errors import TokenRejected
from token_issuer.services import remembering
from token_issuer.services.judging import objection, reject, row_of, verified
from token_issuer.services.remembering import TokenRevoked, memory
from token_issuer.services.verification_keys import keys
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto.signed_texts import AccessToken
    from token_issuer.models import IssuedToken

ANY_AUDIENCE: Final = "*"


def verify(signed: SignedText, *, at: datetime, audience: str | None = None, exact: bool = False) -> Verified:
    """Return what is known of an access token when it is good.

    Args:
        audience: whom it must be meant for; None for this issuer, ``ANY_AUDIENCE`` to ask on another's behalf.
        exact: ask the database also where ``REVOCATION_CHECK`` lets a cache answer.

    Raises:
        TokenRejected: it is not.
        Unavailable: the database does not answer.
    """
    said = proved(signed, at=at, audience=audience)
    if exact or not remembering.is_on():
        return _judged(signed, said, at=at)
    try:
        found = memory.recall(said, audience=audience_of(signed), at=at)
    except TokenRevoked:
        reject("revoked")
    if found is None:
        found = _judged(signed, said, at=at)
        memory.keep(found, key_id=said.key_id, at=at)
    return found


def _judged(signed: SignedText, said: AccessToken, *, at: datetime) -> Verified:
    token = row_of(said.token_id)
    if token is None:
        reject("unknown")
    if not _is_of(token, said):
        reject("claims_differ", token)
    verdict = objection(token, at=at)
    if verdict:
        reject(verdict, token)
    return verified(token, Kind.ACCESS, audience=audience_of(signed))


def proved(signed: SignedText, *, at: datetime, audience: str | None) -> AccessToken:
    """Return what a token says that one of our keys signed, that is meant for this audience and has not run out.

    Raises:
        TokenRejected: one of that is not so.
        Unavailable: its key is not known yet, and the database does not answer.
    """
    key = keys.find(signed.kid)
    if key is None:
        reject("unknown_key")
    if not signed_texts.is_signed_by(signed, key):
        reject("bad_signature")
    said = signed_texts.access_token(signed)
    if said is None or not audience_of(signed):
        reject("claims_refused")
    issuer = conf.issuer or ""
    meant = audience_of(signed) if audience == ANY_AUDIENCE else audience or issuer
    wrong = signed_texts.problems(signed, issuer=issuer, audience=meant, at=at.timestamp())
    if wrong:
        reject(wrong[0])
    return said


def row_named(signed: SignedText, *, at: datetime) -> IssuedToken | None:
    """Return the row of a token that one of our keys signed, whomever it is meant for; None for any other text.

    By its id: an ES256 signature has an equally good twin, in whose text the same token has another digest.

    Raises:
        Unavailable: the database does not answer.
    """
    try:
        said = proved(signed, at=at, audience=ANY_AUDIENCE)
    except TokenRejected:
        return None
    token = row_of(said.token_id)
    return token if token is not None and _is_of(token, said) else None


def audience_of(signed: SignedText) -> str:
    """Return whom it says it is for; ours name one, and a list is none of ours."""
    meant = signed.claims.get("aud")
    return meant if isinstance(meant, str) else ""


def _is_of(token: IssuedToken, said: AccessToken) -> bool:
    # Whoever could sign claims of his own still has no row that says so.
    return (
        str(token.certificate_id) == said.key_id
        and token.subject == said.subject
        and token.issued_at == said.issued_at
        and token.expires_at == said.expires_at
        and frozenset(token.privileges) == said.scopes
    )
