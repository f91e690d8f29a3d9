"""Is this token good? The provider's check against our certificates, and the state of its row."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

from django.contrib.auth.models import AnonymousUser

from token_issuer.crypto import digests, opaque, stamps
from token_issuer.errors import TokenMalformed, TokenRejected
from token_issuer.models import IssuedToken, Principal, Standing
from token_issuer.registry import get_provider
from token_issuer.services.logged import facts
from token_issuer.services.opening import verification
from token_issuer.services.recognising import LONGEST_TOKEN, recognise
from token_issuer.services.transactions import write_alias
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import ApiKey
    from token_issuer.providers.base import Provider
    from token_issuer.services.verified import Access

__all__ = ["LONGEST_TOKEN", "Kind", "Verified", "find", "objection", "recognise", "verified", "verify"]

logger = logging.getLogger("token_issuer.verify")


def verify(text: str, *, at: datetime) -> Verified:
    """Return what is known of a token when it is good. Nothing is used up.

    One SELECT fetches the row, its principal, application, certificate, family and the epochs.

    Raises:
        TokenRejected: unknown, malformed, expired, revoked or consumed; ``verdict`` says which, for logs only.
    """
    kind = recognise(text)
    if kind is Kind.ONE_TIME and not opaque.passes(opaque.SHORT_TOKEN, text):
        reject("malformed")
    token = find(text)
    if token is None:
        reject("unknown")
    provider = get_provider(token.application.provider)
    if kind is not None and not provider.verified_here:
        reject("another_kind", token)
    verdict = objection(token, at=at)
    if verdict:
        reject(verdict, token)
    _require_signature(text, token, provider)
    return verified(token, kind or (Kind.ACCESS if provider.verified_here else Kind.VENDOR))


def verified(token: IssuedToken, kind: Kind) -> Verified:
    """Return what a row that ``find`` returned says, once nothing speaks against it."""
    words = frozenset(token.privileges)
    access: Access = "readwrite" if "readwrite" in words else "readonly"
    key: ApiKey | None = token.api_key
    return Verified(
        kind=kind,
        user=AnonymousUser() if token.user is None else token.user,
        subject=token.subject,
        application_id=token.application_id,
        application_slug=token.application.slug,
        principal=Principal(token.principal),
        token_id=token.pk,
        scopes=words if kind is Kind.ACCESS else frozenset(),
        access=access if kind is Kind.ONE_TIME else None,
        one_time=token.one_time,
        expires_at=token.expires_at,
        api_key_id=token.api_key_id,
        api_key_public_id="" if key is None else key.public_id,
        token=token,
        api_key=key,
    )


def objection(token: IssuedToken, *, at: datetime) -> str:
    """Return what speaks against a row that ``find`` returned, as a word for logs; empty when nothing does."""
    standing = token.standing(at)
    if standing is not Standing.LIVE:
        return str(standing.value)
    certificate, family = token.certificate, token.family
    if family is not None and family.closed_at is not None:
        return "family_closed"
    if token.application.is_disabled or (certificate is not None and not certificate.state.may_verify):
        return "application_or_certificate_off"
    return _against_principal(token, at=at)


def _against_principal(token: IssuedToken, *, at: datetime) -> str:
    if token.api_key is not None and token.api_key.ended(at):
        return "api_key_ended"
    if token.principal == Principal.API_KEY:
        # Nobody's but the server's that asked for it; without one it is nobody's at all.
        return "principal_gone" if token.api_key is None else ""
    # A person's token is never a server's, also where the person is gone.
    if token.user is None or not token.user.is_active:
        return "principal_gone"
    if token.password_stamp and not digests.same(token.password_stamp, stamps.password_stamp(token.user.password)):
        return "password_changed"
    return ""


def find(text: str) -> IssuedToken | None:
    """Return the row of a token text, whatever its state, with ``epochs_now``; None when we never issued it.

    Formats without a random part can give two rows one text; the one that was ended counts, else the newest.
    """
    if not text or len(text) > LONGEST_TOKEN or not text.isascii():
        return None
    digest = digests.digest(text)
    rows = (
        IssuedToken.objects.using(write_alias())
        .with_epochs_now()
        .select_related("application", "certificate", "user", "family", "api_key")
        .filter(digest=digest)
        .order_by("-pk")
    )
    # MariaDB compares loosely; what decides is compared again here.
    same = [row for row in rows if digests.same(row.digest, digest)]
    ended = [row for row in same if row.revoked_at is not None or row.epochs != row.epochs_now]  # type: ignore[attr-defined]
    return next(iter(ended or same), None)


def _require_signature(text: str, token: IssuedToken, provider: Provider) -> None:
    # Some formats do not carry what they are for (Agora 006), and are checked against what the row says.
    expected = provider.recalled(subject=token.subject, resource=token.resource, privileges=frozenset(token.privileges))
    try:
        if token.certificate is None:
            answer = provider.verify(text, secrets=[], expected=expected)
        else:
            answer = verification(text, token.certificate, provider, expected=expected)
    except TokenMalformed:
        reject("malformed", token)
    if not answer.valid:
        reject("bad_signature", token)


def reject(verdict: str, token: IssuedToken | None = None) -> NoReturn:
    """Log why, for operators, and refuse: the presenter learns nothing."""
    token_id = str(token.pk) if token else ""
    logger.info("rejected", extra=facts("rejected", reason=verdict, token_id=token_id))
    raise TokenRejected(verdict)
