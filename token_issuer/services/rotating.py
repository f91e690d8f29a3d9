"""A certificate's life: staged → active → retiring → retired, or revoked. Each step is one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from django.db import IntegrityError
from django.db.models import F

from token_issuer import signals
from token_issuer.crypto import Secret, SecretParts, digests, references
from token_issuer.errors import BadOption, Conflict
from token_issuer.ids import uuid7
from token_issuer.models import Application, AuditKind, Certificate, EpochKind, epoch_key
from token_issuer.registry import get_provider
from token_issuer.services import auditing
from token_issuer.services.callers import clean
from token_issuer.services.drafts import check_secret
from token_issuer.services.opening import seal_secret
from token_issuer.services.revoking import LONGEST_REASON, raise_epoch
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models.certificate import CertificateQuerySet
    from token_issuer.services.callers import Caller

Result = TypeVar("Result")


def stage(
    caller: Caller,
    application: Application,
    *,
    secret: Mapping[str, str],
    at: datetime,
    purpose: str = "sign",
    reference: str = "",
) -> Certificate:
    """Store a new certificate that does not sign yet.

    Raises:
        BadOption: the secret does not fit the provider, or is one the application has or had revoked; the message
            never quotes it.
    """
    secret = SecretParts(secret)  # what an error reporter would print of this frame
    if not reference:
        check_secret(get_provider(application.provider), purpose, secret)

    def work() -> Certificate:
        with durable():
            return new_certificate(caller, application, purpose=purpose, secret=secret, reference=reference, at=at)

    certificate = retrying(work)
    _changed(caller, certificate, "staged", at=at)
    return certificate


def new_certificate(
    caller: Caller, application: Application, *, purpose: str, secret: Mapping[str, str], reference: str, at: datetime
) -> Certificate:
    """Insert a staged certificate inside the caller's transaction; the secret is sealed to its row."""
    row_id = uuid7()
    if reference:
        provider = get_provider(application.provider)
        names = tuple(part.name for part in provider.secret_fields[purpose])
        secret = references.resolve(reference, names).parts
        check_secret(provider, purpose, secret)
    fingerprint = digests.fingerprint(Secret(**secret))
    _refuse_known(application, purpose, fingerprint, field=next(iter(secret)))
    certificate = Certificate.objects.using(write_alias()).create(
        id=row_id,
        application=application,
        purpose=purpose,
        key_id=str(row_id),
        sealed_secret=None if reference else seal_secret(secret, row=row_id),
        reference=reference,
        fingerprint=fingerprint,
        created_at=at,
        created_by_id=caller.user_id,
    )
    _record(AuditKind.CERTIFICATE_STAGED, caller, certificate, at=at)
    return certificate


def _refuse_known(application: Application, purpose: str, fingerprint: str, *, field: str) -> None:
    """A revoked secret must not come back; one in use needs no second row. A retired one may return."""
    rows = Certificate.objects.using(write_alias()).filter(application=application, purpose=purpose)
    for row in rows.filter(fingerprint=fingerprint, retired_at__isnull=True):
        raise BadOption(field, f"is the secret of a certificate that this application has already ({row.state.value})")


def activate(caller: Caller, certificate: Certificate, *, at: datetime) -> None:
    """Let a staged certificate sign; the one that did retires in the same transaction, first.

    Raises:
        Conflict: it is not staged any more, or another one was activated at the same moment.
    """

    def work() -> None:
        with durable():
            # Retire first: between the two statements there may be none active, never two.
            _signing(certificate).update(retiring_at=at)
            _step(certificate, {"activated_at__isnull": True, "revoked_at__isnull": True}, activated_at=at)
            _touch(certificate)
            _record(AuditKind.CERTIFICATE_ACTIVATED, caller, certificate, at=at)

    _activating(work)
    _changed(caller, certificate, "activated", at=at)


def retire(caller: Caller, certificate: Certificate, *, at: datetime) -> None:
    """Stop honouring a retiring certificate. Tokens made with it are refused from now on.

    Raises:
        Conflict: it is not retiring.
    """

    def work() -> None:
        with durable():
            wanted = {"retiring_at__isnull": False, "retired_at__isnull": True, "revoked_at__isnull": True}
            _step(certificate, wanted, retired_at=at)
            _record(AuditKind.CERTIFICATE_RETIRED, caller, certificate, at=at)

    retrying(work)
    _changed(caller, certificate, "retired", at=at)


def revoke(caller: Caller, certificate: Certificate, *, reason: str, at: datetime) -> None:
    """End a leaked certificate and every token made with it, in one transaction.

    Raises:
        Conflict: it was revoked before.
    """

    def work() -> None:
        with durable():
            _revoke(caller, certificate, reason=clean(reason, LONGEST_REASON), at=at)

    retrying(work)
    _changed(caller, certificate, "revoked", at=at)


def replace(
    caller: Caller,
    certificate: Certificate,
    *,
    secret: Mapping[str, str],
    reason: str,
    at: datetime,
    reference: str = "",
) -> Certificate:
    """Take a new secret because the old one leaked: revoke, stage and activate in one transaction.

    Raises:
        BadOption: the new secret does not fit, or is the old one.
        Conflict: the certificate was revoked before, or another one was activated at the same moment; nothing changed.
    """
    application = certificate.application
    secret = SecretParts(secret)  # as in stage
    if not reference:
        check_secret(get_provider(application.provider), certificate.purpose, secret)

    def work() -> Certificate:
        with durable():
            _revoke(caller, certificate, reason=clean(reason, LONGEST_REASON), at=at)
            # Whatever still signs gives way: the caller asked for this secret to be the one.
            _signing(certificate).update(retiring_at=at)
            fresh = new_certificate(
                caller, application, purpose=certificate.purpose, secret=secret, reference=reference, at=at
            )
            _step(fresh, {}, activated_at=at)
            _record(AuditKind.CERTIFICATE_ACTIVATED, caller, fresh, at=at)
            return fresh

    fresh = _activating(work)
    _changed(caller, certificate, "revoked", at=at)
    _changed(caller, fresh, "activated", at=at)
    return fresh


def _activating(work: Callable[[], Result]) -> Result:
    """Return ``work()``; that the database allows one active certificate only is a conflict of two people."""
    try:
        return retrying(work)
    except IntegrityError as error:
        msg = "Another certificate was activated at the same moment."
        raise Conflict(msg) from error


def _revoke(caller: Caller, certificate: Certificate, *, reason: str, at: datetime) -> None:
    _step(certificate, {"revoked_at__isnull": True}, revoked_at=at, reason=reason)
    raise_epoch(EpochKind.CERTIFICATE, epoch_key(EpochKind.CERTIFICATE, certificate.pk), at=at)
    _touch(certificate)
    _record(AuditKind.CERTIFICATE_REVOKED, caller, certificate, at=at, reason=reason)


def _signing(certificate: Certificate) -> CertificateQuerySet:
    """The one that signs now for the same purpose."""
    rows = Certificate.objects.using(write_alias())
    return rows.filter(application_id=certificate.application_id, purpose=certificate.purpose).active()


def _step(certificate: Certificate, wanted: Mapping[str, bool], **changes: object) -> None:
    rows = Certificate.objects.using(write_alias()).filter(pk=certificate.pk, **wanted)
    if rows.update(**changes) != 1:
        msg = "The certificate is not in a state that allows this; somebody else may have changed it."
        raise Conflict(msg)
    for name, value in changes.items():
        setattr(certificate, name, value)


def _touch(certificate: Certificate) -> None:
    applications = Application.objects.using(write_alias()).filter(pk=certificate.application_id)
    applications.update(config_version=F("config_version") + 1)


def _record(kind: AuditKind, caller: Caller, certificate: Certificate, *, at: datetime, reason: str = "") -> None:
    detail = {"fingerprint": certificate.fingerprint, "purpose": certificate.purpose}
    if reason:
        detail["reason"] = reason
    auditing.record(kind, caller, at=at, application=certificate.application, detail=detail)


def _changed(caller: Caller, certificate: Certificate, change: str, *, at: datetime) -> None:
    signals.certificate_changed.send_robust(
        sender=Certificate,
        certificate=certificate,
        application=certificate.application,
        change=change,
        changed_by=caller.person,
        at=at,
    )
