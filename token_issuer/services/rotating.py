"""A certificate's life: staged → active → retiring → retired, or revoked. Each step is one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from django.db import IntegrityError
from django.db.models import F

from token_issuer import signals
from token_issuer.crypto import Secret, SecretParts, digests, public_jwks, references, signing_keys
from token_issuer.errors import BadOption, Conflict
from token_issuer.ids import uuid7
from token_issuer.models import Application, AuditKind, Certificate, EpochKind, IssuedToken, epoch_key
from token_issuer.registry import get_provider
from token_issuer.services import auditing, forgetting
from token_issuer.services.callers import clean
from token_issuer.services.drafts import check_secret
from token_issuer.services.opening import seal_secret
from token_issuer.services.outbox import Outbox
from token_issuer.services.pushing import Patience, push_first
from token_issuer.services.revoking import LONGEST_REASON, live_among, raise_epoch
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models.certificate import CertificateQuerySet
    from token_issuer.providers.base import Provider
    from token_issuer.services.callers import Caller

Result = TypeVar("Result")

_STAGED: Final = {"activated_at__isnull": True, "revoked_at__isnull": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a certificate is made of: a secret's parts, or where they are kept; neither where we make the secret."""

    purpose: str = "sign"
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    reference: str = ""
    algorithm: str = ""


def stage(
    caller: Caller,
    application: Application,
    *,
    secret: Mapping[str, str],
    at: datetime,
    purpose: str = "sign",
    reference: str = "",
    algorithm: str = "",
) -> Certificate:
    """Store a new certificate that does not sign yet. What it signs with is made here where nobody has to paste one.

    ``algorithm`` is for providers that have several: that of the one that signs now, when it is left out.

    Raises:
        BadOption: the secret does not fit the provider, or is one the application has or had revoked; the message
            never quotes it.
    """
    secret = SecretParts(secret)  # what an error reporter would print of this frame
    if not reference:
        check_secret(get_provider(application.provider), purpose, secret)
    material = Material(purpose=purpose, secret=secret, reference=reference, algorithm=algorithm)

    def work() -> Certificate:
        with durable():
            return new_certificate(caller, application, material, at=at)

    certificate = retrying(work)
    _changed(caller, certificate, "staged", at=at)
    return certificate


def new_certificate(caller: Caller, application: Application, material: Material, *, at: datetime) -> Certificate:
    """Insert a staged certificate inside the caller's transaction; the secret is sealed to its row."""
    row_id, provider = uuid7(), get_provider(application.provider)
    algorithm = algorithm_of(application, provider, material)
    secret = _secret(provider, material, algorithm)
    fingerprint = digests.fingerprint(Secret(**secret))
    _refuse_known(application, material.purpose, fingerprint, field=next(iter(secret)))
    certificate = Certificate.objects.using(write_alias()).create(
        id=row_id,
        application=application,
        purpose=material.purpose,
        key_id=str(row_id),
        algorithm=algorithm,
        public_jwk=_public_jwk(provider, secret, algorithm=algorithm, key_id=str(row_id)),
        sealed_secret=None if material.reference else seal_secret(secret, row=row_id),
        reference=material.reference,
        fingerprint=fingerprint,
        created_at=at,
        created_by_id=caller.user_id,
    )
    _record(AuditKind.CERTIFICATE_STAGED, caller, certificate, at=at)
    return certificate


def algorithm_of(application: Application, provider: Provider, material: Material) -> str:
    """Return what the certificate signs with; empty where the format knows one way only."""
    known = provider.algorithms if material.purpose == "sign" else ()
    if not known and not material.algorithm:
        return ""
    if material.algorithm and material.algorithm not in known:
        raise BadOption("algorithm", f"must be one of: {', '.join(known)}" if known else "is fixed for this provider")
    rows = Certificate.objects.using(write_alias()).filter(application=application, purpose=material.purpose)
    return material.algorithm or rows.active().values_list("algorithm", flat=True).first() or known[0]


def _secret(provider: Provider, material: Material, algorithm: str) -> Mapping[str, str]:
    """Return the parts: those that were handed in, those that a reference leads to, or new ones."""
    if material.reference:
        names = tuple(part.name for part in provider.secret_fields[material.purpose])
        secret = references.resolve(material.reference, names).parts
        check_secret(provider, material.purpose, secret)
        return secret
    if material.secret or not provider.generates:
        return material.secret
    return SecretParts(signing_keys.new_secret(algorithm, part=provider.signing_part))


def _public_jwk(provider: Provider, secret: Mapping[str, str], *, algorithm: str, key_id: str) -> dict[str, str] | None:
    """Return the half that may be published, None where there is none; BadOption when the secret is no such key."""
    if not algorithm:
        return None
    key = signing_keys.signing_key(Secret(**secret), part=provider.signing_part, algorithm=algorithm, key_id=key_id)
    return public_jwks.public_jwk(key)


def _refuse_known(application: Application, purpose: str, fingerprint: str, *, field: str) -> None:
    """A revoked secret must not come back; one in use needs no second row. A retired one may return."""
    rows = Certificate.objects.using(write_alias()).filter(application=application, purpose=purpose)
    for row in rows.filter(fingerprint=fingerprint, retired_at__isnull=True):
        raise BadOption(field, f"is the secret of a certificate that this application has already ({row.state.value})")


def _refuse_leaked(certificate: Certificate) -> None:
    """Refuse a staged one whose secret has been revoked meanwhile, as that of another row."""
    rows = Certificate.objects.using(write_alias()).filter(**_beside(certificate), revoked_at__isnull=False)
    if rows.filter(fingerprint=certificate.fingerprint).exclude(pk=certificate.pk).exists():
        msg = "A certificate with this very secret was revoked: stage another secret."
        raise Conflict(msg)


def activate(caller: Caller, certificate: Certificate, *, at: datetime) -> None:
    """Let a staged certificate sign; the one that did retires in the same transaction, first.

    Raises:
        Conflict: it is not staged any more, or another one was activated at the same moment; or its secret is that of
            a certificate that was revoked since.
    """

    def work() -> None:
        with durable():
            _refuse_leaked(certificate)
            # Retire first: between the two statements there may be none active, never two.
            _signing(certificate).update(retiring_at=at)
            _step(certificate, _STAGED, activated_at=at)
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
    forgetting.distrust()
    _changed(caller, certificate, "retired", at=at)


def revoke(caller: Caller, certificate: Certificate, *, reason: str, at: datetime) -> None:
    """End a leaked certificate and every token made with it, in one transaction.

    Raises:
        Conflict: it was revoked before.
    """
    box = Outbox(for_all=True)

    def work() -> None:
        with durable():
            _revoke(caller, certificate, box, reason=clean(reason, LONGEST_REASON), at=at)

    retrying(work)
    _changed(caller, certificate, "revoked", at=at)
    push_first(box.ids, caller, at=at, patience=Patience())


def replace(
    caller: Caller,
    certificate: Certificate,
    *,
    secret: Mapping[str, str],
    reason: str,
    at: datetime,
    reference: str = "",
    algorithm: str = "",
    staged: Certificate | None = None,
) -> Certificate:
    """Take a new secret because the old one leaked: revoke, stage and activate in one transaction.

    ``staged`` is a certificate that was staged before, to be activated instead of a new secret.

    Raises:
        BadOption: the new secret does not fit, or is the old one.
        Conflict: the certificate was revoked before, or another one was activated at the same moment, or the staged
            one is not staged any more; nothing changed.
    """
    application = certificate.application
    secret = SecretParts(secret)  # as in stage
    if not reference and staged is None:
        check_secret(get_provider(application.provider), certificate.purpose, secret)
    material = Material(
        purpose=certificate.purpose,
        secret=secret,
        reference=reference,
        algorithm=algorithm or certificate.algorithm,
    )
    box = Outbox(for_all=True)

    def work() -> Certificate:
        with durable():
            _revoke(caller, certificate, box, reason=clean(reason, LONGEST_REASON), at=at)
            # Whatever still signs gives way: the caller asked for this secret to be the one.
            _signing(certificate).update(retiring_at=at)
            fresh = staged or new_certificate(caller, application, material, at=at)
            _refuse_leaked(fresh)
            _step(fresh, {**_STAGED, **_beside(certificate)}, activated_at=at)
            _record(AuditKind.CERTIFICATE_ACTIVATED, caller, fresh, at=at)
            return fresh

    fresh = _activating(work)
    _changed(caller, certificate, "revoked", at=at)
    _changed(caller, fresh, "activated", at=at)
    push_first(box.ids, caller, at=at, patience=Patience())
    return fresh


def _beside(certificate: Certificate) -> dict[str, object]:
    """What a certificate has in common with those that may take its place."""
    return {"application_id": certificate.application_id, "purpose": certificate.purpose}


def _activating(work: Callable[[], Result]) -> Result:
    """Return ``work()``; that the database allows one active certificate only is a conflict of two people."""
    try:
        return retrying(work)
    except IntegrityError as error:
        msg = "Another certificate was activated at the same moment."
        raise Conflict(msg) from error


def _revoke(caller: Caller, certificate: Certificate, box: Outbox, *, reason: str, at: datetime) -> None:
    _step(certificate, {"revoked_at__isnull": True}, revoked_at=at, reason=reason)
    made_with_it = IssuedToken.objects.using(write_alias()).filter(certificate=certificate)
    live = live_among(made_with_it, at=at)  # before the raise, after which none is
    raise_epoch(EpochKind.CERTIFICATE, epoch_key(EpochKind.CERTIFICATE, certificate.pk), at=at)
    box.write_ended(made_with_it, at=at, only=certificate.application)
    _touch(certificate)
    _record(AuditKind.CERTIFICATE_REVOKED, caller, certificate, at=at, reason=reason, live=live, **box.noted)


def _signing(certificate: Certificate) -> CertificateQuerySet:
    """The one that signs now for the same purpose."""
    return Certificate.objects.using(write_alias()).filter(**_beside(certificate)).active()


def _step(certificate: Certificate, wanted: Mapping[str, object], **changes: object) -> None:
    rows = Certificate.objects.using(write_alias()).filter(pk=certificate.pk, **wanted)
    if rows.update(**changes) != 1:
        msg = "The certificate is not in a state that allows this; somebody else may have changed it."
        raise Conflict(msg)
    for name, value in changes.items():
        setattr(certificate, name, value)


def _touch(certificate: Certificate) -> None:
    applications = Application.objects.using(write_alias()).filter(pk=certificate.application_id)
    applications.update(config_version=F("config_version") + 1)


def _record(
    kind: AuditKind, caller: Caller, certificate: Certificate, *, at: datetime, reason: str = "", **more: int
) -> None:
    detail = {"fingerprint": certificate.fingerprint, "purpose": certificate.purpose, **more}
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
