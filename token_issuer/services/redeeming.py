"""Redeeming a one-time login key: its claim, the token's row and the family's are one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from django.db.models import BigIntegerField, F, Value

from token_issuer import policy
from token_issuer.conf import conf
from token_issuer.crypto import digests, opaque, stamps
from token_issuer.errors import NotAuthenticated, PolicyDenied, TokenRejected
from token_issuer.models import OneTimeKey, Origin, Standing
from token_issuer.providers.scopes import TOKENS_ISSUE
from token_issuer.registry import privileges_of
from token_issuer.services import auditing, deciding, families, issuing, recalling
from token_issuer.services.claiming import application_stands, person_stands
from token_issuer.services.families import Lineage
from token_issuer.services.logged import facts
from token_issuer.services.transactions import require_no_transaction, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.base_user import AbstractBaseUser

    from token_issuer.crypto import TokenText
    from token_issuer.policy import Decision
    from token_issuer.providers.base import Grant
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question
    from token_issuer.services.issuing import Issuance

logger = logging.getLogger("token_issuer.verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What a login key gave; ``starts_session`` says that its user is to be signed in, too."""

    issuance: Issuance
    user: AbstractBaseUser
    starts_session: bool


def redeem(
    circumstances: Caller,
    text: TokenText,
    *,
    at: datetime,
    before_session: Callable[[AbstractBaseUser], object] | None = None,
) -> Redeemed:
    """Exchange a login key for its token, once. Whoever presents it is nobody yet: ``circumstances`` say where from.

    ``before_session`` is called before anything is consumed when redeeming will start a session for that user, and
    refuses by raising; without it no session is started.

    Raises:
        OpenTransaction: inside a transaction.
        TokenRejected: unknown, malformed, expired, redeemed, revoked, or its user, application or key has ended.
        PolicyDenied, PolicyUnavailable, RateLimited: policy's refusals, each counted in the audit; nothing is consumed.
        NoActiveCertificate: there is nothing to sign with; nothing is consumed.
    """
    require_no_transaction()
    key = _found(text)
    user = _standing_user(key, at=at)
    starts_session = key.starts_session and conf.login_key_sessions and before_session is not None
    if starts_session and before_session is not None:
        before_session(user)
    caller = _caller(circumstances, key, user)
    with _of_somebody(key), auditing.counting_refusals(caller, key.application, at=at):
        caller.require_scope(TOKENS_ISSUE)
        question = recalling.question_of(key, caller)
        decision = _decided(question, lifetime=key.lifetime)
        grant = issuing.with_subject(question, decision)
        issuance = issuing.issue_decided(
            question,
            decision,
            grant,
            certificate=issuing.signer_of(question),
            at=at,
            lineage=_lineage(question, grant, key, user=user, at=at, in_browser=starts_session),
        )
    return Redeemed(issuance=issuance, user=user, starts_session=starts_session)


@contextmanager
def _of_somebody(key: OneTimeKey) -> Iterator[None]:
    """Reject the key of a user who was deleted while policy was asked, or the rows were written."""
    try:
        yield
    except NotAuthenticated:
        _reject("principal_gone", key)


def _found(text: TokenText) -> OneTimeKey:
    """Return the key of this text with all that redeeming reads: one SELECT, none for what cannot be a key of ours."""
    if not opaque.passes(opaque.LOGIN_KEY, text):
        _reject("malformed")
    digest = digests.digest(text)
    rows = recalling.with_surroundings(OneTimeKey.objects.using(write_alias()).with_epochs_now())
    key: OneTimeKey | None = rows.filter(digest=digest).first()
    # MariaDB compares loosely; what decides is compared again here.
    if key is None or not digests.same(key.digest, digest):
        _reject("unknown")
    return key


def _standing_user(key: OneTimeKey, *, at: datetime) -> AbstractBaseUser:
    """Return whose key it is, when nothing speaks against the key."""
    verdict = _objection(key, at=at)
    if verdict:
        _reject(verdict, key)
    assert key.user is not None  # noqa: S101  a key without its user was objected to
    return key.user


def _objection(key: OneTimeKey, *, at: datetime) -> str:
    standing = key.standing(at)
    if standing is not Standing.LIVE:
        return str(standing.value)
    user = key.user
    if user is None or not user.is_active or stamps.password_stamp(user.password) != key.password_stamp:
        return "principal_gone"
    if key.application.is_disabled or (key.api_key is not None and key.api_key.ended(at)):
        return "application_or_key_off"
    return ""


def _caller(circumstances: Caller, key: OneTimeKey, user: AbstractBaseUser) -> Caller:
    scopes = frozenset(key.api_key.scopes) if key.api_key is not None else None
    return replace(
        circumstances,
        user=user,
        origin=Origin.REDEEM,
        api_key=key.api_key,
        scopes=scopes,
        presented=None,
        by_cookie=False,
    )


def _decided(question: Question, *, lifetime: int | None) -> Decision:
    """Ask policy again. It can only narrow: a shorter life than was decided then is what it says now."""
    if question.grant.privileges - privileges_of(question.provider).keys():
        raise PolicyDenied("privilege_not_granted")  # a scope that is gone from the site's catalogue
    facts_now = deciding.facts_of(question)
    decision = policy.decide(replace(facts_now, lifetime=None))
    if not decision.allowed:
        raise PolicyDenied(decision.reason)
    return replace(decision, lifetime=min(lifetime or decision.lifetime, decision.ceiling))


def _lineage(
    question: Question, grant: Grant, key: OneTimeKey, *, user: AbstractBaseUser, at: datetime, in_browser: bool
) -> Lineage:
    pair = None
    # A key that was made for a session gives no refresh token to anything but that session's browser.
    if in_browser or not key.starts_session:
        pair = families.newborn(
            question, grant, at=at, epochs=key.epochs, latest=key.pair_ends_at, in_browser=in_browser
        )
    lineage = pair or Lineage(epochs=Value(key.epochs, output_field=BigIntegerField()))
    return replace(lineage, claim=lambda: _claim(key, user, at=at))


def _claim(key: OneTimeKey, user: AbstractBaseUser, *, at: datetime) -> None:
    """Redeem it: one conditional UPDATE whose row count is the answer."""
    standing = (
        OneTimeKey.objects.using(write_alias())
        .with_epochs_now()
        .filter(
            person_stands(user),
            application_stands(key.application),
            pk=key.pk,
            consumed_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=at,
            epochs=F("epochs_now"),
        )
    )
    if standing.update(consumed_at=at) != 1:
        _reject("consumed", key)


def _reject(verdict: str, key: OneTimeKey | None = None) -> NoReturn:
    logger.info(
        "rejected",
        extra=facts(
            "login_key_rejected",
            application=key.application.slug if key else "",
            reason=verdict,
            token_id=str(key.pk) if key else "",
        ),
    )
    raise TokenRejected(verdict)
