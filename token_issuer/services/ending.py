"""Ending all that a person has: log-out everywhere, told in full.

Raising the person's epoch ends it, exactly and at once, also what is being made at this moment (``revoking``). What is
done beside it here changes no verdict: families and login keys that the epoch has ended are marked, so that lists and
the key ring's check see it without computing epochs, and what is not ended is named.

What proves him at vendors is forgotten first, and he is taken out of the rules: an answer that is recorded before has
an epoch that ends next, and none is recorded later. His password at a vendor is not ours to end; provisioning him sets
another one. The keys of servers come last: each one's own epoch ends what it asked for until then.

Every step is a transaction of its own and may be done again, so whoever was interrupted does it once more.

Django's sessions are not ours: a changed password or a deactivated account ends those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import F, Q

from token_issuer.models import (
    ApiKey,
    Application,
    AuditKind,
    Certificate,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    Rule,
    TokenFamily,
    VendorAccount,
    VendorPair,
    epoch_key,
)
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.services import api_keys, auditing, proving, revoking
from token_issuer.services.callers import clean
from token_issuer.services.rules import chosen, naming
from token_issuer.services.selecting import Selection, counted, login_keys, open_families
from token_issuer.services.transactions import durable, require_no_transaction, retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.services.callers import Caller

_ENDED: Final = ("tokens", "pairs", "login_keys", "vendor_pairs")  # of what he had, whatever else is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Possessions:
    """What a person has at an instant; of each no more is counted than ``MOST_COUNTED``.

    ``api_keys`` act as him; ``owned_keys`` are others that he is asked about, ``made_keys`` others that he only made.
    ``proofs`` are the accounts whose login at a vendor is answered from here, of all his ``accounts``; ``vendor_pairs``
    what vendors gave to him, of use or not. ``rules`` name him. ``last_ends_at`` is the last instant at which a vendor
    may still honour one of the tokens, None without any. What he made (``made_applications``, ``made_certificates``,
    ``made_rules``) is told and never ended: others live on it.
    """

    tokens: int
    pairs: int
    login_keys: int
    last_ends_at: datetime | None
    api_keys: tuple[ApiKey, ...]
    proofs: int = 0
    vendor_pairs: int = 0
    owned_keys: tuple[ApiKey, ...] = ()
    made_keys: tuple[ApiKey, ...] = ()
    accounts: int = 0
    rules: int = 0
    made_applications: int = 0
    made_certificates: int = 0
    made_rules: int = 0


def possessions(user: Any, *, at: datetime) -> Possessions:  # noqa: ANN401  the site's own user model
    """Count what a person has. Reads only."""
    key, keys = _principal(user), _keys_of(user, at=at)
    his = Selection(principal_key=key)
    tokens = _tokens(key).live(at)
    pairs, accounts = (
        model.objects.using(write_alias()).filter(principal_key=key) for model in (VendorPair, VendorAccount)
    )
    return Possessions(
        tokens=counted(tokens),
        pairs=counted(open_families(his, at=at)),
        login_keys=counted(login_keys(his, at=at)),
        last_ends_at=tokens.order_by("-expires_at").values_list("expires_at", flat=True).first(),
        api_keys=tuple(row for row in keys if row.acts_as_id == user.pk),
        owned_keys=tuple(row for row in keys if row.acts_as_id != user.pk and row.owner_id == user.pk),
        made_keys=tuple(row for row in keys if user.pk not in {row.acts_as_id, row.owner_id}),
        proofs=len(proving.with_proof(key)),
        vendor_pairs=counted(pairs),
        accounts=counted(accounts),
        rules=counted(naming(user)),
        made_applications=_made(Application, user),
        made_certificates=_made(Certificate, user),
        made_rules=_made(Rule, user),
    )


def end_user(
    caller: Caller,
    user: Any,  # noqa: ANN401  the site's own user model
    *,
    reason: str,
    at: datetime,
    with_api_keys: bool = False,
    with_owned_keys: bool = False,
    with_made_keys: bool = False,
    out_of_rules: bool = False,
) -> Possessions:
    """End every token, pair and login key of a person, and forget what vendors gave to him and what proves him there.

    Returns what he had. The edge has checked that the caller may: it reaches into every application.

    ``with_api_keys`` revokes the API keys that act as him, too; without it they go on: they are a server's, and what
    they were given for him until now has ended all the same. ``with_owned_keys`` and ``with_made_keys`` revoke those
    that he is asked about, and those that he made and may know the secret of. ``out_of_rules`` takes his name out of
    the rules; one that names nobody else matches nobody from then on.

    Raises:
        OpenTransaction: inside a transaction.
        Unavailable: the database was busy three times in a row; do it again.
    """
    require_no_transaction()
    reason = clean(reason, revoking.LONGEST_REASON)
    had = possessions(user, at=at)
    done = {"proofs": proving.forget(caller, _principal(user), reason=reason, at=at)}
    if out_of_rules:
        done["rules"] = sum(_take_out(caller, rule, user, at=at) for rule in naming(user).select_related("application"))
    revoking.revoke_user(caller, user, reason=reason, at=at)
    retrying(lambda: _mark(_principal(user), reason=reason, at=at))
    asked = ((with_api_keys, had.api_keys), (with_owned_keys, had.owned_keys), (with_made_keys, had.made_keys))
    done["api_keys"] = _revoke(caller, [key for wanted, keys in asked if wanted for key in keys], reason=reason, at=at)
    counts = {name: getattr(had, name) for name in _ENDED} | done
    retrying(lambda: _record(caller, str(user.pk), counts, reason=reason, at=at))
    return had


def _take_out(caller: Caller, rule: Rule, user: Any, *, at: datetime) -> bool:  # noqa: ANN401
    """Take him out of a rule; False where somebody else just did."""

    def work() -> bool:
        with durable():
            taken = bool(chosen(user).filter(rule_id=rule.pk).delete()[0])
            if taken:
                detail = {"rule": str(rule.pk), "what": "changed", "without": str(user.pk)}
                auditing.record(AuditKind.RULE_CHANGED, caller, at=at, application=rule.application, detail=detail)
        return taken

    return retrying(work)


def _revoke(caller: Caller, keys: Iterable[ApiKey], *, reason: str, at: datetime) -> int:
    return sum(api_keys.revoke(caller, key, reason=reason, at=at) for key in keys)


def _record(caller: Caller, of: str, counts: dict[str, int], *, reason: str, at: datetime) -> None:
    """Tell once of all of it; what each step did is in its own events."""
    with durable():
        auditing.record(AuditKind.ACCESS_ENDED, caller, at=at, detail={"of": of, "reason": reason, **counts})


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


def _keys_of(user: Any, *, at: datetime) -> list[ApiKey]:  # noqa: ANN401
    """Return the API keys that work and that act as him, are his, or were made by him."""
    his = Q(acts_as=user.pk) | Q(owner=user.pk) | Q(created_by=user.pk)
    rows = ApiKey.objects.using(write_alias()).filter(his, revoked_at=None).select_related("application")
    return [row for row in rows[:MOST_COUNTED] if not row.ended(at)]


def _made(model: type[Application | Certificate | Rule], user: Any) -> int:  # noqa: ANN401
    return counted(model.objects.using(write_alias()).filter(created_by=user.pk))
