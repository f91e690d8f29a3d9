"""Ending all that a person has: log-out everywhere, told in full.

Raising the person's epoch ends it, exactly and at once, also what is being made at this moment (``revoking``). What is
done beside it here changes no verdict: families and login keys that the epoch has ended are marked, so that lists and
the key ring's check see it without computing epochs, and what is not ended is named.

What proves him at vendors is forgotten first: an answer that is recorded before has an epoch that ends next, and none
is recorded later. His password at a vendor is not ours to end; provisioning him sets another one.

Django's sessions are not ours: a changed password or a deactivated account ends those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import F

from token_issuer.models import ApiKey, EpochKind, IssuedToken, OneTimeKey, TokenFamily, VendorPair, epoch_key
from token_issuer.services import api_keys, proving, revoking
from token_issuer.services.callers import clean
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.services.callers import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Possessions:
    """What a person has at an instant: how many live tokens, open pairs and login keys, and which API keys act as him.

    ``proofs`` are the accounts whose login at a vendor is answered from here, ``vendor_pairs`` what vendors gave to
    him, of use or not. ``last_ends_at`` is the last instant at which a vendor may still honour one of the tokens, None
    without any.
    """

    tokens: int
    pairs: int
    login_keys: int
    last_ends_at: datetime | None
    api_keys: tuple[ApiKey, ...]
    proofs: int = 0
    vendor_pairs: int = 0


def possessions(user: Any, *, at: datetime) -> Possessions:  # noqa: ANN401  the site's own user model
    """Count what a person has. Reads only."""
    key = _principal(user)
    tokens = _tokens(key).live(at)
    return Possessions(
        tokens=tokens.count(),
        pairs=_open_pairs(key, at=at).count(),
        login_keys=_unredeemed(key, at=at).count(),
        last_ends_at=tokens.order_by("-expires_at").values_list("expires_at", flat=True).first(),
        api_keys=tuple(row for row in _acting_as(user) if not row.ended(at)),
        proofs=len(proving.with_proof(key)),
        vendor_pairs=VendorPair.objects.using(write_alias()).filter(principal_key=key).count(),
    )


def end_user(
    caller: Caller,
    user: Any,  # noqa: ANN401  the site's own user model
    *,
    reason: str,
    at: datetime,
    with_api_keys: bool = False,
) -> Possessions:
    """End every token, pair and login key of a person, and forget what vendors gave to him and what proves him there.

    Returns what he had.

    ``with_api_keys`` revokes the API keys that act as him, too; without it they go on: they are a server's, and what
    they were given for him until now has ended all the same.

    Raises:
        OpenTransaction: inside a transaction.
    """
    had = possessions(user, at=at)
    proving.forget(caller, _principal(user), reason=clean(reason, revoking.LONGEST_REASON), at=at)
    revoking.revoke_user(caller, user, reason=reason, at=at)
    retrying(lambda: _mark(_principal(user), reason=clean(reason, revoking.LONGEST_REASON), at=at))
    if with_api_keys:
        for key in had.api_keys:
            api_keys.revoke(caller, key, reason=reason, at=at)
    return had


def _mark(key: UUID, *, reason: str, at: datetime) -> None:
    """Write down at the rows what the epoch has ended; a sign-in of a moment later is made under the new one."""
    families = TokenFamily.objects.using(write_alias()).with_epochs_now().filter(principal_key=key, closed_at=None)
    keys = (
        OneTimeKey.objects.using(write_alias())
        .with_epochs_now()
        .filter(principal_key=key, consumed_at=None, revoked_at=None)
    )
    given = VendorPair.objects.using(write_alias()).with_epochs_now().filter(principal_key=key)
    with durable():
        given.filter(pk__in=[*given.exclude(epochs=F("epochs_now")).values_list("pk", flat=True)]).delete()
        families.exclude(epochs=F("epochs_now")).update(closed_at=at, reason=reason)
        keys.exclude(epochs=F("epochs_now")).update(revoked_at=at, reason=reason)


def _principal(user: Any) -> UUID:  # noqa: ANN401
    return epoch_key(EpochKind.USER, user.pk)


def _tokens(key: UUID) -> IssuedTokenQuerySet:
    return IssuedToken.objects.using(write_alias()).filter(principal_key=key)


def _open_pairs(key: UUID, *, at: datetime) -> Any:  # noqa: ANN401  a queryset
    rows = TokenFamily.objects.using(write_alias()).with_epochs_now()
    return rows.filter(principal_key=key, closed_at=None, idle_expires_at__gt=at, epochs=F("epochs_now"))


def _unredeemed(key: UUID, *, at: datetime) -> Any:  # noqa: ANN401  a queryset
    rows = OneTimeKey.objects.using(write_alias()).with_epochs_now()
    return rows.filter(principal_key=key, consumed_at=None, revoked_at=None, expires_at__gt=at, epochs=F("epochs_now"))


def _acting_as(user: Any) -> Any:  # noqa: ANN401  a queryset
    return ApiKey.objects.using(write_alias()).filter(acts_as=user.pk).select_related("application")
