"""A vendor's own access and refresh token, kept for one user and device."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models import BigIntegerField, ExpressionWrapper, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.api_key import ApiKey
from token_issuer.models.application import Application
from token_issuer.models.revocation_epoch import EVERYTHING_KEY, SET_ENDED, SET_STILL_LIVE, epochs_now

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object

LONGEST_DEVICE = 64  # characters
_LONGEST_MARGIN: Final = timedelta(seconds=60)


class PairStanding(enum.Enum):
    """Whether a pair is good, and why not."""

    LIVE = "live"
    REFUSED = "refused"  # the vendor renews it no more
    REVOKED = "revoked"  # its user's, application's or depositing key's tokens were ended
    EXPIRED = "expired"


class VendorPairQuerySet(models.QuerySet["VendorPair"]):
    """Pairs with what is true of them now."""

    def with_epochs_now(self) -> VendorPairQuerySet:
        """Annotate ``epochs_now``: the sum that the pair's own ``epochs`` must still equal."""
        current = epochs_now(
            [OuterRef("principal_key"), OuterRef("application_id"), OuterRef("api_key_id"), EVERYTHING_KEY]
        )
        return self.annotate(epochs_now=ExpressionWrapper(current, output_field=BigIntegerField()))

    def standing_now(self, standing: PairStanding, at: datetime) -> VendorPairQuerySet:
        """Those that stand like this at this instant; the same as each row's ``standing``."""
        rows = self.with_epochs_now()
        if standing is PairStanding.REVOKED:
            return rows.filter(SET_ENDED)
        if standing is PairStanding.REFUSED:
            return rows.filter(SET_STILL_LIVE, refused_at__isnull=False)
        ending = Q(ends_at__gt=at) if standing is PairStanding.LIVE else Q(ends_at__lte=at)
        return rows.filter(ending, SET_STILL_LIVE, refused_at__isnull=True)


class VendorPair(models.Model):
    """Both texts are sealed; every change of them is a compare-and-set on ``version``.

    ``leased_until`` is set by the one worker that is renewing the pair; with a ``reason`` beside it, his vendor did not
    answer, and nobody asks before then. ``refused_at``: the vendor renews it no more, so its user has to connect again.
    ``created_at`` is when the pair was handed in that stands here now.
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
    api_key = models.ForeignKey(
        ApiKey,
        verbose_name=_("API key"),
        on_delete=models.PROTECT,
        null=True,
        related_name="pairs",
        help_text=_("The key that handed it in; ending the key's tokens ends the pair."),
    )
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

    objects = VendorPairQuerySet.as_manager()

    class Meta(TypedModelMeta):
        verbose_name = _("vendor pair")
        verbose_name_plural = _("vendor pairs")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("forget_vendorpair", "Can delete vendor pairs"),
            ("retry_vendorpair", "Can have vendors asked again about pairs that they refused"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["ends_at"], name="token_issuer_pair_end"),
            models.Index(fields=["refused_at"], name="token_issuer_pair_refused"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["application", "principal_key", "device_key"], name="one_vendor_pair_per_user_and_device"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="vendor_pair_versions_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"pair of {self.device or 'no device'}, version {self.version}"

    def standing(self, at: datetime) -> PairStanding:
        """How it stands at this instant; needs a row read ``with_epochs_now()``."""
        if self.epochs != getattr(self, "epochs_now", self.epochs):
            return PairStanding.REVOKED
        if self.refused_at is not None:
            return PairStanding.REFUSED
        return PairStanding.EXPIRED if at >= self.ends_at else PairStanding.LIVE

    def is_fresh(self, at: datetime) -> bool:
        """Whether the access token lives longer than the margin before which it is renewed.

        The margin is 60 seconds, or a tenth of its life where that is less.
        """
        life = self.access_expires_at - (self.renewed_at or self.created_at)
        return self.access_expires_at - at > min(_LONGEST_MARGIN, life / 10)
