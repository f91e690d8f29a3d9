"""An API key's life: created, changed, given another secret, revoked. Secrets are returned once and kept as digests.

A key has at most two secrets that open anything: the current one, which has no end of its own, and in a rotation the
one before, which has. Rotating is one conditional UPDATE that gives the current secret its end: of any number of
rotations at once one claims it, the others are refused, and the chain of secrets has no branches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError
from django.db.models import Q

from token_issuer import signals
from token_issuer.crypto import digests, opaque
from token_issuer.errors import BadOption, Conflict
from token_issuer.ids import uuid7
from token_issuer.models import ApiKey, ApiKeySecret, AuditKind, EpochKind, IssuedToken, RevocationEpoch, epoch_key
from token_issuer.services import auditing
from token_issuer.services.api_key_drafts import check_draft, check_terms
from token_issuer.services.callers import clean
from token_issuer.services.logged import facts
from token_issuer.services.opening import seal_api_key_secret
from token_issuer.services.outbox import Outbox
from token_issuer.services.pushing import Patience, push_first
from token_issuer.services.revoking import LONGEST_REASON, live_among, raise_epoch
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from token_issuer.crypto import TokenText
    from token_issuer.models import Application
    from token_issuer.services.api_key_drafts import ApiKeyDraft, ApiKeyTerms
    from token_issuer.services.callers import Caller

logger = logging.getLogger("token_issuer.security")

LONGEST_OVERLAP: Final = 30 * 86_400  # seconds

_ENDED = "The API key has ended; create a new one."
_RACED = "The API key got another secret in the meantime; look at it again."


def create(
    caller: Caller, application: Application, draft: ApiKeyDraft, *, at: datetime, row_id: UUID | None = None
) -> tuple[ApiKey, TokenText]:
    """Create a key; the text is its first secret, which nobody can read again.

    Args:
        row_id: the id that the row shall have, so that whoever asks twice makes one key; a new one by default.

    Raises:
        BadOption: a value does not fit; ``fields`` names each.
        Conflict: there is a key of this id, or a user it names was deleted at the same moment.
    """
    terms = check_draft(draft, at=at)
    key = ApiKey(
        id=row_id or uuid7(),
        application=application,
        public_id=opaque.new_public_id(),
        acts_as=draft.acts_as,
        acts_as_key=None if draft.acts_as is None else epoch_key(EpochKind.USER, draft.acts_as.pk),
        may_sign=draft.may_sign,
        created_at=at,
        created_by_id=caller.user_id,
        **terms,
    )
    row, text = _new_secret(key, at=at)

    def work() -> None:
        with durable():
            key.save(using=write_alias(), force_insert=True)
            row.save(using=write_alias(), force_insert=True)
            _record(AuditKind.API_KEY_CREATED, caller, key, at=at, fingerprint=row.fingerprint, scopes=key.scopes)

    _naming_people(work)
    return key, text


def change(caller: Caller, key: ApiKey, terms: ApiKeyTerms, *, at: datetime) -> None:
    """Set what may change about a key to ``terms``. Tokens that are out keep what they were issued with.

    Raises:
        BadOption: a value does not fit; ``fields`` names each.
        Conflict: the key has ended, or a user it names was deleted at the same moment.
    """
    values = check_terms(terms, at=at)

    def work() -> None:
        with durable():
            # An expired key stays expired: what was refused once is never good again.
            if _living(key, at=at).update(**values) != 1:
                raise Conflict(_ENDED)
            _record(AuditKind.API_KEY_CHANGED, caller, key, at=at, scopes=values["scopes"])

    _naming_people(work)
    for name, value in values.items():
        setattr(key, name, value)


def rotate(caller: Caller, key: ApiKey, *, overlap: int, at: datetime, seen: str = "") -> TokenText:
    """Give the key another secret and return its text, which nobody can read again.

    Args:
        overlap: seconds for which the secret before works on, 0 to 30 days; 0 ends every other secret at once.
        seen: the fingerprint of the secret that the caller looked at and wants replaced; empty for whichever it is.

    Raises:
        BadOption: the overlap is outside its range.
        Conflict: the key has ended, another secret was made meanwhile, or two are working already.
    """
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise BadOption("overlap", f"must be 0 to {LONGEST_OVERLAP:,} seconds")
    row, text = _new_secret(key, at=at)

    def work() -> None:
        with durable():
            _make_room(key, overlap=overlap, at=at, seen=seen)
            row.save(using=write_alias(), force_insert=True)
            _record(AuditKind.API_KEY_ROTATED, caller, key, at=at, fingerprint=row.fingerprint, overlap=overlap)

    retrying(work)
    return text


def revoke(caller: Caller, key: ApiKey, *, reason: str, at: datetime) -> bool:
    """End a key with its tokens, families and login keys, in one transaction. False when it had been revoked before."""
    reason, box = clean(reason, LONGEST_REASON), Outbox()

    def work() -> bool:
        with durable():
            rows = ApiKey.objects.using(write_alias()).filter(pk=key.pk, revoked_at__isnull=True)
            changed = rows.update(revoked_at=at, reason=reason)
            if changed:
                members = IssuedToken.objects.using(write_alias()).filter(api_key=key)
                live = live_among(members, at=at)  # before the raise, after which none is
                raise_epoch(EpochKind.API_KEY, key.pk, at=at)
                box.write_ended(members, at=at, only=key.application)
                _record(AuditKind.API_KEY_REVOKED, caller, key, at=at, reason=reason, live=live, **box.noted)
        return bool(changed)

    changed = retrying(work)
    if changed:
        key.revoked_at, key.reason = at, reason
        _tell(caller, key, reason=reason, at=at)
        push_first(box.ids, caller, at=at, patience=Patience())
    return changed


def working(key: ApiKey, *, at: datetime) -> list[ApiKeySecret]:
    """Return the key's secrets that open something at this instant, newest first: two at most, none once it ended."""
    if key.ended(at):
        return []
    return list(_secrets(key).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at)).order_by("-pk"))


def _new_secret(key: ApiKey, *, at: datetime) -> tuple[ApiKeySecret, TokenText]:
    text, row_id = opaque.new(opaque.API_KEY_SECRET), uuid7()
    row = ApiKeySecret(
        id=row_id,
        api_key=key,
        digest=digests.digest(text),
        fingerprint=digests.token_fingerprint(text),
        # Only to check what the key's holder signed with it; opening anything takes the digest alone.
        sealed_secret=seal_api_key_secret(text, row=row_id) if key.may_sign else None,
        created_at=at,
    )
    return row, text


def _make_room(key: ApiKey, *, overlap: int, at: datetime, seen: str) -> None:
    """Give the current secret its end, so that it is current no more: the one statement that a rotation is won by."""
    if not _living(key, at=at).exists():
        raise Conflict(_ENDED)
    current = _secrets(key).filter(expires_at__isnull=True).first()
    if current is None or (seen and current.fingerprint != seen):
        raise Conflict(_RACED)
    # A clock that is behind the one that made the secret must not end it before it began.
    ends = {"expires_at": max(at + timedelta(seconds=overlap), current.created_at)} if overlap else {"revoked_at": at}
    if _secrets(key).filter(pk=current.pk, expires_at__isnull=True).update(**ends) != 1:
        raise Conflict(_RACED)
    # Whoever claimed the current one is alone here, so the others stand still.
    others = _secrets(key).exclude(pk=current.pk)
    if not overlap:
        others.update(revoked_at=at)
    elif (left := others.filter(expires_at__gt=at).order_by("-expires_at").first()) is not None:
        msg = f"Two secrets work until {left.expires_at:%Y-%m-%d %H:%M} UTC. Wait, or end both with an overlap of 0."
        raise Conflict(msg)


def _secrets(key: ApiKey) -> QuerySet[ApiKeySecret]:
    """Those that nobody has revoked, whether or not their time is over."""
    return ApiKeySecret.objects.using(write_alias()).filter(api_key_id=key.pk, revoked_at__isnull=True)


def _living(key: ApiKey, *, at: datetime) -> QuerySet[ApiKey]:
    rows = ApiKey.objects.using(write_alias()).filter(pk=key.pk, revoked_at__isnull=True)
    return rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))


def _naming_people(work: Callable[[], None]) -> None:
    try:
        retrying(work)
    except IntegrityError as error:
        msg = "A user that this key names was deleted at the same moment, or the key was created already."
        raise Conflict(msg) from error


def _record(kind: AuditKind, caller: Caller, key: ApiKey, *, at: datetime, **detail: object) -> None:
    detail = {"api_key": key.public_id, **detail}
    auditing.record(kind, caller, at=at, application=key.application, detail=detail)


def _tell(caller: Caller, key: ApiKey, *, reason: str, at: datetime) -> None:
    logger.info(
        "api_key_revoked",
        extra=facts(
            "api_key_revoked",
            application=key.application.slug,
            provider=key.application.provider,
            reason=reason,
            request_id=caller.audited_request_id,
        ),
    )
    signals.token_revoked.send_robust(
        sender=RevocationEpoch,
        kind=EpochKind.API_KEY.value,
        key=key.public_id,
        reason=reason,
        revoked_by=caller.person,
        revocation=None,
        at=at,
    )
