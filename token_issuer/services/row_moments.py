"""What one row of evidence tells of itself, as entries of a timeline. Words only: no digest, nothing sealed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from token_issuer.models import AuditKind, Origin
from token_issuer.services.moments import Entry, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

    from token_issuer.models import AuditEvent, IssuedToken, OneTimeKey, TokenFamily, VendorAccount, VendorPair
    from token_issuer.models import VendorPush as Push

ISSUED_BY = {
    Origin.REFRESH: gettext_lazy("token refreshed"),
    Origin.REFRESH_RETRY: gettext_lazy("refresh retried"),
    Origin.REDEEM: gettext_lazy("token issued for a login key"),
}
# The event names the person to whom it happened; every other one names who did it.
HAPPENED_TO = frozenset(
    {AuditKind.DENIED, AuditKind.VENDOR_FAILED, AuditKind.REFRESH_REUSED, AuditKind.PAIR_REFUSED, AuditKind.PUSH_FAILED}
)
_STATES = {
    AuditKind.DENIED: "refused",
    AuditKind.REFRESH_REUSED: "refused",
    AuditKind.PAIR_REFUSED: "refused",
    AuditKind.VENDOR_FAILED: "failed",
    AuditKind.PUSH_FAILED: "failed",
    AuditKind.TOKEN_REVOKED: "revoked",
    AuditKind.SET_REVOKED: "revoked",
    AuditKind.CERTIFICATE_REVOKED: "revoked",
    AuditKind.API_KEY_REVOKED: "revoked",
    AuditKind.LOGIN_KEY_REVOKED: "revoked",
    AuditKind.FAMILY_CLOSED: "revoked",
    AuditKind.ACCESS_ENDED: "revoked",
}
_LONGEST = 300  # characters of a detail; the row's own page shows the rest


def of_token(token: IssuedToken, *, at: datetime) -> Iterator[Entry]:
    """Issued, used, revoked."""
    word = gettext_lazy("temporary token issued") if token.temporary else gettext_lazy("token issued")
    yield _entry(
        token,
        token.issued_at,
        ISSUED_BY.get(Origin(token.origin), word) if token.origin in Origin.values else word,
        state=token.standing(at).value,
        ip=token.ip,
        detail=_facts(_generation(token), token.resource, ", ".join(str(word) for word in token.privileges)),
        began=True,
    )
    if token.consumed_at is not None:
        yield _entry(token, token.consumed_at, gettext_lazy("token used"), state="consumed", rank=1)
    if token.revoked_at is not None:
        who = str(token.revoked_by or "")
        what = gettext_lazy("token revoked")
        yield _entry(token, token.revoked_at, what, state="revoked", rank=2, detail=token.reason, who=who)


def _generation(token: IssuedToken) -> str:
    return "" if token.generation is None else _("generation %s") % token.generation


def of_push(push: Push, token: IssuedToken) -> Iterator[Entry]:
    """Asked for, told, given up."""
    yield _entry(push, push.created_at, gettext_lazy("the vendor is to be told"), state="waiting", of=token, rank=3)
    if push.pushed_at is not None:
        what = gettext_lazy("the vendor was told")
        yield _entry(
            push, push.pushed_at, what, state="pushed", of=token, rank=4, detail=_(push.sentence or "") or push.reason
        )
    if push.failed_at is not None:
        what = gettext_lazy("the vendor was not told")
        yield _entry(push, push.failed_at, what, state="failed", of=token, rank=4, detail=push.reason)


def of_family(family: TokenFamily, closing: AuditEvent | None, *, at: datetime) -> Iterator[Entry]:
    """Begun, closed; ``closing`` is the event of the closing, where the reader may know it."""
    told = _facts(family.label, _("generation %s") % family.generation, _("retries %s") % family.replays)
    what: StrOrPromise = gettext_lazy("token family begun")
    state = family.standing(at).value
    yield _entry(family, family.created_at, what, state=state, ip=family.ip, detail=told, began=True)
    if family.closed_at is not None:
        reused = closing is not None and closing.kind == AuditKind.REFRESH_REUSED
        what = gettext_lazy("token family closed")
        if reused:
            what = gettext_lazy("token family closed: a refresh token was reused")
        who = str(closing.user or "") if closing is not None and not reused else ""
        told = _facts(family.reason, told)
        yield _entry(family, family.closed_at, what, state="revoked", rank=1, detail=told, who=who)


def of_login_key(key: OneTimeKey, *, at: datetime) -> Iterator[Entry]:
    """Made, redeemed, revoked."""
    what = gettext_lazy("one-time key made")
    yield _entry(key, key.created_at, what, state=key.standing(at).value, ip=key.ip, began=True)
    if key.consumed_at is not None:
        yield _entry(key, key.consumed_at, gettext_lazy("one-time key redeemed"), state="consumed", rank=1)
    if key.revoked_at is not None:
        what = gettext_lazy("one-time key revoked")
        yield _entry(key, key.revoked_at, what, state="revoked", rank=2, detail=key.reason)


def of_pair(pair: VendorPair, *, at: datetime) -> Iterator[Entry]:
    """Kept, renewed, refused."""
    what, state = gettext_lazy("vendor pair kept"), pair.standing(at).value
    yield _entry(pair, pair.created_at, what, state=state, ip=pair.ip, detail=pair.device)
    if pair.renewed_at is not None:
        what = gettext_lazy("vendor pair renewed")
        yield _entry(pair, pair.renewed_at, what, state="renewed", rank=1, detail=pair.device)
    if pair.refused_at is not None:
        told = _facts(pair.device, pair.reason)
        yield _entry(pair, pair.refused_at, gettext_lazy("vendor pair refused"), state="refused", rank=2, detail=told)


def of_account(account: VendorAccount) -> Iterator[Entry]:
    """Made, proved."""
    yield _entry(
        account, account.created_at, gettext_lazy("vendor account made"), state="made", detail=str(account), began=True
    )
    if account.proved_at is not None:
        yield _entry(account, account.proved_at, gettext_lazy("vendor account's proof set"), state="proved", rank=1)


def of_event(event: AuditEvent, *, by_him: bool = False) -> Entry:
    """Return what the audit tells. Of one that a person did, the name is known; of others it is told."""
    times = f"{event.count} \N{MULTIPLICATION SIGN} " if event.count > 1 else ""
    happened = event.kind in HAPPENED_TO
    return Entry(
        place=Place.of(event.pk),
        at=event.at,
        what=f"{times}{event.kind_label}",
        state=_STATES.get(AuditKind(event.kind), "told") if event.kind in AuditKind.values else "told",
        model="auditevent",
        row=event.pk,
        application=event.application,
        ip=event.ip,
        detail=detail_of(event)[:_LONGEST],
        who="" if by_him or happened else str(event.user or ""),
        by_him=by_him and not happened,
    )


def detail_of(event: AuditEvent) -> str:
    """Return the rest of an event, as written."""
    facts = sorted(event.detail.items())  # engines keep no order, or each its own
    return ", ".join(f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in facts)


def _entry(
    row: Any,  # noqa: ANN401  any of the models above
    at: datetime,
    what: StrOrPromise,
    *,
    state: str,
    rank: int = 0,
    ip: str | None = None,
    detail: str = "",
    who: str = "",
    began: bool = False,
    of: Any = None,  # noqa: ANN401  the row whose page shows it, where it has none
) -> Entry:
    shown = of if of is not None else row
    return Entry(
        place=Place.of(shown.pk, rank, None if began else at),
        at=at,
        what=what,
        state=state,
        model=shown._meta.model_name,
        row=shown.pk,
        application=shown.application,
        ip=ip,
        detail=detail[:_LONGEST],
        who=who,
    )


def _facts(*texts: str) -> str:
    return ", ".join(text for text in texts if text)
