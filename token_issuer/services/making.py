"""Where a token's text comes from: minted here, or asked of the vendor."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured

from token_issuer.conf import conf
from token_issuer.errors import PolicyDenied, Unavailable
from token_issuer.ids import uuid7
from token_issuer.providers.base import MintedToken, MintOrder
from token_issuer.providers.called import AccountProver, CalledProvider, PairKeeper
from token_issuer.services import calling, keeping
from token_issuer.services.logged import facts
from token_issuer.services.opening import opened_proof, opened_secret, signing_key

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Certificate
    from token_issuer.providers.base import Grant, Provider
    from token_issuer.services.deciding import Question

logger = logging.getLogger("token_issuer.issue")

NO_ACCOUNT: Final = "no_vendor_account"
NO_ISSUER: Final = (
    'TOKEN_ISSUER["ISSUER"] is not set, and our own tokens name who issued them. '
    "Set it to this site's absolute https address."
)


def ordered(
    question: Question, grant: Grant, certificate: Certificate | None, *, issued_at: datetime, lifetime: int
) -> MintOrder:
    """Return all that the token is made from but its secrets."""
    start = issued_at.astimezone(UTC)
    if question.provider.whole_seconds:
        # Vendor formats and JWT carry whole seconds; the row, the answer and the token must say the same.
        start = start.replace(microsecond=0)
    if question.provider.needs_issuer and conf.issuer is None:
        raise ImproperlyConfigured(NO_ISSUER)
    return MintOrder(
        token_id=question.token_id or uuid7(),
        public_id=question.application.public_id,
        options=question.options,
        issuer=conf.issuer or "",
        grant=grant,
        issued_at=start,
        expires_at=start + timedelta(seconds=lifetime),
        key_id=certificate.key_id if certificate is not None else "",
        entropy=os.urandom(32),
    )


def is_had_from_vendor(provider: Provider, grant: Grant) -> bool:
    """Whether the text is the vendor's: made when it is asked, or one of a pair that it gave before."""
    return isinstance(provider, CalledProvider) or device_of(provider, grant) is not None


def device_of(provider: Provider, grant: Grant) -> str | None:
    """Return the device whose pair the grant asks for; None where it asks for none."""
    return provider.device_of(grant) if isinstance(provider, PairKeeper) else None


def lacks_proof(question: Question) -> bool:
    """Whether the vendor wants a proof of the user's account where this token is made, and there is none."""
    if not isinstance(question.provider, AccountProver) or is_had_from_vendor(question.provider, question.grant):
        return False
    return question.account is None or question.account.sealed_secret is None


def minted(question: Question, order: MintOrder, certificate: Certificate | None) -> MintedToken:
    """Return the token, made here.

    Raises:
        PolicyDenied: the vendor wants a proof of the user's account, and there is none (``no_vendor_account``).
    """
    provider = question.provider
    if lacks_proof(question):
        raise PolicyDenied(NO_ACCOUNT, "You have no account at the vendor yet.")
    if isinstance(provider, AccountProver) and question.account is not None:
        with opened_proof(question.account) as proof:
            made = provider.mint(replace(order, proof=proof))
    elif certificate is None:
        made = provider.mint(order)
    else:
        with opened_secret(certificate, provider) as secret:
            key = signing_key(certificate, provider, secret)
            made = provider.mint(replace(order, secret=secret, signing_key=key))
    if conf.self_check and not provider.opaque:
        _check(provider, order, made)
    return made


def had_from_vendor(
    question: Question, order: MintOrder, certificate: Certificate | None, *, longest: int
) -> MintedToken:
    """Return the token that the vendor gives, or gave to the user before.

    Raises:
        PolicyDenied: it lives longer than the ``longest`` seconds that were granted (``lifetime_not_granted``), or the
            user has no pair, or one of no use (``not_connected``, ``connect_again``).
        VendorUnavailable: the vendor gave none.
    """
    device = device_of(question.provider, order.grant)
    if device is None:
        made = calling.called(question, order, certificate)
    else:
        made = keeping.handed_out(question, order, device=device, at=order.issued_at)
    if made.expires_at is not None and made.expires_at - order.issued_at > timedelta(seconds=longest):
        message = "The vendor's token lives longer than you may have one for."
        raise PolicyDenied(keeping.LIFETIME_NOT_GRANTED, message)
    return made


def _check(provider: Provider, order: MintOrder, made: MintedToken) -> None:
    seen = provider.inspect(made.value)
    if seen.problems or seen.expires_at not in {None, order.expires_at}:
        logger.error(
            "self-check failed: %s minted a token that does not say what was ordered",
            provider.label,
            extra=facts("self_check_failed", provider=provider.name),
        )
        msg = f"{provider.label} minted a token that does not say what was ordered."
        raise Unavailable(msg)
