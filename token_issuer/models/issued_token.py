"""The audit row of one token. It never holds the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import BigIntegerField, ExpressionWrapper, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.api_key import ApiKey
from token_issuer.models.application import Application
from token_issuer.models.certificate import Certificate
from token_issuer.models.labels import label_of
from token_issuer.models.revocation_epoch import EVERYTHING_KEY, SET_ENDED, SET_STILL_LIVE, epochs_now
from token_issuer.models.standing import Standing
from token_issuer.models.token_family import TokenFamily

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class Origin(models.TextChoices):
    """Which door a token left by."""

    SESSION = "session", _("session")
    PYTHON = "python", _("Python")
    ADMIN = "admin", _("admin")
    COMMAND = "command", _("command")
    BEARER = "bearer", _("access token")
    API_KEY = "api_key", _("API key")
    REFRESH = "refresh", _("refresh token")
    REFRESH_RETRY = "refresh_retry", _("refresh token, retried")
    REDEEM = "redeem", _("login key")


class Principal(models.TextChoices):
    """What kind of caller a token belongs to; it never changes."""

    USER = "user", _("user")
    API_KEY = "api_key", _("API key")


class IssuedTokenQuerySet(models.QuerySet["IssuedToken"]):
    """Tokens with what is true of them now."""

    def with_epochs_now(self) -> IssuedTokenQuerySet:
        """Annotate ``epochs_now``: the sum that the token's own ``epochs`` must still equal."""
        current = epochs_now(
            [
                OuterRef("principal_key"),
                OuterRef("application_id"),
                OuterRef("certificate_id"),
                OuterRef("resource_key"),
                OuterRef("api_key_id"),
                EVERYTHING_KEY,
            ]
        )
        return self.annotate(epochs_now=ExpressionWrapper(current, output_field=BigIntegerField()))

    def live(self, at: datetime) -> IssuedTokenQuerySet:
        """Those that are good at this instant."""
        return self.with_epochs_now().filter(
            revoked_at__isnull=True,
            consumed_at__isnull=True,
            expires_at__gt=at,
            epochs=F("epochs_now"),
            family__closed_at__isnull=True,  # also where there is no family
        )

    def standing_now(self, standing: Standing, at: datetime) -> IssuedTokenQuerySet:
        """Those that stand like this at this instant; the same as each row's ``standing``."""
        if standing is Standing.LIVE:
            return self.live(at)
        rows = self.with_epochs_now()
        in_time = Q(consumed_at__isnull=True, expires_at__gt=at)
        if standing is Standing.REVOKED:
            with_family = in_time & Q(family__closed_at__isnull=False)
            return rows.filter(Q(revoked_at__isnull=False) | with_family | SET_ENDED)
        used = standing is Standing.CONSUMED
        ending = Q(consumed_at__isnull=False) if used else Q(consumed_at__isnull=True, expires_at__lte=at)
        return rows.filter(ending, SET_STILL_LIVE, revoked_at__isnull=True)

    def ended(self) -> IssuedTokenQuerySet:
        """Those that somebody ended before they expired, by themselves or with a set."""
        alone = Q(revoked_at__isnull=False) | Q(family__closed_at__isnull=False)
        return self.with_epochs_now().filter(alone | ~Q(epochs=F("epochs_now")))


class IssuedToken(models.Model):
    """Who got what, when, by whose decision. Written before the token leaves; never changed but to end it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application,
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        related_name="tokens",
        db_index=False,  # the index on (application, -id) serves
    )
    # None for formats that are random text and signed with nothing.
    certificate = models.ForeignKey(
        Certificate,
        verbose_name=_("certificate"),
        on_delete=models.PROTECT,
        null=True,
        related_name="tokens",
        db_index=False,  # the index on (certificate, -id) serves
    )
    api_key = models.ForeignKey(
        ApiKey,
        verbose_name=_("API key"),
        on_delete=models.PROTECT,
        null=True,
        related_name="tokens",
        db_index=False,  # the index on (API key, -id) serves
        help_text=_("The key that asked for it."),
    )
    family = models.ForeignKey(
        TokenFamily, verbose_name=_("family"), on_delete=models.PROTECT, null=True, related_name="tokens"
    )
    generation = models.PositiveIntegerField(_("generation"), null=True)
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
    resource = models.CharField(_("resource"), max_length=255, blank=True)
    resource_key = models.UUIDField(editable=False)
    privileges = models.JSONField(_("privileges"), default=list)
    slot = models.PositiveSmallIntegerField(_("slot"), default=0)
    format = models.CharField(_("format"), max_length=32)
    # Not unique: a format without a random part gives two equal requests of one second the same text.
    digest = models.CharField(max_length=64, db_index=True, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=16, editable=False)
    issued_at = models.DateTimeField(_("issued at"))
    expires_at = models.DateTimeField(_("expires at"))
    one_time = models.BooleanField(_("one-time"), default=False)
    consumed_at = models.DateTimeField(_("consumed at"), null=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("revoked by"), on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    epochs = models.BigIntegerField(default=0, editable=False)
    # Of the user's password at issue, where this site verifies the token: a changed password ends it.
    password_stamp = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)
    temporary = models.BooleanField(
        _("temporary"), default=False, db_default=False, help_text=_("Made by hand for a test, without asking policy.")
    )
    origin = models.CharField(_("origin"), max_length=16)
    decision = models.CharField(_("decision"), max_length=255, help_text=_("The rule or the function that allowed it."))
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("user agent"), max_length=255, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True)

    objects = IssuedTokenQuerySet.as_manager()

    class Meta(TypedModelMeta):
        verbose_name = _("issued token")
        verbose_name_plural = _("issued tokens")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        permissions: ClassVar[list[tuple[str, Any]]] = [
            ("revoke_issuedtoken", "Can revoke issued tokens"),
            ("inspect_issuedtoken", "Can inspect tokens"),
            ("make_temporary_token", "Can make temporary tokens"),
            ("export_issuedtoken", "Can export issued tokens"),
            ("end_access", "Can end all access of a person"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="token_issuer_token_user"),
            models.Index(fields=["principal_key", "-id"], name="token_issuer_token_principal"),
            models.Index(fields=["application", "-id"], name="token_issuer_token_app"),
            models.Index(fields=["certificate", "-id"], name="token_issuer_token_cert"),
            models.Index(fields=["api_key", "-id"], name="token_issuer_token_key"),
            # In the order of the code points on PostgreSQL too, so that what begins alike is one range of it.
            models.Index(
                fields=["application", "resource", "-id"],
                name="token_issuer_token_room",
                opclasses=["uuid_ops", "varchar_pattern_ops", "uuid_ops"],
            ),
            models.Index(fields=["expires_at"], name="token_issuer_token_expiry"),
            models.Index(fields=["ip", "-id"], name="token_issuer_token_ip"),
            models.Index(fields=["fingerprint"], name="token_issuer_token_print"),
            models.Index(fields=["subject", "-id"], name="token_issuer_token_subject"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("issued_at")), name="token_expires_after_it_is_issued"),
            models.CheckConstraint(condition=~Q(subject=""), name="token_names_its_subject"),
            models.CheckConstraint(
                condition=Q(consumed_at__isnull=True) | Q(one_time=True), name="only_a_one_time_token_is_consumed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} {self.fingerprint}"

    @property
    def origin_label(self) -> str:
        """The door in words; a later release's door is shown by its name."""
        return label_of(Origin, self.origin)

    def standing(self, at: datetime) -> Standing:
        """How it stands at this instant; needs a row read ``with_epochs_now()``, and looks at its family."""
        alone = self.standing_alone(at)
        if alone is not Standing.LIVE:
            return alone
        return Standing.LIVE if self.family is None or self.family.closed_at is None else Standing.REVOKED

    def standing_alone(self, at: datetime) -> Standing:
        """How it stands at this instant by what its own row says, whatever became of its family."""
        if self.revoked_at is not None or self.epochs != getattr(self, "epochs_now", self.epochs):
            return Standing.REVOKED
        if self.consumed_at is not None:
            return Standing.CONSUMED
        # Deadlines are exclusive: at expires_at it has expired.
        return Standing.EXPIRED if at >= self.expires_at else Standing.LIVE
