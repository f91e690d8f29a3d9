"""Setting what logs a user in at the vendor, from what an administrator enters; and forgetting it.

Only what the provider's ``account_proof`` makes of it is kept, sealed to the account's row. Name and proof are one
statement, so there is never a proof of another name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto import Secret, SecretParts
from token_issuer.errors import BadOption
from token_issuer.models import AuditKind, VendorAccount
from token_issuer.providers.called import AccountProver
from token_issuer.registry import get_provider
from token_issuer.services import auditing, naming
from token_issuer.services.opening import opened_proof, seal_proof
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Application
    from token_issuer.services.callers import Caller


def prove(
    caller: Caller,
    application: Application,
    user: Any,  # noqa: ANN401  the site's own user model
    *,
    parts: Mapping[str, str],
    at: datetime,
    subject: str = "",
) -> VendorAccount:
    """Set a user's name at the vendor and his proof; his account is made if there is none.

    ``parts`` are what an administrator enters, by the names of the provider's ``account_fields``. Without ``subject``
    he keeps the name he has, or gets the one that the provider's pattern says. Idempotent: the same name and proof
    again change nothing.

    Raises:
        BadOption: "application", whose provider keeps no proofs; "subject", for a name that cannot be his; or the part
            that is missing, unknown or malformed. Never quotes a value.
        Conflict: a password is being set for him at the vendor.
        NotAuthenticated, NotFound: the user, or the application, is gone.
    """
    provider = prover_of(application)
    parts = SecretParts(parts)  # what an error reporter would print of this frame
    _check_parts(provider, parts)
    subject = naming.chosen(application, user, subject)
    proof = Secret(**provider.account_proof(subject, parts))
    wanted = VendorAccount(application=application, user_id=user.pk, subject=subject)
    return naming.written(lambda: _prove(caller, wanted, user, proof=proof, at=at), wanted)


def prover_of(application: Application) -> AccountProver:
    """Return the application's provider; BadOption("application") for one that keeps no proofs of its users."""
    provider = get_provider(application.provider)
    if not isinstance(provider, AccountProver):
        raise BadOption("application", f"{provider.label} keeps nothing that proves its users")
    return provider


def forget(caller: Caller, principal_key: UUID, *, reason: str, at: datetime) -> int:
    """Forget what proves a person, wherever he has an account, also what is being set at this moment; return how many.

    Whoever has a copy of a proof goes on at the vendor, until another password is set there.
    """

    def work() -> int:
        with durable():
            accounts = with_proof(principal_key)
            return sum(_forget(caller, account, reason=reason, at=at) for account in accounts)

    return retrying(work)


def forget_one(caller: Caller, account: VendorAccount, *, reason: str, at: datetime) -> bool:
    """Forget what proves the user of one account, also where he is gone; False where there was nothing."""

    def work() -> bool:
        with durable():
            return bool(_forget(caller, account, reason=reason, at=at))

    return retrying(work)


def with_proof(principal_key: UUID) -> list[VendorAccount]:
    """Return the accounts of a person that have a proof, or one that is being set."""
    rows = VendorAccount.objects.using(write_alias()).filter(principal_key=principal_key)
    found = rows.exclude(sealed_secret__isnull=True, pending_secret__isnull=True)
    return list(found.select_related("application"))


def _check_parts(provider: AccountProver, parts: Mapping[str, str]) -> None:
    known = [part.name for part in provider.account_fields]
    for name in parts:
        if name not in known:
            raise BadOption(name, "is not a part of what proves this vendor's users")
    for name in known:
        if not parts.get(name):
            raise BadOption(name, "is required")


def _prove(caller: Caller, wanted: VendorAccount, user: Any, *, proof: Secret, at: datetime) -> VendorAccount:  # noqa: ANN401
    account = naming.row_for(wanted.application, user, at=at)
    if account.subject == wanted.subject and account.pending_at is None and _has(account, proof):
        return account
    sealed = seal_proof(proof.parts, row=account.pk)
    none_pending = {"pending_secret": None, "pending_at": None}
    naming.put(caller, account, at=at, subject=wanted.subject, sealed_secret=sealed, proved_at=at, **none_pending)
    record(caller, account, at=at)
    return account


def _has(account: VendorAccount, proof: Secret) -> bool:
    """Whether this is the proof that he has. One that does not open is another."""
    if account.sealed_secret is None:
        return False
    try:
        with opened_proof(account) as current:
            return current == proof
    except ImproperlyConfigured:
        return False


def record(caller: Caller, account: VendorAccount, *, at: datetime, provisioned: bool = False) -> None:
    """Write that an account has a new proof, inside the caller's transaction."""
    detail = {"account": str(account.pk), "by": "provisioning" if provisioned else "hand"}
    auditing.record(AuditKind.ACCOUNT_PROVED, caller, at=at, application=account.application, detail=detail)


def _forget(caller: Caller, account: VendorAccount, *, reason: str, at: datetime) -> int:
    rows = VendorAccount.objects.using(write_alias()).filter(pk=account.pk)
    # ``pending_at`` stays: as long as the vendor may still be carrying out a request, no other is sent.
    done = rows.exclude(sealed_secret__isnull=True, pending_secret__isnull=True).update(
        sealed_secret=None, proved_at=None, pending_secret=None
    )
    if done:
        detail = {"account": str(account.pk), "proof": "forgotten", "reason": reason}
        auditing.record(AuditKind.ACCOUNT_CHANGED, caller, at=at, application=account.application, detail=detail)
    return done
