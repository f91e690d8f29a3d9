"""Room for our own tokens: families, one-time keys, API keys. The previous release may serve beside it.

New columns of old tables have a default in the database, or are NULL.
"""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import token_issuer.ids


class Migration(migrations.Migration):
    dependencies = [
        ("token_issuer", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="single_login_key",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A new one-time login key of a person ends the one before.",
                verbose_name="one login key at a time",
            ),
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="generation",
            field=models.PositiveIntegerField(null=True, verbose_name="generation"),
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="password_stamp",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=32),
        ),
        migrations.AlterField(
            model_name="issuedtoken",
            name="certificate",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="token_issuer.certificate",
                verbose_name="certificate",
            ),
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("public_id", models.CharField(editable=False, max_length=64, unique=True, verbose_name="public id")),
                (
                    "purpose",
                    models.CharField(
                        help_text="What it is for, and where it is kept.", max_length=200, verbose_name="purpose"
                    ),
                ),
                ("scopes", models.JSONField(blank=True, default=list, verbose_name="scopes")),
                (
                    "networks",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Networks it may call from; empty means any.",
                        verbose_name="allowed networks",
                    ),
                ),
                ("acts_as_key", models.UUIDField(editable=False, null=True)),
                ("may_sign", models.BooleanField(default=False, verbose_name="may sign its own tokens")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires at")),
                ("revoked_at", models.DateTimeField(editable=False, null=True, verbose_name="revoked at")),
                ("reason", models.CharField(blank=True, editable=False, max_length=200, verbose_name="reason")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "acts_as",
                    models.ForeignKey(
                        blank=True,
                        help_text="The user whose rights its requests have; empty for a server that is nobody.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acts as",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Whom to ask about it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
                "ordering": ["-id"],
                "permissions": [("rotate_apikey", "Can rotate and revoke API keys")],
            },
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="api_key",
            field=models.ForeignKey(
                help_text="The key that asked for it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="token_issuer.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.CreateModel(
            name="ApiKeySecret",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("fingerprint", models.CharField(editable=False, max_length=16, verbose_name="fingerprint")),
                ("sealed_secret", models.BinaryField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("expires_at", models.DateTimeField(editable=False, null=True, verbose_name="expires at")),
                ("last_used_at", models.DateTimeField(editable=False, null=True, verbose_name="last used at")),
                ("revoked_at", models.DateTimeField(editable=False, null=True, verbose_name="revoked at")),
                (
                    "api_key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="secrets",
                        to="token_issuer.apikey",
                        verbose_name="API key",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key secret",
                "verbose_name_plural": "API key secrets",
                "ordering": ["-id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="OneTimeKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("fingerprint", models.CharField(editable=False, max_length=16, verbose_name="fingerprint")),
                ("principal", models.CharField(max_length=16, verbose_name="principal")),
                ("principal_key", models.UUIDField(editable=False)),
                ("grant", models.JSONField(default=dict, verbose_name="grant")),
                (
                    "lifetime",
                    models.PositiveIntegerField(
                        help_text="Of the token, in seconds.", null=True, verbose_name="lifetime"
                    ),
                ),
                ("slot", models.PositiveSmallIntegerField(default=0, verbose_name="slot")),
                ("resource_key", models.UUIDField(editable=False)),
                ("starts_session", models.BooleanField(default=False, verbose_name="starts a session")),
                ("pair_ends_at", models.DateTimeField(editable=False, null=True)),
                ("single", models.BooleanField(default=False, verbose_name="only one at a time")),
                ("password_stamp", models.CharField(blank=True, editable=False, max_length=32)),
                ("epochs", models.BigIntegerField(default=0, editable=False)),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=255, verbose_name="user agent")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("consumed_at", models.DateTimeField(null=True, verbose_name="redeemed at")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "live_slot",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(consumed_at__isnull=True, revoked_at__isnull=True, single=True, then=1),
                            default=None,
                        ),
                        output_field=models.SmallIntegerField(null=True),
                    ),
                ),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="one_time_keys",
                        to="token_issuer.apikey",
                        verbose_name="API key",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="one_time_keys",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "one-time key",
                "verbose_name_plural": "one-time keys",
                "ordering": ["-id"],
                "permissions": [("revoke_onetimekey", "Can revoke one-time keys")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="TokenFamily",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("principal", models.CharField(max_length=16, verbose_name="principal")),
                ("principal_key", models.UUIDField(editable=False)),
                ("subject", models.CharField(max_length=255, verbose_name="subject")),
                ("grant", models.JSONField(default=dict, verbose_name="grant")),
                ("lifetime", models.PositiveIntegerField(null=True, verbose_name="lifetime")),
                ("slot", models.PositiveSmallIntegerField(default=0, verbose_name="slot")),
                ("resource_key", models.UUIDField(editable=False)),
                ("generation", models.PositiveIntegerField(default=0, verbose_name="generation")),
                ("rotated_at", models.DateTimeField(null=True, verbose_name="rotated at")),
                ("replays", models.PositiveIntegerField(default=0, verbose_name="retries since the last rotation")),
                ("mac_key_id", models.CharField(editable=False, max_length=32)),
                ("idle_expires_at", models.DateTimeField(verbose_name="expires when idle")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("password_stamp", models.CharField(blank=True, editable=False, max_length=32)),
                ("epochs", models.BigIntegerField(default=0, editable=False)),
                ("in_cookie", models.BooleanField(default=False, verbose_name="kept in a cookie")),
                ("label", models.CharField(blank=True, max_length=100, verbose_name="device")),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=255, verbose_name="user agent")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("closed_at", models.DateTimeField(null=True, verbose_name="closed at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="families",
                        to="token_issuer.apikey",
                        verbose_name="API key",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="families",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "token family",
                "verbose_name_plural": "token families",
                "ordering": ["-id"],
                "permissions": [("revoke_tokenfamily", "Can close token families")],
                "default_permissions": ("view",),
            },
        ),
        migrations.AddField(
            model_name="auditevent",
            name="family",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="events",
                to="token_issuer.tokenfamily",
                verbose_name="family",
            ),
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="family",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="token_issuer.tokenfamily",
                verbose_name="family",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("acts_as__isnull", True), ("acts_as_key__isnull", False), _connector="OR"),
                name="an_api_key_remembers_whom_it_acts_as",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikeysecret",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__isnull", True), ("expires_at__gte", models.F("created_at")), _connector="OR"
                ),
                name="an_api_key_secret_expires_after_its_creation",
            ),
        ),
        migrations.AddIndex(
            model_name="onetimekey",
            index=models.Index(fields=["user", "-id"], name="token_issuer_key_user"),
        ),
        migrations.AddIndex(
            model_name="onetimekey",
            index=models.Index(fields=["expires_at"], name="token_issuer_key_expiry"),
        ),
        migrations.AddConstraint(
            model_name="onetimekey",
            constraint=models.UniqueConstraint(
                fields=("application", "principal_key", "live_slot"), name="one_live_login_key_where_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="onetimekey",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))),
                name="a_login_key_expires_after_its_creation",
            ),
        ),
        migrations.AddIndex(
            model_name="tokenfamily",
            index=models.Index(fields=["user", "-id"], name="token_issuer_family_user"),
        ),
        migrations.AddIndex(
            model_name="tokenfamily",
            index=models.Index(fields=["principal_key", "-id"], name="token_issuer_family_principal"),
        ),
        migrations.AddIndex(
            model_name="tokenfamily",
            index=models.Index(fields=["expires_at"], name="token_issuer_family_expiry"),
        ),
        migrations.AddIndex(
            model_name="tokenfamily",
            index=models.Index(fields=["mac_key_id", "expires_at"], name="token_issuer_family_mac_key"),
        ),
        migrations.AddConstraint(
            model_name="tokenfamily",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gte", models.F("idle_expires_at"))),
                name="a_family_is_never_idle_beyond_its_end",
            ),
        ),
    ]
