"""A login secret that works once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.api_key import ApiKey
from token_issuer.models.application import Application
from token_issuer.models.revocation_epoch import SET_ENDED, SET_STILL_LIVE
from token_issuer.models.standing import Standing
from token_issuer.models.token_family import owned_epochs

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class OneTimeKeyQuerySet(models.QuerySet["OneTimeKey"]):
    """Login keys with what is true of them now."""

    def with_epochs_now(self) -> OneTimeKeyQuerySet:
        """Annotate ``epochs_now``: the sum that the key's own ``epochs`` must still equal."""
        return self.annotate(epochs_now=ExpressionWrapper(owned_epochs(), output_field=BigIntegerField()))

    def standing_now(self, standing: Standing, at: datetime) -> OneTimeKeyQuerySet:
        """Those that stand like this at this instant; the same as each row's ``standing``."""
        if standing is Standing.CONSUMED:
            return self.with_epochs_now().filter(consumed_at__isnull=False)
        rows = self.with_epochs_now().filter(consumed_at__isnull=True)
        if standing is Standing.REVOKED:
            return rows.filter(Q(revoked_at__isnull=False) | SET_ENDED)
        ending = Q(expires_at__gt=at) if standing is Standing.LIVE else Q(expires_at__lte=at)
        return rows.filter(ending, SET_STILL_LIVE, revoked_at__isnull=True)


class OneTimeKey(models.Model):
    """What its holder may have once, decided when it was made; redeeming asks policy again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=16, editable=False)
    application = models.ForeignKey(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        related_name="one_time_keys",
        db_index=False,  # the index on (application, -id) serves
    )
    api_key = models.ForeignKey(
        ApiKey, verbose_name=_("API key"), on_delete=models.PROTECT, null=True, related_name="one_time_keys"
    )
    principal = models.CharField(_("principal"), max_length=16)
    principal_key = models.UUIDField(editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,  # the index on (user, -id) serves
    )
    grant = models.JSONField(_("grant"), default=dict)
    lifetime = models.PositiveIntegerField(_("lifetime"), null=True, help_text=_("Of the token, in seconds."))
    slot = models.PositiveSmallIntegerField(_("slot"), default=0)
    resource_key = models.UUIDField(editable=False)
    starts_session = models.BooleanField(_("starts a session"), default=False)
    # When a pair of its redeemer ends at the latest; NULL where no access token asked for the key.
    pair_ends_at = models.DateTimeField(null=True, editable=False)
    single = models.BooleanField(_("only one at a time"), default=False)
    password_stamp = models.CharField(max_length=32, blank=True, editable=False)
    epochs = models.BigIntegerField(default=0, editable=False)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    consumed_at = models.DateTimeField(_("redeemed at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    # 1 or NULL, as in Certificate: unique on every engine.
    live_slot = models.GeneratedField(
        expression=Case(
            When(single=True, consumed_at__isnull=True, revoked_at__isnull=True, then=1),
            default=None,
        ),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )

    objects = OneTimeKeyQuerySet.as_manager()

    class Meta(TypedModelMeta):
        verbose_name = _("one-time key")
        verbose_name_plural = _("one-time keys")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [("revoke_onetimekey", "Can revoke one-time keys")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="token_issuer_key_user"),
            models.Index(fields=["application", "-id"], name="token_issuer_key_app"),
            models.Index(fields=["expires_at"], name="token_issuer_key_expiry"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["application", "principal_key", "live_slot"], name="one_live_login_key_where_asked"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="a_login_key_expires_after_its_creation"
            ),
        ]

    def __str__(self) -> str:
        return f"one-time key {self.fingerprint}"

    def standing(self, at: datetime) -> Standing:
        """How it stands at this instant; needs a row read ``with_epochs_now()``."""
        if self.consumed_at is not None:
            return Standing.CONSUMED
        if self.revoked_at is not None or self.epochs != getattr(self, "epochs_now", self.epochs):
            return Standing.REVOKED
        # Deadlines are exclusive: at expires_at it has expired.
        return Standing.EXPIRED if at >= self.expires_at else Standing.LIVE
