"""Choosing a user's name at the vendor.

A proof speaks for one name only, and so do the vendor's tokens that are kept for him: they go when the name changes.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, connections
from django.db.models import Q

from token_issuer.errors import BadOption, Conflict, NotAuthenticated
from token_issuer.models import Application, AuditKind, EpochKind, VendorAccount, VendorPair, epoch_key
from token_issuer.policy import BadPattern, render
from token_issuer.providers.called import AccountProver
from token_issuer.registry import get_provider
from token_issuer.services import auditing
from token_issuer.services.accounts import LONGEST_SUBJECT
from token_issuer.services.deciding import options_of
from token_issuer.services.transactions import durable, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from token_issuer.services.callers import Caller

LEASE: Final = timedelta(seconds=30)
"""How long a password that is being set at the vendor (``provisioning``) keeps everybody else from the account."""


def name(caller: Caller, application: Application, user: Any, *, subject: str | None, at: datetime) -> VendorAccount:  # noqa: ANN401  the site's own user model
    """Set what the user is called at the vendor, None for what the pattern says; his account is made if there is none.

    Idempotent. Another name than before ends the proof of the one before, and deletes the pairs that were kept for him.

    Raises:
        BadOption: "subject", for a name that cannot be his.
        Conflict: a password is being set for him at the vendor.
        NotAuthenticated, NotFound: the user, or the application, is gone.
    """
    if subject is not None:
        check(application, subject)
    wanted = VendorAccount(application=application, user_id=user.pk, subject=subject)
    return written(lambda: _name(caller, application, user, subject=subject, at=at), wanted)


def given(caller: Caller, application: Application, user: Any, *, subject: str, at: datetime) -> VendorAccount:  # noqa: ANN401
    """Return the user's account under this name, which he is given where that costs him nothing.

    For work that may fail afterwards: nothing that he has had goes with the name.

    Raises:
        BadOption: "subject": he is called otherwise, or tokens of the vendor's are kept for him; or it cannot be his.
        Conflict, NotAuthenticated, NotFound: as ``name``.
    """
    check(application, subject)
    wanted = VendorAccount(application=application, user_id=user.pk, subject=subject)

    def work() -> VendorAccount:
        account = row_for(application, user, at=at)
        if account.subject not in {None, subject}:
            raise BadOption(
                "subject", "is not what he is called at this vendor: rename him first, which ends his proof"
            )
        if account.subject is None and _pairs(account).exists():
            raise BadOption("subject", "must be given to him first: that deletes the vendor's tokens kept for him")
        return _put_name(caller, account, subject=subject, at=at)

    return written(work, wanted)


def check(application: Application, subject: str) -> None:
    """Raise BadOption("subject") for a text that cannot be a user's name at this application's vendor."""
    provider = get_provider(application.provider)
    if provider.subject_kind(options_of(application, provider)) == "integer":
        raise BadOption("subject", "this application names its users by number")
    if not subject:
        raise BadOption("subject", "is required")
    if ":" in subject:
        raise BadOption("subject", "must not contain a colon: that would be somebody's second device")
    if not subject.isprintable():
        raise BadOption("subject", "must not contain control characters")
    if len(subject) > LONGEST_SUBJECT:
        raise BadOption("subject", f"must be at most {LONGEST_SUBJECT} characters")
    if isinstance(provider, AccountProver):
        provider.check_account(subject)


def chosen(application: Application, user: Any, subject: str) -> str:  # noqa: ANN401
    """Return the name that was given; else the one he has; else what the provider's pattern says. It is checked.

    Raises:
        BadOption: "subject": there is none, or it cannot be his.
    """
    text = subject or _has(application, user) or _rendered(application, user)
    check(application, text)
    return text


def account_of(application: Application, user: Any) -> VendorAccount | None:  # noqa: ANN401
    """Return the user's account at this application's vendor, or None."""
    rows = VendorAccount.objects.using(write_alias()).filter(application=application, user_id=user.pk)
    return rows.select_related("application").first()


def row_for(application: Application, user: Any, *, at: datetime) -> VendorAccount:  # noqa: ANN401
    """Return his account, held until the caller's transaction ends, and made if there is none."""
    found = _held(application, user)
    if found is not None:
        return found
    fresh = VendorAccount(
        application=application, user_id=user.pk, principal_key=epoch_key(EpochKind.USER, user.pk), created_at=at
    )
    # Somebody may be making it at this moment: one row is kept.
    VendorAccount.objects.using(write_alias()).bulk_create([fresh], ignore_conflicts=True)
    made = _held(application, user)
    if made is None:
        # MariaDB leaves out, and says nothing of, a row whose user is gone.
        msg = "This account is gone."
        raise NotAuthenticated(msg)
    return made


def _held(application: Application, user: Any) -> VendorAccount | None:  # noqa: ANN401
    # Held, so that its name is still this one when the caller has decided by it.
    rows = VendorAccount.objects.using(write_alias()).filter(application=application, user_id=user.pk)
    found = rows.select_for_update().first()
    if found is not None:
        found.application = application
    return found


def put(caller: Caller, account: VendorAccount, *, at: datetime, subject: str | None, **columns: object) -> None:
    """Change an account of ``row_for`` inside the caller's transaction, unless a password is being set for it.

    Another name deletes the pairs that were kept for its user: they are of the one before.

    Raises:
        Conflict: a password is being set.
    """
    is_renamed = subject != account.subject
    columns["subject"] = subject
    settled = Q(pending_at__isnull=True) | Q(pending_at__lte=at - LEASE)
    if VendorAccount.objects.using(write_alias()).filter(settled, pk=account.pk).update(**columns) != 1:
        raise being_set(account, at=at)
    for column, value in columns.items():
        setattr(account, column, value)
    if is_renamed:
        _disconnect(caller, account, at=at)


def _disconnect(caller: Caller, account: VendorAccount, *, at: datetime) -> None:
    pairs = _pairs(account)
    for pair in list(pairs.only("device")):
        if pairs.filter(pk=pair.pk)._raw_delete(write_alias()):
            detail = {"device": pair.device, "of": str(account.user_id), "account": str(account.pk)}
            auditing.record(AuditKind.PAIR_FORGOTTEN, caller, at=at, application=account.application, detail=detail)


def _pairs(account: VendorAccount) -> Any:  # noqa: ANN401  a queryset
    rows = VendorPair.objects.using(write_alias())
    return rows.filter(application_id=account.application_id, principal_key=account.principal_key)


def being_set(account: VendorAccount, *, at: datetime) -> Conflict:
    """Return the refusal of a second one while a password is being set at the vendor."""
    since = (
        VendorAccount.objects.using(write_alias()).filter(pk=account.pk).values_list("pending_at", flat=True).first()
    )
    left = math.ceil((since + LEASE - at).total_seconds()) if since is not None else 0
    return Conflict(f"A password for this account is being set at the vendor; try again in {max(left, 1)} s.")


def written(work: Callable[[], VendorAccount], wanted: VendorAccount) -> VendorAccount:
    """Return ``work()``, done in one durable transaction. ``wanted`` says for whom, where, and under which name.

    Raises:
        BadOption: "subject": somebody else has this name, here or at another application that is the same one there.
        NotAuthenticated, NotFound: the user, or the application, is gone.
    """

    def in_one() -> VendorAccount:
        with durable():
            _require_free(wanted)
            return work()

    with refusing_the_vanished(wanted):
        try:
            return retrying(in_one)
        except IntegrityError as error:
            named = VendorAccount.objects.using(write_alias()).filter(
                application_id=wanted.application_id, subject=wanted.subject
            )
            if all(other.user_id == wanted.user_id for other in named):
                raise
            raise _taken() from error


def _require_free(wanted: VendorAccount) -> None:
    """Refuse a name that somebody else has at another row of this application of the vendor's: he is one user there."""
    twins = _twins(wanted.application) if wanted.subject is not None else []
    if not twins:
        return
    # No constraint spans applications: whoever names somebody at one of them holds them all. Tokens that are recorded
    # for them meanwhile need not wait, where the engine can tell the difference. MariaDB compares texts loosely.
    alias = write_alias()
    no_key = connections[alias].features.has_select_for_no_key_update
    list(Application.objects.using(alias).filter(pk__in=twins).order_by("pk").select_for_update(no_key=no_key))
    named = VendorAccount.objects.using(alias).filter(application_id__in=twins, subject=wanted.subject)
    for other in named.exclude(application_id=wanted.application_id).select_for_update():
        if other.subject == wanted.subject and other.user_id != wanted.user_id:
            raise _taken()


def _twins(application: Application) -> list[Any]:
    """Return the rows, this one too, that are one application at the vendor; none where it is the only one."""
    rows = Application.objects.using(write_alias()).filter(
        provider=application.provider, public_id=application.public_id
    )
    found = [row.pk for row in rows.only("public_id") if row.public_id == application.public_id]
    return found if len(found) > 1 else []


def _taken() -> BadOption:
    return BadOption("subject", "is somebody else's name at this vendor")


def _name(caller: Caller, application: Application, user: Any, *, subject: str | None, at: datetime) -> VendorAccount:  # noqa: ANN401
    return _put_name(caller, row_for(application, user, at=at), subject=subject, at=at)


def _put_name(caller: Caller, account: VendorAccount, *, subject: str | None, at: datetime) -> VendorAccount:
    if account.subject == subject:
        return account
    nothing = {"sealed_secret": None, "proved_at": None, "pending_secret": None, "pending_at": None}
    put(caller, account, at=at, subject=subject, **nothing)
    auditing.record(
        AuditKind.ACCOUNT_CHANGED, caller, at=at, application=account.application, detail={"account": str(account.pk)}
    )
    return account


def _has(application: Application, user: Any) -> str:  # noqa: ANN401
    account = account_of(application, user)
    return (account.subject or "") if account is not None else ""


def _rendered(application: Application, user: Any) -> str:  # noqa: ANN401
    provider = get_provider(application.provider)
    pattern = provider.subject_pattern(options_of(application, provider))
    try:
        return render(pattern, {"user.pk": str(user.pk)})
    except BadPattern as error:
        raise BadOption("subject", f"must be given: {error}") from error
