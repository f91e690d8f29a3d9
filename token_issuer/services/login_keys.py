"""One-time login keys: making one, and ending one by hand. ``redeeming`` is the other half."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError

from token_issuer.conf import conf
from token_issuer.crypto import TokenText, digests, opaque
from token_issuer.errors import BadGrant, FieldError, NotFound, PolicyDenied, Unavailable
from token_issuer.ids import uuid7
from token_issuer.models import AuditKind, EpochKind, OneTimeKey, Origin, Principal, epoch_key
from token_issuer.policy import Limits
from token_issuer.providers import fields
from token_issuer.providers.scopes import TOKENS_ISSUE
from token_issuer.services import auditing, deciding, families, issuing, parents
from token_issuer.services.callers import clean
from token_issuer.services.logged import facts
from token_issuer.services.revoking import LONGEST_REASON
from token_issuer.services.transactions import durable, require_no_transaction, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Application, IssuedToken
    from token_issuer.policy import Decision
    from token_issuer.providers.base import Grant
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question

logger = logging.getLogger("token_issuer.issue")

KEY_LIFETIMES: Final = Limits(minimum=10, default=60, maximum=600)
"""Seconds that a key may wait for its holder. Long enough to change the device, short enough for a text in a chat."""

_SUPERSEDED: Final = "superseded by a newer one"
_ATTEMPTS: Final = 5  # to be the newest of one person's keys
_LONGEST_PAUSE: Final = 0.05  # seconds, times the attempt

_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginKeyMade:
    """A login key and what redeeming it gives. ``text.reveal()`` is the only way to its text, and it is kept nowhere.

    ``lifetime`` is the token's, in seconds from its redeeming.
    """

    text: TokenText
    key_id: UUID
    application: Application
    grant: Grant
    lifetime: int
    starts_session: bool
    created_at: datetime
    expires_at: datetime


def make(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> LoginKeyMade:
    """Make a key whose holder may fetch, once, the token that the body describes.

    The body is that of a token, with ``key_lifetime`` (of the key, 10 to 600 seconds, 60 by default) and
    ``starts_session``. Policy decides now and is asked again when the key is redeemed; a rule's window is charged then.

    Raises:
        OpenTransaction: inside a transaction.
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant: see ``deciding.understand``.
        PolicyDenied, PolicyUnavailable: policy's refusals, each counted in the audit.
        NoActiveCertificate: there is nothing to sign with.
        TokenRejected: the access token that the caller came with ended meanwhile.
    """
    require_no_transaction()
    caller.require_scope(TOKENS_ISSUE)
    wish, question = _understood(caller, slug, body, at=at)
    with auditing.counting_refusals(question.caller, question.application, at=at):
        decision = _decided(question)
    issuing.signer_of(question)
    text = opaque.new(opaque.LOGIN_KEY)
    key = _row(question, decision, wish, text=text, at=at)
    _store(key, question, decision, at=at)
    _tell(question, key)
    return LoginKeyMade(
        text=text,
        key_id=key.pk,
        application=question.application,
        grant=question.grant,
        lifetime=decision.lifetime,
        starts_session=key.starts_session,
        created_at=key.created_at,
        expires_at=key.expires_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    key_lifetime: int
    starts_session: bool


def _understood(caller: Caller, slug: str, body: Mapping[str, object], *, at: datetime) -> tuple[_Wish, Question]:
    """Read a body, naming every field that is wrong in one error."""
    rest = dict(body)
    wrong: dict[str, list[str]] = {}
    wish = _read_wish(rest, wrong)
    question = None
    try:
        question = issuing.understood(caller, slug, body=rest, at=at)
        _require_person(question)
        _refuse_challenge(question)
        if wish.starts_session:
            _require_may_sign_in(question.caller)
    except BadGrant as error:
        wrong.update({name: list(texts) for name, texts in error.fields.items()})
    if wrong or question is None:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    return wish, question


def _read_wish(rest: dict[str, object], wrong: dict[str, list[str]]) -> _Wish:
    seconds = KEY_LIFETIMES.default
    if "key_lifetime" in rest:
        try:
            seconds = deciding.read_lifetime(rest.pop("key_lifetime"), KEY_LIFETIMES)
        except FieldError as error:
            wrong["key_lifetime"] = [error.reason]
    starts_session = rest.pop("starts_session", False)
    if not isinstance(starts_session, bool):
        wrong["starts_session"] = ["must be true or false"]
    return _Wish(key_lifetime=seconds, starts_session=starts_session is True)


def _require_person(question: Question) -> None:
    if question.caller.principal is not Principal.USER:
        raise BadGrant("on_behalf_of", "must name the user whom the key is for")


def _refuse_challenge(question: Question) -> None:
    """Refuse what answers a vendor's challenge: it ends within minutes, and would be kept in clear until then."""
    spent = question.provider.spends(question.grant)
    if spent is not None:
        raise BadGrant(spent.name, "cannot wait in a login key: answer it at once")


def _require_may_sign_in(caller: Caller) -> None:
    """Refuse a session to whoever holds less than one himself."""
    if not conf.login_key_sessions:
        raise BadGrant("starts_session", "is not allowed on this site")
    if caller.api_key is None:
        # A token must not become a session, ours with few scopes as little as another class's of the site.
        if caller.origin is not Origin.SESSION or caller.scopes is not None:
            raise BadGrant("starts_session", "takes the user's own session")
        return
    # Whoever steals a server's key gets at its users' rights; he must not get at the admin too.
    if any(getattr(caller.user, name, False) for name in ("is_staff", "is_superuser")):
        raise BadGrant("starts_session", "is not possible for staff through a server")


def _decided(question: Question) -> Decision:
    # The token will leave by another door, and both times policy is asked what it says to that one.
    caller = replace(question.caller, origin=Origin.REDEEM)
    decision = deciding.decide(replace(question, caller=caller))
    if not decision.allowed:
        raise PolicyDenied(decision.reason)
    return decision


def _row(question: Question, decision: Decision, wish: _Wish, *, text: TokenText, at: datetime) -> OneTimeKey:
    caller, application, grant = question.caller, question.application, question.grant
    parent = parents.judged_again(caller, at=at)
    return OneTimeKey(
        id=uuid7(),
        digest=digests.digest(text),
        fingerprint=digests.token_fingerprint(text),
        application=application,
        api_key=caller.api_key,
        principal=caller.principal,
        principal_key=caller.principal_key,
        user_id=caller.user_id,
        grant=fields.dump(grant),
        lifetime=decision.lifetime,
        slot=question.slot,
        resource_key=epoch_key(EpochKind.RESOURCE, application.pk, grant.resource),
        starts_session=wish.starts_session,
        single=application.single_login_key,
        password_stamp=families.stamp_of(caller),
        epochs=families.own_epochs(question, grant, parent=parent),
        pair_ends_at=_pair_ends_at(parent, at=at),
        created_at=at,
        expires_at=at + timedelta(seconds=wish.key_lifetime),
        **caller.circumstances,
    )


def _pair_ends_at(parent: IssuedToken | None, *, at: datetime) -> datetime | None:
    """Return what bounds the redeemer's pair: an access token does not come to a longer life through a key."""
    if parent is None:
        return None
    # Without a refresh token of its own it gives none: at the key's own beginning, every pair has ended.
    return parent.family.expires_at if parent.family is not None else at


def _store(key: OneTimeKey, question: Question, decision: Decision, *, at: datetime) -> None:
    def work() -> None:
        with durable():
            if key.single:
                _end_previous(key, at=at)
            key.save(using=write_alias(), force_insert=True)
            detail = {"fingerprint": key.fingerprint, "session": key.starts_session, "decision": decision.source}
            if question.caller.api_key is not None:
                detail["api_key"] = question.caller.api_key.public_id
            auditing.record(
                AuditKind.LOGIN_KEY_MADE, question.caller, at=at, application=question.application, detail=detail
            )

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with refusing_the_vanished(key):
                return retrying(work)
        except IntegrityError:
            if not key.single:
                raise
            # The constraint let another one of the same moment through first; this one is newer, and ends it.
            time.sleep(_jitter.uniform(0, _LONGEST_PAUSE * attempt))
    msg = "Several keys were asked for at the same moment."
    raise Unavailable(msg)


def _end_previous(key: OneTimeKey, *, at: datetime) -> None:
    previous = OneTimeKey.objects.using(write_alias()).filter(
        application=key.application_id, principal_key=key.principal_key, live_slot=1
    )
    previous.update(revoked_at=at, reason=_SUPERSEDED)


def revoke(caller: Caller, key_id: UUID, *, reason: str, at: datetime) -> bool:
    """End a key that nobody has redeemed; False when it had ended before. The edge has checked that the caller may.

    Raises:
        NotFound: there is no such key.
    """
    key = OneTimeKey.objects.using(write_alias()).select_related("application").filter(pk=key_id).first()
    if key is None:
        msg = "There is no such one-time key."
        raise NotFound(msg)
    reason = clean(reason, LONGEST_REASON)
    live = OneTimeKey.objects.using(write_alias()).filter(pk=key.pk, consumed_at__isnull=True, revoked_at__isnull=True)

    def work() -> bool:
        with durable():
            if not live.update(revoked_at=at, reason=reason):
                return False
            detail = {"fingerprint": key.fingerprint, "reason": reason}
            auditing.record(AuditKind.LOGIN_KEY_REVOKED, caller, at=at, application=key.application, detail=detail)
            return True

    return retrying(work)


def _tell(question: Question, key: OneTimeKey) -> None:
    logger.info(
        "login key made",
        extra=facts(
            "login_key_made",
            application=question.application.slug,
            provider=question.provider.name,
            token_id=str(key.pk),
            request_id=question.caller.audited_request_id,
        ),
    )
