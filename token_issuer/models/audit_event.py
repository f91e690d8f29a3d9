"""What happened, apart from tokens being issued: refusals, revocations, rotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application
from token_issuer.models.issued_token import IssuedToken
from token_issuer.models.labels import label_of
from token_issuer.models.token_family import TokenFamily

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class AuditKind(models.TextChoices):
    """What an event tells."""

    DENIED = "denied", _("denied")
    TOKEN_REVOKED = "token_revoked", _("token revoked")
    SET_REVOKED = "set_revoked", _("tokens revoked")
    APPLICATION_CREATED = "application_created", _("application created")
    APPLICATION_CHANGED = "application_changed", _("application changed")
    APPLICATION_DISABLED = "application_disabled", _("application disabled")
    APPLICATION_ENABLED = "application_enabled", _("application enabled")
    CERTIFICATE_STAGED = "certificate_staged", _("certificate staged")
    CERTIFICATE_ACTIVATED = "certificate_activated", _("certificate activated")
    CERTIFICATE_RETIRED = "certificate_retired", _("certificate retired")
    CERTIFICATE_REVOKED = "certificate_revoked", _("certificate revoked")
    RULE_CHANGED = "rule_changed", _("rule changed")
    ACCOUNT_CHANGED = "account_changed", _("vendor account changed")
    ACCOUNT_PROVED = "account_proved", _("vendor account's proof set")
    VENDOR_FAILED = "vendor_failed", _("vendor did not answer")
    PAIR_KEPT = "pair_kept", _("vendor pair kept")
    PAIR_REFUSED = "pair_refused", _("vendor pair refused")
    PAIR_RETRIED = "pair_retried", _("vendor pair tried again")
    PAIR_FORGOTTEN = "pair_forgotten", _("vendor pair deleted")
    PUSH_FAILED = "push_failed", _("vendor push failed")
    FAMILY_CLOSED = "family_closed", _("token family closed")
    REFRESH_REUSED = "refresh_reused", _("refresh token reused")
    LOGIN_KEY_MADE = "login_key_made", _("one-time key made")
    LOGIN_KEY_REVOKED = "login_key_revoked", _("one-time key revoked")
    API_KEY_CREATED = "api_key_created", _("API key created")
    API_KEY_CHANGED = "api_key_changed", _("API key changed")
    API_KEY_ROTATED = "api_key_rotated", _("API key rotated")
    API_KEY_REVOKED = "api_key_revoked", _("API key revoked")
    ACCESS_ENDED = "access_ended", _("all access of a person ended")
    EXPORTED = "exported", _("audit exported")


class AuditEvent(models.Model):
    """One event, or one counted row of the same refusal within a minute. Evidence: never edited, never in clear."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=32)
    at = models.DateTimeField(_("at"))
    count = models.PositiveIntegerField(_("count"), default=1)
    # The same user, application, reason and minute share it, so a flood of refusals is one row.
    bucket = models.UUIDField(null=True, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,  # the index on (user, -id) serves
        help_text=_("Who did it, or who was refused."),
    )
    application = models.ForeignKey(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,  # the index on (application, -id) serves
    )
    token = models.ForeignKey(
        IssuedToken, verbose_name=_("token"), on_delete=models.SET_NULL, null=True, related_name="events"
    )
    family = models.ForeignKey(
        TokenFamily, verbose_name=_("family"), on_delete=models.SET_NULL, null=True, related_name="events"
    )
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    detail = models.JSONField(_("detail"), default=dict)

    class Meta(TypedModelMeta):
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [("export_auditevent", "Can export audit events")]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="token_issuer_event_user"),
            models.Index(fields=["application", "-id"], name="token_issuer_event_app"),
            models.Index(fields=["kind", "-id"], name="token_issuer_event_kind"),
            models.Index(fields=["at"], name="token_issuer_event_at"),
        ]

    def __str__(self) -> str:
        return f"{self.count} x {self.kind}"

    @property
    def kind_label(self) -> str:
        """The kind in words; a later release's kind is shown by its name."""
        return label_of(AuditKind, self.kind)
