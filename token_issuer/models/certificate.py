"""What signs or calls for an application."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class CertificateState(enum.Enum):
    """Where a certificate is in its life; it answers what it may still do."""

    STAGED = "staged"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    REVOKED = "revoked"

    @property
    def may_sign(self) -> bool:
        """Whether new tokens are made with it."""
        return self is CertificateState.ACTIVE

    @property
    def may_verify(self) -> bool:
        """Whether tokens made with it are still good."""
        return self in {CertificateState.ACTIVE, CertificateState.RETIRING}


class CertificateQuerySet(models.QuerySet["Certificate"]):
    """Certificates by what they may do."""

    def active(self) -> CertificateQuerySet:
        """Those that sign."""
        return self.filter(active_slot=1)

    def verifying(self) -> CertificateQuerySet:
        """Those whose tokens are still good."""
        return self.filter(activated_at__isnull=False, retired_at__isnull=True, revoked_at__isnull=True)


class Certificate(models.Model):
    """A sealed secret, or a reference to one kept elsewhere. Its timestamps are its state."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, verbose_name=_("application"), on_delete=models.PROTECT, related_name="certificates"
    )
    purpose = models.CharField(_("purpose"), max_length=16, default="sign")
    key_id = models.CharField(_("key id"), max_length=64)
    algorithm = models.CharField(_("algorithm"), max_length=16, blank=True)
    sealed_secret = models.BinaryField(null=True, editable=False)
    reference = models.CharField(
        _("reference"), max_length=255, blank=True, help_text=_("env:NAME or file:/absolute/path, instead of a secret.")
    )
    public_jwk = models.JSONField(null=True, blank=True, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=16, editable=False)
    created_at = models.DateTimeField(_("staged at"), default=timezone.now, editable=False)
    activated_at = models.DateTimeField(_("activated at"), null=True, editable=False)
    retiring_at = models.DateTimeField(_("retiring since"), null=True, editable=False)
    retired_at = models.DateTimeField(_("retired at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    # 1 or NULL: a unique constraint over it holds on every engine, also on MariaDB, which does not
    # enforce conditional ones.
    active_slot = models.GeneratedField(
        expression=Case(
            When(
                activated_at__isnull=False,
                retiring_at__isnull=True,
                retired_at__isnull=True,
                revoked_at__isnull=True,
                then=1,
            ),
            default=None,
        ),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )

    objects = CertificateQuerySet.as_manager()

    class Meta(TypedModelMeta):
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering: ClassVar[list[str]] = ["-id"]
        permissions: ClassVar[list[tuple[str, Any]]] = [("rotate_certificate", "Can rotate certificates")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["fingerprint"], name="token_issuer_certificate_print")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["application", "purpose", "active_slot"], name="one_active_certificate_per_purpose"
            ),
            models.UniqueConstraint(fields=["application", "key_id"], name="one_certificate_per_key_id"),
            models.CheckConstraint(
                condition=Q(sealed_secret__isnull=False, reference="")
                | Q(sealed_secret__isnull=True) & ~Q(reference=""),
                name="certificate_has_a_secret_or_a_reference",
            ),
            models.CheckConstraint(
                condition=Q(retiring_at__isnull=True) | Q(activated_at__isnull=False),
                name="only_an_activated_certificate_retires",
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(activated_at__lte=F("retired_at")),
                name="certificate_retires_after_its_activation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.fingerprint}"

    @property
    def state(self) -> CertificateState:
        """Its place in staged → active → retiring → retired, or revoked."""
        if self.revoked_at is not None:
            return CertificateState.REVOKED
        if self.retired_at is not None:
            return CertificateState.RETIRED
        if self.retiring_at is not None:
            return CertificateState.RETIRING
        return CertificateState.ACTIVE if self.activated_at is not None else CertificateState.STAGED
