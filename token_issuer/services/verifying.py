"""Is this credential good? Whatever its kind, the database that decides has the last word, in one SELECT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.crypto import TokenText, digests, opaque
from token_issuer.errors import TokenMalformed
from token_issuer.registry import get_provider
from token_issuer.services import access_tokens, authenticating
from token_issuer.services.access_tokens import ANY_AUDIENCE
from token_issuer.services.judging import objection, reject, rows, verified
from token_issuer.services.opening import verification
from token_issuer.services.recognising import LONGEST_TOKEN, Look, is_plausible, look, recognise
from token_issuer.services.transactions import reading
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import IssuedToken
    from token_issuer.providers.base import Provider
    from token_issuer.services.addresses import Address

__all__ = [
    "ANY_AUDIENCE",
    "LONGEST_TOKEN",
    "Kind",
    "Verified",
    "find",
    "find_named",
    "objection",
    "recognise",
    "reject",
    "verified",
    "verify",
    "verify_if",
]


def verify(
    text: str | TokenText,
    *,
    at: datetime,
    audience: str | None = None,
    exact: bool = False,
    ip: Address | None = None,
    kinds: Collection[Kind] = frozenset(Kind),
) -> Verified:
    """Return what is known of a credential when it is good. Nothing is used up.

    Args:
        audience: whom an access token must be meant for; None for this site, which is ``ISSUER``.
        exact: ask the database, whatever ``REVOCATION_CHECK`` allows.
        ip: where the caller really is (``addresses.address_of``), for API keys that are bound to networks.
        kinds: what is taken; any unless told.

    Raises:
        TokenRejected: of another kind, unknown, malformed, expired, revoked or consumed; ``verdict`` says which, for
            logs only.
        Unavailable: the database does not answer.
    """
    wrapped = TokenText(text) if isinstance(text, str) else text
    del text  # what an error reporter would print of this frame
    seen = look(wrapped)
    if seen.kind is not None and seen.kind not in kinds:
        reject("another_kind")
    found = _verify(wrapped, seen, at=at, audience=audience, exact=exact, ip=ip)
    # What looks like nobody's is a vendor's token, or an access token in a format of the site's own.
    if found.kind not in kinds:
        reject("another_kind", found.token)
    return found


def verify_if(
    text: TokenText,
    kinds: Collection[Kind],
    *,
    at: datetime,
    audience: str | None = None,
    exact: bool = False,
    ip: Address | None = None,
) -> Verified | None:
    """Return what ``verify`` returns, None for a text that claims to be none of these kinds.

    Raises:
        TokenRejected, Unavailable: as ``verify`` does.
    """
    seen = look(text)
    return _verify(text, seen, at=at, audience=audience, exact=exact, ip=ip) if seen.kind in kinds else None


def _verify(
    text: TokenText, seen: Look, *, at: datetime, audience: str | None, exact: bool, ip: Address | None
) -> Verified:
    if seen.kind is Kind.ACCESS and seen.signed is not None:
        return access_tokens.verify(seen.signed, at=at, audience=audience, exact=exact)
    if seen.signed is not None and seen.kind is None:
        reject("issuer_differs")
    if seen.kind is Kind.API_KEY:
        return authenticating.verified(authenticating.presented(text, ip=ip, at=at))
    if seen.kind is Kind.SELF_SIGNED:
        return authenticating.self_signed(text, at=at)
    return _by_digest(text, seen.kind, at=at)


def _by_digest(text: TokenText, kind: Kind | None, *, at: datetime) -> Verified:
    if kind is Kind.ONE_TIME and not opaque.passes(opaque.SHORT_TOKEN, text):
        reject("malformed")
    token = find(text)
    if token is None:
        reject("unknown")
    provider = get_provider(token.application.provider)
    if kind is Kind.ONE_TIME and not provider.verified_here:
        reject("another_kind", token)
    verdict = objection(token, at=at)
    if verdict:
        reject(verdict, token)
    _require_signature(text, token, provider)
    return verified(token, kind or (Kind.ACCESS if provider.verified_here else Kind.VENDOR))


def find(text: str | TokenText, *, within: frozenset[UUID] | None = None) -> IssuedToken | None:
    """Return the row of a token text, whatever its state, with ``epochs_now``; None when we never issued it.

    Formats without a random part can give two rows one text; the one that was ended counts, else the newest.
    ``within``: only rows of these applications; a twin of another's neither answers for its rows nor hides them.

    Raises:
        Unavailable: the database does not answer.
    """
    if not is_plausible(text):
        return None
    digest = digests.digest(text)
    known = rows().filter(digest=digest) if within is None else rows().filter(digest=digest, application_id__in=within)
    found = reading(lambda: list(known.order_by("-pk")))
    # MariaDB compares loosely; what decides is compared again here.
    same = [row for row in found if digests.same(row.digest, digest)]
    ended = [row for row in same if row.revoked_at is not None or row.epochs != row.epochs_now]  # type: ignore[attr-defined]
    return next(iter(ended or same), None)


def find_named(text: TokenText, *, at: datetime, within: frozenset[UUID] | None = None) -> IssuedToken | None:
    """Return the row of the token that a text is, in whatever spelling, to end it; None when we never issued it.

    A good access token names its row; everything else, also one that has expired, is known by its text. ``within``:
    only rows of these applications.

    Raises:
        Unavailable: the database does not answer.
    """
    seen = look(text)
    if seen.kind is Kind.ACCESS and seen.signed is not None:
        token = access_tokens.row_named(seen.signed, at=at)
        if token is not None and (within is None or token.application_id in within):
            return token
    return find(text, within=within)


def _require_signature(text: TokenText, token: IssuedToken, provider: Provider) -> None:
    # Some formats do not carry what they are for (Agora 006), and are checked against what the row says.
    expected = provider.recalled(subject=token.subject, resource=token.resource, privileges=frozenset(token.privileges))
    try:
        if token.certificate is None:
            answer = provider.verify(text.reveal(), secrets=[], expected=expected)
        else:
            answer = verification(text, token.certificate, provider, expected=expected)
    except TokenMalformed:
        reject("malformed", token)
    if not answer.valid:
        reject("bad_signature", token)
