"""Making a user at the vendor, with a random password that nobody ever sees; only its proof is kept.

    1  the password and its proof are made; the sealed proof is committed as *pending*
    2  the vendor is asked to set the password; no transaction is open meanwhile
    3  after the vendor's yes, the pending proof becomes the current one: one UPDATE that names the pending it means

Until step 3 the current proof goes on being used. A process that dies anywhere leaves a pending proof at most, and a
new run replaces it with a new password: nobody knows any more whether the vendor has set the old one.

**Two at once.** Whoever committed the pending proof has the account to himself for ``naming.LEASE`` (30 s), the others
get Conflict; he asks the vendor within ``ASKING`` (10 s) of his commit or not at all. So the requests of two runs reach
the vendor one after the other, in the order of their pending proofs, and the last that was committed is the one whose
password the vendor has. That leans on three things: the clocks of the machines differ by less than the rest of the
lease, no process sleeps that long between its last look at the clock and sending, and the vendor carries out a request
within the lease or not at all, also one that it did not answer. Where one of them fails, the two may differ; then the
vendor refuses the user's logins until somebody provisions him again, which always makes them agree.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from token_issuer import transport
from token_issuer.crypto import Secret, SecretParts, TokenText, generating
from token_issuer.errors import BadOption, Conflict, FieldError, NoActiveCertificate, VendorUnavailable
from token_issuer.models import Certificate, VendorAccount
from token_issuer.providers.called import CallOrder, Provisioned, Provisioner
from token_issuer.registry import get_provider
from token_issuer.services import auditing, calling, naming, proving
from token_issuer.services.deciding import options_of
from token_issuer.services.opening import opened_secret, seal_proof, signing_key
from token_issuer.services.transactions import durable, require_no_transaction, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.providers.called import VendorRequest
    from token_issuer.services.callers import Caller

PURPOSE: Final = "call"
ASKING: Final = 2 * transport.DEADLINE  # seconds: he is asked to make the user, and then perhaps to change him
# After these the vendor has done nothing. Every other failure leaves that open.
_UNDONE: Final = frozenset({"refused", "unreachable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One new password on its way. ``earlier_*`` is the pending proof that this one takes the place of."""

    account: VendorAccount
    provider: Any  # a Provisioner that is a Provider
    order: CallOrder
    password: TokenText = field(repr=False)
    until: float  # by this process's monotonic clock
    earlier_secret: bytes | None = field(default=None, repr=False)
    earlier_at: datetime | None = None

    @property
    def subject(self) -> str:
        return self.account.subject or ""

    @property
    def proof(self) -> Secret:
        parts = SecretParts({self.provider.password_field: self.password.reveal()})
        return Secret(**self.provider.account_proof(self.subject, parts))

    @property
    def is_known(self) -> bool:
        """Whether the vendor has probably got this user."""
        return self.account.sealed_secret is not None or self.account.pending_secret is not None

    def request(self, *, create: bool) -> VendorRequest:
        """Return what is sent, once: a repetition's "no" would hide that the first was carried out."""
        made: VendorRequest = self.provider.provision_request(
            self.order, subject=self.subject, password=self.password.reveal(), create=create
        )
        return replace(made, repeatable=False)


def provision(
    caller: Caller,
    application: Application,
    user: Any,  # noqa: ANN401  the site's own user model
    *,
    at: datetime,
    subject: str = "",
) -> VendorAccount:
    """Give the user a new random password at the vendor, who makes him if he is not there; keep its proof only.

    Without ``subject`` he keeps the name he has, or gets the one that the provider's pattern says. May be run again
    at any time. A user of this name whom the vendor has already gets the new password. Who has a name already is not
    renamed: a vendor's no would come after what he had is gone.

    Raises:
        BadOption: "application", whose provider makes no users; "subject", for a name that cannot be his, or is not
            his (``naming.given``).
        NoActiveCertificate: the application has nothing to call the vendor with.
        Conflict: a password is being set for him at this moment, or his account was changed meanwhile.
        VendorUnavailable: the vendor did not say yes; one event says so. ``refused`` and ``unreachable`` have changed
            nothing, but a name that he had not had before stays his; after anything else he may have either password at
            the vendor, and this wants to be run again.
        NotAuthenticated, NotFound: the user, or the application, is gone.
        OpenTransaction: inside a transaction.
    """
    require_no_transaction()
    provider = provisioner_of(application)
    options = options_of(application, provider)
    certificate = certificate_of(application)
    subject = naming.chosen(application, user, subject)
    with opened_secret(certificate, provider) as secret:
        account = naming.given(caller, application, user, subject=subject, at=at)
        attempt = _Attempt(
            account=account,
            provider=provider,
            order=CallOrder(
                public_id=application.public_id,
                options=options,
                at=at,
                entropy=os.urandom(32),
                secret=secret,
                signing_key=signing_key(certificate, provider, secret),
            ),
            password=generating.new_password(),
            until=time.monotonic() + ASKING,
            earlier_secret=None if account.pending_secret is None else bytes(account.pending_secret),
            earlier_at=account.pending_at,
        )
        attempt.request(create=not attempt.is_known)  # what cannot even be written changes nothing
        retrying(lambda: _pend(attempt, at=at))
        _ask(caller, attempt, at=at)
    return retrying(lambda: _promote(caller, attempt, at=at))


def provisioner_of(application: Application) -> Any:  # noqa: ANN401  a Provisioner that is a Provider
    """Return the application's provider; BadOption("application") for one that makes no users at its vendor."""
    provider = get_provider(application.provider)
    if not isinstance(provider, Provisioner):
        raise BadOption("application", f"{provider.label} makes no users at the vendor")
    return provider


def certificate_of(application: Application) -> Certificate:
    """Return what the application calls its vendor with.

    Raises:
        NoActiveCertificate: there is none.
    """
    rows = Certificate.objects.using(write_alias()).filter(application=application, purpose=PURPOSE)
    found = rows.active().first()
    if found is None:
        raise NoActiveCertificate(PURPOSE)
    return found


def _pend(attempt: _Attempt, *, at: datetime) -> None:
    """Commit the proof as pending, in the place of what was seen there.

    Raises:
        Conflict: somebody has the account, or it was changed since it was read.
    """
    account = attempt.account
    if attempt.earlier_at is not None and attempt.earlier_at > at - naming.LEASE:
        raise naming.being_set(account, at=at)
    rows = VendorAccount.objects.using(write_alias()).filter(pk=account.pk)
    seen = (
        rows.filter(pending_at__isnull=True)
        if attempt.earlier_at is None
        else rows.filter(pending_at=attempt.earlier_at)
    )
    sealed = seal_proof(attempt.proof.parts, row=account.pk)
    with durable():
        # Together with the UPDATE's lock nobody renames him until the commit. MariaDB compares names loosely, so the
        # comparison that counts is Python's.
        if seen.update(pending_secret=sealed, pending_at=at) != 1:
            raise naming.being_set(account, at=at)
        if rows.values_list("subject", flat=True).get() != attempt.subject:
            raise _changed()


def _ask(caller: Caller, attempt: _Attempt, *, at: datetime) -> None:
    try:
        _have_it_set(attempt)
    except VendorUnavailable as error:
        if error.reason in _UNDONE:
            retrying(lambda: _take_back(attempt, at=at))
        auditing.vendor_failed(caller, attempt.account.application, error, at=at)
        raise
    except (FieldError, ImproperlyConfigured):
        # It could not be asked: no httpx, no safe address, or a name that it makes no new user of.
        retrying(lambda: _take_back(attempt, at=at))
        raise


def _have_it_set(attempt: _Attempt) -> None:
    """Return after the vendor's yes."""
    create = not attempt.is_known
    said = _answer(attempt, create=create)
    if said is (Provisioned.EXISTS if create else Provisioned.ABSENT):
        said = _answer(attempt, create=not create)
    if said is not Provisioned.DONE:
        message = "The vendor says that there is this user, and that there is none."
        raise VendorUnavailable(message, reason="refused")


def _answer(attempt: _Attempt, *, create: bool) -> Provisioned:
    left = attempt.until - time.monotonic()
    if left <= 0:
        message = "There was no time left to ask the vendor in."
        raise VendorUnavailable(message, reason="unreachable")
    said: Provisioned = calling.asked(
        attempt.request(create=create),
        attempt.provider.read_provisioned,
        application=attempt.account.application,
        deadline=min(left, transport.DEADLINE),
    )
    return said


def _take_back(attempt: _Attempt, *, at: datetime) -> None:
    """Put back what was pending before: nothing has happened at the vendor. What was forgotten stays forgotten."""
    with durable():
        rows = _pending(attempt, at=at)
        wanted = rows.filter(pending_secret__isnull=False)
        if not wanted.update(pending_secret=attempt.earlier_secret, pending_at=attempt.earlier_at):
            rows.update(pending_at=attempt.earlier_at)


def _promote(caller: Caller, attempt: _Attempt, *, at: datetime) -> VendorAccount:
    """Make the pending proof the current one.

    Raises:
        Conflict: it is not the pending one any more.
    """
    account = attempt.account
    with durable():
        # The bytes move as they are, also when they were resealed meanwhile. MariaDB reads from left to right.
        moved = (
            _pending(attempt, at=at)
            .filter(pending_secret__isnull=False)
            .update(sealed_secret=F("pending_secret"), proved_at=at, pending_secret=None, pending_at=None)
        )
        if moved != 1:
            raise _changed()
        proving.record(caller, account, at=at, provisioned=True)
    account.refresh_from_db(using=write_alias())
    return account


def _pending(attempt: _Attempt, *, at: datetime) -> Any:  # noqa: ANN401  a queryset
    """The row as long as its pending proof is this attempt's: ``pending_at`` names it, a lease apart from others."""
    return VendorAccount.objects.using(write_alias()).filter(pk=attempt.account.pk, pending_at=at)


def _changed() -> Conflict:
    return Conflict("The account was changed while its password was being set at the vendor; provision it again.")
