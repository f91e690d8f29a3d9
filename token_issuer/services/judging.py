"""What speaks for or against a token whose row was found: its standing, its family, its principal, its certificate."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

from django.contrib.auth.models import AnonymousUser

from token_issuer.crypto import digests, stamps
from token_issuer.errors import TokenRejected
from token_issuer.models import IssuedToken, Principal, Standing
from token_issuer.services.logged import facts
from token_issuer.services.transactions import reading, write_alias
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.services.verified import Access

logger = logging.getLogger("token_issuer.verify")

# What the row joins: everything that can speak against it, in one statement.
_JUDGED_BY: Final = ("application", "certificate", "user", "family", "api_key__acts_as")
# A certificate is asked for its state and a family for its end; the secret of the one stays where it is.
_STATES: Final = ("activated_at", "retiring_at", "retired_at", "revoked_at")


def rows() -> IssuedTokenQuerySet:
    """Return tokens with all that judges them, from the database that decides."""
    return _rows(write_alias()).all()


def row_of(token_id: UUID) -> IssuedToken | None:
    """Return one token's row, with ``epochs_now``; None when there is none. One SELECT.

    Raises:
        Unavailable: the database does not answer.
    """
    found = reading(lambda: list(_lean_rows(write_alias()).filter(pk=token_id)))
    return found[0] if found else None


# Building these costs more than the database does, so each is built once for a database.
@lru_cache(maxsize=8)
def _rows(alias: str) -> IssuedTokenQuerySet:
    return IssuedToken.objects.using(alias).with_epochs_now().select_related(*_JUDGED_BY).order_by()


@lru_cache(maxsize=8)
def _lean_rows(alias: str) -> IssuedTokenQuerySet:
    own = [field.name for field in IssuedToken._meta.concrete_fields]
    return _rows(alias).only(
        *own, *(f"certificate__{name}" for name in _STATES), "family__closed_at", "family__expires_at"
    )


def objection(token: IssuedToken, *, at: datetime) -> str:
    """Return what speaks against a row of ``rows()``, as a word for logs; empty when nothing does."""
    standing = token.standing_alone(at)
    if standing is not Standing.LIVE:
        return str(standing.value)
    certificate, family = token.certificate, token.family
    if family is not None and family.closed_at is not None:
        return "family_closed"
    if token.application.is_disabled or (certificate is not None and not certificate.state.may_verify):
        return "application_or_certificate_off"
    return _against_principal(token, at=at)


def _against_principal(token: IssuedToken, *, at: datetime) -> str:
    key = token.api_key
    if key is not None and key.ended(at):
        return "api_key_ended"
    # Nor is it a server's own where its key acts as somebody who may not any more.
    if key is not None and key.acts_as is not None and not key.acts_as.is_active:
        return "principal_gone"
    if token.principal == Principal.API_KEY:
        # Nobody's but the server's that asked for it; without one it is nobody's at all.
        return "principal_gone" if key is None else ""
    # A person's token is never a server's, also where the person is gone.
    if token.user is None or not token.user.is_active:
        return "principal_gone"
    if token.password_stamp and not digests.same(token.password_stamp, stamps.password_stamp(token.user.password)):
        return "password_changed"
    return ""


def verified(token: IssuedToken, kind: Kind, *, audience: str = "") -> Verified:
    """Return what a row of ``rows()`` says, once nothing speaks against it."""
    words = frozenset(token.privileges)
    access: Access = "readwrite" if "readwrite" in words else "readonly"
    key = token.api_key
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
        audience=audience,
        api_key_id=token.api_key_id,
        api_key_public_id="" if key is None else key.public_id,
        token=token,
        api_key=key,
    )


def reject(verdict: str, token: IssuedToken | None = None) -> NoReturn:
    """Log why, for operators, and refuse: the presenter learns nothing."""
    known = {"application": token.application.slug, "token_id": str(token.pk)} if token is not None else {}
    logger.info("rejected", extra=facts("rejected", reason=verdict, **known))
    raise TokenRejected(verdict)
