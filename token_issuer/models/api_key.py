"""A key that a server of the site's calls us with, and its secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class ApiKey(models.Model):
    """Who a server is, what it may do and from where. Never deleted: revoked instead, because the audit refers to it.

    ``public_id`` is also the OAuth ``client_id``; the secrets are rows of their own, two of them live in a rotation.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, verbose_name=_("application"), on_delete=models.PROTECT, related_name="api_keys"
    )
    public_id = models.CharField(_("public id"), max_length=64, unique=True, editable=False)
    purpose = models.CharField(_("purpose"), max_length=200, help_text=_("What it is for, and where it is kept."))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Whom to ask about it."),
    )
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    networks = models.JSONField(
        _("allowed networks"), default=list, blank=True, help_text=_("Networks it may call from; empty means any.")
    )
    acts_as = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("acts as"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The user whose rights its requests have; empty for a server that is nobody."),
    )
    # Outlives the user: a key that acted for somebody who is gone is dead, not a server's.
    acts_as_key = models.UUIDField(null=True, editable=False)
    may_sign = models.BooleanField(_("may sign its own tokens"), default=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta(TypedModelMeta):
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering: ClassVar[list[str]] = ["-id"]
        permissions: ClassVar[list[tuple[str, Any]]] = [("rotate_apikey", "Can rotate and revoke API keys")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["purpose"], name="token_issuer_apikey_purpose", opclasses=["varchar_pattern_ops"])
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(acts_as__isnull=True) | Q(acts_as_key__isnull=False),
                name="an_api_key_remembers_whom_it_acts_as",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def ended(self, at: datetime) -> str:
        """Return why it is no longer good, as a word for logs; empty when nothing speaks against the key itself.

        Whether the person it acts as, or its application, still may is asked where those rows are at hand.
        """
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and at >= self.expires_at:
            return "expired"
        return "principal_gone" if self.acts_as_key is not None and self.acts_as_id is None else ""


class ApiKeySecret(models.Model):
    """One secret of a key: its digest, and sealed only where the key may sign its own tokens."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    api_key = models.ForeignKey(ApiKey, verbose_name=_("API key"), on_delete=models.PROTECT, related_name="secrets")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=16, editable=False)
    sealed_secret = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, editable=False)

    class Meta(TypedModelMeta):
        verbose_name = _("API key secret")
        verbose_name_plural = _("API key secrets")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["fingerprint"], name="token_issuer_secret_print")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")),
                name="an_api_key_secret_expires_after_its_creation",
            ),
        ]

    def __str__(self) -> str:
        return self.fingerprint

    def is_live(self, at: datetime) -> bool:
        """Whether it opens anything at this instant."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
