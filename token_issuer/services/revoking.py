"""Ending tokens early: one row, or a set by raising its epoch. Idempotent, never undone, always audited."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import F, Q

from token_issuer import signals
from token_issuer.errors import NotFound
from token_issuer.models import (
    AuditKind,
    EpochKind,
    IssuedToken,
    RevocationEpoch,
    VendorPush,
    epoch_key,
)
from token_issuer.models.row_counts import MOST_COUNTED, counted_to
from token_issuer.providers.base import Revocation
from token_issuer.providers.scopes import TOKENS_REVOKE
from token_issuer.registry import providers
from token_issuer.services import auditing, closing, forgetting, outbox, pushing
from token_issuer.services.callers import Caller, clean
from token_issuer.services.listing import owned_by
from token_issuer.services.logged import facts
from token_issuer.services.outbox import Outbox
from token_issuer.services.pushing import Patience, Pushed
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import ApiKey, Application, Certificate
    from token_issuer.models.issued_token import IssuedTokenQuerySet

logger = logging.getLogger("token_issuer.security")

LONGEST_REASON = closing.LONGEST_REASON
_OF_ROWS: Final = frozenset({"token", "selection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When a revoked token really stops: what the vendor does, and until when it may still be honoured."""

    token_id: UUID
    revocation: Revocation
    ends_at: datetime
    changed: bool  # False when it had ended before
    sentence: str = ""  # what the provider says of it, marked for translation
    push: VendorPush | None = None  # how it stands with telling the vendor, where that is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnding:
    """A set of tokens that was ended: how many were live, and the last instant a vendor may still honour one.

    ``more``: there were more than the ``MOST_COUNTED`` that ``live`` says then. ``pushes``: of how many the vendors are
    told, and how it stands with that; of ``left_out`` tokens they are not told: there were too many.
    """

    kind: EpochKind
    live: int
    last_ends_at: datetime | None
    more: bool = False
    pushes: Pushed = field(default_factory=Pushed)
    left_out: int = 0


def revoke_own(caller: Caller, token_id: UUID, *, reason: str, at: datetime) -> Ending:
    """End one of the caller's own tokens; a server's key with ``tokens:revoke`` ends any of its application.

    The pair that it belongs to ends with it.

    Raises:
        NotFound: unknown or somebody else's; the two look the same.
    """
    caller.require_active()
    rows = IssuedToken.objects.using(write_alias()).filter(_endable_by(caller))
    return _revoke(caller, rows, token_id, reason=reason, at=at)


def revoke_any(
    caller: Caller,
    token_id: UUID,
    *,
    reason: str,
    at: datetime,
    patience: Patience | None = None,
    tell_vendor: bool = True,
) -> Ending:
    """End anybody's token, and the pair that it belongs to. The edge has checked that the caller may.

    ``patience`` is shared by several that are ended together; ``tell_vendor`` is off for a token that nobody ever had.

    Raises:
        NotFound: there is no such token.
    """
    rows = IssuedToken.objects.using(write_alias())
    return _revoke(caller, rows, token_id, reason=reason, at=at, patience=patience, tell_vendor=tell_vendor)


def _endable_by(caller: Caller) -> Q:
    if caller.api_key is not None and TOKENS_REVOKE in (caller.scopes or ()):
        return Q(application_id=caller.api_key.application_id)
    return owned_by(caller)


def _revoke(
    caller: Caller,
    rows: Any,  # noqa: ANN401  queryset
    token_id: UUID,
    *,
    reason: str,
    at: datetime,
    patience: Patience | None = None,
    tell_vendor: bool = True,
) -> Ending:
    rows = rows.select_related("application", "family__application", "push").annotate(can_call=outbox.can_call())
    token = rows.filter(pk=token_id).first()
    if token is None:
        msg = "There is no such token."
        raise NotFound(msg)
    for_all = outbox.is_another(caller, token.user_id)
    box = Outbox(for_all=for_all) if tell_vendor and token.can_call else None
    changed, closed = retrying(lambda: _end(caller, token, box, reason=clean(reason, LONGEST_REASON), at=at))
    forgetting.tombstone(token.pk, token.expires_at, at=at)
    ending = ending_of(token, at=at, changed=changed)
    if changed:
        log(caller, "token_revoked", application=token.application, reason=reason, token_id=str(token.pk))
        send(caller, "token", str(token.pk), reason=reason, at=at, revocation=ending.revocation.value)
    if closed:
        closing.tell_closed(caller, token.family, reason=reason, at=at)
    if box is None or not box.ids:
        return ending
    # Last: the token has ended here whatever the vendor says, and everybody knows.
    pushing.push_first(box.ids, caller, at=at, patience=patience or Patience())
    token.push = VendorPush.objects.using(write_alias()).filter(token=token.pk).first()
    return ending_of(token, at=at, changed=changed)


def _end(caller: Caller, token: IssuedToken, box: Outbox | None, *, reason: str, at: datetime) -> tuple[bool, bool]:
    """Return whether the token ended now, and whether its pair did."""
    with durable():
        # Formats without a random part can give two rows one text: the text is what leaked, so both end.
        same = IssuedToken.objects.using(write_alias()).filter(digest=token.digest)
        changed = same.filter(revoked_at__isnull=True).update(
            revoked_at=at, revoked_by_id=caller.user_id, reason=reason
        )
        if changed:
            auditing.record(
                AuditKind.TOKEN_REVOKED,
                caller,
                at=at,
                application=token.application,
                token=token,
                detail={"reason": reason},
            )
        # RFC 7009 section 2.1: of a pair that one half of is given up, the other half would renew it.
        family = token.family
        closed = family is not None and closing.close_within(caller, family, reason=reason, at=at)
        if box is not None and (changed or closed):
            ended = Q(digest=token.digest, revoked_at=at) | (Q(family=family) if closed else Q())
            box.write(IssuedToken.objects.using(write_alias()).filter(ended), at=at, only=token.application)
    return bool(changed), closed


def ending_of(token: IssuedToken, *, at: datetime, changed: bool = False) -> Ending:
    """Return when this token really ends if it is revoked at ``at``.

    Where the provider can tell its vendor, the row is read with its ``push``: a vendor that was told ends it sooner.
    """
    provider = providers().get(token.application.provider)
    revocation = revocation_of(token.application.provider)
    ends_at = at if revocation is Revocation.IMMEDIATE else token.expires_at
    ending = Ending(
        token_id=token.pk,
        revocation=revocation,
        ends_at=min(ends_at, token.expires_at),
        changed=changed,
        sentence=provider.vendor.revocation_sentence if provider is not None else "",
    )
    told = outbox.pusher_of(token.application.provider) is not None
    push: VendorPush | None = getattr(token, "push", None) if told else None
    if push is None or push.pushed_at is None:
        return replace(ending, push=push)
    return replace(
        ending,
        push=push,
        revocation=Revocation.PUSHED,
        # As it was told: the application's options may say something else by now.
        ends_at=min(push.pushed_at, ending.ends_at) if push.kept_out else ending.ends_at,
        sentence=push.sentence,
    )


def revocation_of(provider: str) -> Revocation:
    """Return when a token of this provider really stops working, where its vendor is not told."""
    known = providers().get(provider)
    # One that is no longer installed cannot promise anything: its vendor may honour the token to the end.
    return Revocation.AT_EXPIRY if known is None else known.revocation


def revoke_mine(caller: Caller, *, reason: str, at: datetime) -> SetEnding:
    """End every token of the caller; of a server, those that its key issued, whoever they speak for."""
    caller.require_active()
    if caller.api_key is not None:
        return revoke_issued_by(caller, caller.api_key, reason=reason, at=at)
    return revoke_user(caller, caller.user, reason=reason, at=at)


def revoke_issued_by(caller: Caller, key: ApiKey, *, reason: str, at: datetime) -> SetEnding:
    """End every token that a server's key issued. The key itself is ``api_keys``' business."""
    return _revoke_set(
        caller,
        EpochKind.API_KEY,
        epoch_key(EpochKind.API_KEY, key.pk),
        members=_tokens().filter(api_key=key),
        reason=reason,
        at=at,
        application=key.application,
        detail={"of": key.public_id},
    )


def revoke_user(caller: Caller, user: Any, *, reason: str, at: datetime) -> SetEnding:  # noqa: ANN401  the site's model
    """End every token of a person, also one that is being minted at this moment."""
    return revoke_principal(caller, epoch_key(EpochKind.USER, user.pk), of=str(user.pk), reason=reason, at=at)


def revoke_principal(caller: Caller, key: UUID, *, of: str, reason: str, at: datetime) -> SetEnding:
    """Do so by the key that tokens keep of a person, who may be deleted. ``of`` is what the audit calls him."""
    members = _tokens().filter(principal_key=key)
    return _revoke_set(caller, EpochKind.USER, key, members=members, reason=reason, at=at, detail={"of": of})


def revoke_resource(caller: Caller, application: Application, resource: str, *, reason: str, at: datetime) -> SetEnding:
    """End every token for one channel or room of an application."""
    key = epoch_key(EpochKind.RESOURCE, application.pk, resource)
    members = _tokens().filter(application=application, resource_key=key)
    return _revoke_set(
        caller,
        EpochKind.RESOURCE,
        key,
        members=members,
        reason=reason,
        at=at,
        application=application,
        detail={"of": clean(resource, 255)},
        for_all=True,
    )


def revoke_certificate(caller: Caller, certificate: Certificate, *, reason: str, at: datetime) -> SetEnding:
    """End every token made with a certificate. The certificate itself is ``rotating``'s business."""
    key = epoch_key(EpochKind.CERTIFICATE, certificate.pk)
    return _revoke_set(
        caller,
        EpochKind.CERTIFICATE,
        key,
        members=_tokens().filter(certificate=certificate),
        reason=reason,
        at=at,
        application=certificate.application,
        detail={"of": certificate.fingerprint},
        for_all=True,
    )


def revoke_application(caller: Caller, application: Application, *, reason: str, at: datetime) -> SetEnding:
    """End every token of an application."""
    key = epoch_key(EpochKind.APPLICATION, application.pk)
    return _revoke_set(
        caller,
        EpochKind.APPLICATION,
        key,
        members=_tokens().filter(application=application),
        reason=reason,
        at=at,
        application=application,
        detail={"of": application.slug},
        for_all=True,
    )


def _tokens() -> IssuedTokenQuerySet:
    return IssuedToken.objects.using(write_alias())


def _revoke_set(
    caller: Caller,
    kind: EpochKind,
    key: UUID,
    *,
    members: IssuedTokenQuerySet,
    reason: str,
    at: datetime,
    detail: dict[str, Any],
    application: Application | None = None,
    for_all: bool = False,
) -> SetEnding:
    # Counted before the raise, for people, and no further than they read: nobody waits for a million to be counted
    # before they end. A token minted in between is ended as well, only not counted.
    seen = [*members.live(at).order_by().values_list("expires_at", flat=True)[: MOST_COUNTED + 1]]
    more, live = len(seen) > MOST_COUNTED, min(len(seen), MOST_COUNTED)
    last = latest_end(members, at=at) if more else max(seen, default=None)
    reason, box = clean(reason, LONGEST_REASON), Outbox(for_all=for_all)

    def work() -> None:
        with durable():
            raise_epoch(kind, key, at=at)
            box.write_ended(members, at=at, only=application)
            auditing.record(
                AuditKind.SET_REVOKED,
                caller,
                at=at,
                application=application,
                detail={"kind": kind.value, "reason": reason, "live": live, **detail, **box.noted},
            )

    retrying(work)
    log(caller, "set_revoked", application=application, reason=reason, token_id="")
    send(caller, kind.value, str(detail["of"]), reason=reason, at=at, revocation=None)
    told = pushing.push_first(box.ids, caller, at=at, patience=Patience())
    told.waiting = len(box.ids) - told.pushed - told.failed
    return SetEnding(kind=kind, live=live, more=more, last_ends_at=last, pushes=told, left_out=box.left_out)


def latest_end(members: IssuedTokenQuerySet, *, at: datetime) -> datetime | None:
    """Return the last end of any of these, also of one that was ended early: the quick way where there are many."""
    rows = members.filter(expires_at__gt=at).order_by("-expires_at")
    return rows.values_list("expires_at", flat=True).first()


def live_among(members: IssuedTokenQuerySet, *, at: datetime) -> int:
    """Return how many of these tokens are good, for the audit of what ends them: counted to ``MOST_COUNTED``."""
    return counted_to(members.live(at), MOST_COUNTED)


def raise_epoch(kind: EpochKind, key: UUID, *, at: datetime) -> None:
    """End a set inside the caller's transaction: one UPDATE, after an insert-or-ignore of its row."""
    transaction.on_commit(forgetting.distrust, using=write_alias())
    epochs = RevocationEpoch.objects.using(write_alias())
    if epochs.filter(key=key).update(epoch=F("epoch") + 1, not_before=at):
        return
    epochs.bulk_create([RevocationEpoch(kind=kind, key=key, not_before=at)], ignore_conflicts=True)
    epochs.filter(key=key).update(epoch=F("epoch") + 1, not_before=at)


def send(caller: Caller, kind: str, key: str, *, reason: str, at: datetime, revocation: str | None) -> None:
    """Send the one signal of an ending: of rows by the name of their kind, of a set by its epoch's."""
    signals.token_revoked.send_robust(
        sender=IssuedToken if kind in _OF_ROWS else RevocationEpoch,
        kind=kind,
        key=key,
        reason=reason,
        revoked_by=caller.person,
        revocation=revocation,
        at=at,
    )


def log(caller: Caller, event: str, *, application: Application | None, reason: str, token_id: str) -> None:
    """Log an ending by its stable word."""
    logger.info(
        event,
        extra=facts(
            event,
            application=application.slug if application else "",
            provider=application.provider if application else "",
            reason=clean(reason, LONGEST_REASON),
            token_id=token_id,
            request_id=caller.audited_request_id,
        ),
    )
