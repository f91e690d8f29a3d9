"""Is this token good? The provider's check against our certificates, and the state of its row."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from token_issuer.crypto import digests
from token_issuer.errors import TokenMalformed, TokenRejected
from token_issuer.models import IssuedToken, Standing
from token_issuer.registry import get_provider
from token_issuer.services.logged import facts
from token_issuer.services.opening import verification
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger("token_issuer.verify")

LONGEST_TOKEN = 16 * 1024  # characters; nothing we issue comes near it


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A token that is good at this instant, and its audit row."""

    token: IssuedToken

    @property
    def user(self) -> object:
        """Whose it is; the site's own user model."""
        return self.token.user

    @property
    def subject(self) -> str:
        """Who it speaks for at the vendor."""
        return self.token.subject


def verify(text: str, *, at: datetime) -> Verified:
    """Return the token's row when it is good.

    One SELECT fetches the row, its principal, application, certificate and the epochs.

    Raises:
        TokenRejected: unknown, malformed, expired, revoked or consumed; ``verdict`` says which, for logs only.
    """
    token = find(text)
    if token is None:
        _reject("unknown")
    verdict = objection(token, at=at)
    if verdict:
        _reject(verdict, token)
    _require_signature(text, token)
    return Verified(token=token)


def objection(token: IssuedToken, *, at: datetime) -> str:
    """Return what speaks against a row that ``find`` returned, as a word for logs; empty when nothing does."""
    standing = token.standing(at)
    if standing is not Standing.LIVE:
        return str(standing.value)
    if token.user is None or not token.user.is_active:
        return "principal_gone"
    certificate = token.certificate
    if token.application.is_disabled or (certificate is not None and not certificate.state.may_verify):
        return "application_or_certificate_off"
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
        .select_related("application", "certificate", "user")
        .filter(digest=digest)
        .order_by("-pk")
    )
    # MariaDB compares loosely; what decides is compared again here.
    same = [row for row in rows if digests.same(row.digest, digest)]
    ended = [row for row in same if row.revoked_at is not None or row.epochs != row.epochs_now]  # type: ignore[attr-defined]
    return next(iter(ended or same), None)


def _require_signature(text: str, token: IssuedToken) -> None:
    provider = get_provider(token.application.provider)
    # Some formats do not carry what they are for (Agora 006), and are checked against what the row says.
    expected = provider.recalled(subject=token.subject, resource=token.resource, privileges=frozenset(token.privileges))
    try:
        if token.certificate is None:
            answer = provider.verify(text, secrets=[], expected=expected)
        else:
            answer = verification(text, token.certificate, provider, expected=expected)
    except TokenMalformed:
        _reject("malformed", token)
    if not answer.valid:
        _reject("bad_signature", token)


def _reject(verdict: str, token: IssuedToken | None = None) -> NoReturn:
    token_id = str(token.pk) if token else ""
    logger.info("rejected", extra=facts("rejected", reason=verdict, token_id=token_id))
    raise TokenRejected(verdict)
