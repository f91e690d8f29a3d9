"""The chain of refresh tokens that one grant lives on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import BigIntegerField, ExpressionWrapper, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.api_key import ApiKey
from token_issuer.models.application import Application
from token_issuer.models.revocation_epoch import EVERYTHING_KEY, SET_ENDED, SET_STILL_LIVE, epochs_now
from token_issuer.models.standing import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class TokenFamilyQuerySet(models.QuerySet["TokenFamily"]):
    """Families with what is true of them now."""

    def with_epochs_now(self) -> TokenFamilyQuerySet:
        """Annotate ``epochs_now``: the sum that the family's own ``epochs`` must still equal."""
        return self.annotate(epochs_now=ExpressionWrapper(owned_epochs(), output_field=BigIntegerField()))

    def standing_now(self, standing: Standing, at: datetime) -> TokenFamilyQuerySet:
        """Those that stand like this at this instant; the same as each row's ``standing``. None is ever consumed."""
        rows = self.with_epochs_now()
        if standing is Standing.REVOKED:
            return rows.filter(Q(closed_at__isnull=False) | SET_ENDED)
        # Never idle beyond its end. Naming that too misleads the planner, who multiplies the two.
        ending = {Standing.LIVE: Q(idle_expires_at__gt=at), Standing.EXPIRED: Q(idle_expires_at__lte=at)}
        return (
            rows.filter(ending[standing], SET_STILL_LIVE, closed_at__isnull=True) if standing in ending else rows.none()
        )


def owned_epochs() -> Any:  # noqa: ANN401  an expression
    """Return the sum of the epochs that end a family or a login key, in a query over either.

    Without a certificate's: which one signs is chosen anew each time.
    """
    keys = ["principal_key", "application_id", "resource_key", "api_key_id"]
    return epochs_now([*(OuterRef(name) for name in keys), EVERYTHING_KEY])


class TokenFamily(models.Model):
    """One row for each chain; refreshing moves ``generation`` on and stores no text."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        related_name="families",
        db_index=False,  # the index on (application, -id) serves
    )
    api_key = models.ForeignKey(
        ApiKey, verbose_name=_("API key"), on_delete=models.PROTECT, null=True, related_name="families"
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
    subject = models.CharField(_("subject"), max_length=255)
    # What was asked, as a body: grant fields, and the lifetime where one was named.
    grant = models.JSONField(_("grant"), default=dict)
    lifetime = models.PositiveIntegerField(_("lifetime"), null=True)
    slot = models.PositiveSmallIntegerField(_("slot"), default=0)
    resource_key = models.UUIDField(editable=False)
    generation = models.PositiveIntegerField(_("generation"), default=0)
    rotated_at = models.DateTimeField(_("rotated at"), null=True)
    replays = models.PositiveIntegerField(_("retries since the last rotation"), default=0)
    # Chosen at birth and never changed, so that any generation's text can be derived again.
    mac_key_id = models.CharField(max_length=32, editable=False)
    idle_expires_at = models.DateTimeField(_("expires when idle"))
    expires_at = models.DateTimeField(_("expires at"))
    password_stamp = models.CharField(max_length=32, blank=True, editable=False)
    epochs = models.BigIntegerField(default=0, editable=False)
    in_cookie = models.BooleanField(_("kept in a cookie"), default=False)
    label = models.CharField(_("device"), max_length=100, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    objects = TokenFamilyQuerySet.as_manager()

    class Meta(TypedModelMeta):
        verbose_name = _("token family")
        verbose_name_plural = _("token families")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [("revoke_tokenfamily", "Can close token families")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="token_issuer_family_user"),
            models.Index(fields=["principal_key", "-id"], name="token_issuer_family_principal"),
            models.Index(fields=["application", "-id"], name="token_issuer_family_app"),
            models.Index(fields=["expires_at"], name="token_issuer_family_expiry"),
            models.Index(fields=["mac_key_id", "expires_at"], name="token_issuer_family_mac_key"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(expires_at__gte=F("idle_expires_at")), name="a_family_is_never_idle_beyond_its_end"
            ),
        ]

    def __str__(self) -> str:
        return f"family {self.pk} at {self.generation}"

    def standing(self, at: datetime) -> Standing:
        """How it stands at this instant; needs a row read ``with_epochs_now()``."""
        if self.closed_at is not None or self.epochs != getattr(self, "epochs_now", self.epochs):
            return Standing.REVOKED
        # Deadlines are exclusive, and it is never idle beyond its end.
        return Standing.EXPIRED if at >= self.idle_expires_at else Standing.LIVE
