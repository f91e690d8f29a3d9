"""A vendor's own access and refresh token, kept for one user and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

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

LONGEST_DEVICE = 64  # characters


class VendorPair(models.Model):
    """Both texts are sealed; every change is a compare-and-set on ``version``.

    ``leased_until`` is set by the one worker that is renewing the pair. ``refused_at``: the vendor renews it no more,
    so its user has to connect again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        related_name="pairs",
        db_index=False,  # the unique constraint's index serves
    )
    # The texts are of no use without him, so they go with him.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="+"
    )
    principal_key = models.UUIDField(editable=False)
    device = models.CharField(_("device"), max_length=LONGEST_DEVICE, blank=True)
    # Text compares loosely on MariaDB: named by the exact device.
    device_key = models.UUIDField(editable=False)
    sealed_access = models.BinaryField(editable=False)
    sealed_refresh = models.BinaryField(null=True, editable=False)
    access_expires_at = models.DateTimeField(_("access token expires at"))
    refresh_expires_at = models.DateTimeField(_("refresh token expires at"), null=True)
    # When the row is of no use any more, whatever the vendor says or leaves open.
    ends_at = models.DateTimeField(_("ends at"))
    version = models.PositiveIntegerField(_("version"), default=1)
    epochs = models.BigIntegerField(default=0, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    renewed_at = models.DateTimeField(_("renewed at"), null=True)
    refused_at = models.DateTimeField(_("refused at"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)

    class Meta(TypedModelMeta):
        verbose_name = _("vendor pair")
        verbose_name_plural = _("vendor pairs")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [("forget_vendorpair", "Can delete vendor pairs")]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["ends_at"], name="token_issuer_pair_end")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["application", "principal_key", "device_key"], name="one_vendor_pair_per_user_and_device"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="vendor_pair_versions_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"pair of {self.device or 'no device'}, version {self.version}"
