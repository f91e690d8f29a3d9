"""A Django user's identity at a vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object

# number * 16 + slot stays below 2**31: some SDKs read the top bit as a sign.
LARGEST_NUMBER = 2**27 - 1


class VendorAccount(models.Model):
    """Who a user is at the vendor: an allocated number, or a text that an administrator chose.

    The row outlives its user, so a number is never given to somebody else.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, verbose_name=_("application"), on_delete=models.PROTECT, related_name="accounts"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    principal_key = models.UUIDField(editable=False)
    # NULL, not "": several people without a chosen text must not collide in the unique constraint.
    subject = models.CharField(_("subject"), max_length=255, null=True, blank=True)  # noqa: DJ001
    number = models.PositiveIntegerField(_("number"), null=True, editable=False)
    # What logs its user in at the vendor (``AccountProver``); never the password it was made from.
    sealed_secret = models.BinaryField(null=True, editable=False)
    proved_at = models.DateTimeField(_("proof set at"), null=True, editable=False)
    # Committed before the vendor is asked to set it, current after its yes. Sealed under the same field's label, so
    # that it moves as it is. ``pending_at`` alone: what was being set is not wanted any more.
    pending_secret = models.BinaryField(null=True, editable=False)
    pending_at = models.DateTimeField(_("proof pending since"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    class Meta(TypedModelMeta):
        verbose_name = _("vendor account")
        verbose_name_plural = _("vendor accounts")
        indexes: ClassVar[list[models.Index]] = [
            # The unique constraint's is in the order of the database's collation, which no range may rely on.
            models.Index(
                fields=["application", "subject"],
                name="token_issuer_account_subject",
                opclasses=["uuid_ops", "varchar_pattern_ops"],
            )
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["application", "user"], name="one_vendor_account_per_user"),
            models.UniqueConstraint(fields=["application", "number"], name="vendor_account_number_is_never_shared"),
            models.UniqueConstraint(fields=["application", "subject"], name="vendor_account_subject_is_never_shared"),
            models.CheckConstraint(
                condition=Q(subject__isnull=False) | Q(sealed_secret__isnull=True, pending_secret__isnull=True),
                name="vendor_account_with_a_proof_has_a_name",
            ),
            models.CheckConstraint(
                condition=Q(number__isnull=True) | Q(number__gte=1, number__lte=LARGEST_NUMBER),
                name="vendor_account_number_fits_27_bits",
            ),
        ]

    def __str__(self) -> str:
        return self.subject or (f"number {self.number}" if self.number else "unnamed")
