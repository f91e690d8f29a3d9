"""Room for vendors that are asked: their pairs, pushes and challenges. The previous release may serve beside it."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import token_issuer.ids


class Migration(migrations.Migration):
    dependencies = [
        ("token_issuer", "0002_own_tokens"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="issuedtoken",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [
                    ("revoke_issuedtoken", "Can revoke issued tokens"),
                    ("inspect_issuedtoken", "Can inspect tokens"),
                    ("make_temporary_token", "Can make temporary tokens"),
                ],
                "verbose_name": "issued token",
                "verbose_name_plural": "issued tokens",
            },
        ),
        migrations.AddField(
            model_name="issuedtoken",
            name="temporary",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Made by hand for a test, without asking policy.",
                verbose_name="temporary",
            ),
        ),
        migrations.AddField(
            model_name="vendoraccount",
            name="pending_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="proof pending since"),
        ),
        migrations.AddField(
            model_name="vendoraccount",
            name="pending_secret",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="vendoraccount",
            name="proved_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="proof set at"),
        ),
        migrations.AddConstraint(
            model_name="vendoraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("subject__isnull", False),
                    models.Q(("pending_secret__isnull", True), ("sealed_secret__isnull", True)),
                    _connector="OR",
                ),
                name="vendor_account_with_a_proof_has_a_name",
            ),
        ),
        migrations.CreateModel(
            name="AnsweredLoginKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("digest", models.CharField(editable=False, max_length=64)),
                ("answered_at", models.DateTimeField(verbose_name="answered at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answered_keys",
                        to="token_issuer.vendoraccount",
                        verbose_name="vendor account",
                    ),
                ),
            ],
            options={
                "verbose_name": "answered login key",
                "verbose_name_plural": "answered login keys",
                "default_permissions": (),
                "indexes": [models.Index(fields=["expires_at"], name="token_issuer_answered_end")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "digest"), name="a_login_key_is_answered_once_per_account"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="VendorPair",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("principal_key", models.UUIDField(editable=False)),
                ("device", models.CharField(blank=True, max_length=64, verbose_name="device")),
                ("device_key", models.UUIDField(editable=False)),
                ("sealed_access", models.BinaryField()),
                ("sealed_refresh", models.BinaryField(null=True)),
                ("access_expires_at", models.DateTimeField(verbose_name="access token expires at")),
                ("refresh_expires_at", models.DateTimeField(null=True, verbose_name="refresh token expires at")),
                ("ends_at", models.DateTimeField(verbose_name="ends at")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("epochs", models.BigIntegerField(default=0, editable=False)),
                ("leased_until", models.DateTimeField(editable=False, null=True)),
                ("renewed_at", models.DateTimeField(null=True, verbose_name="renewed at")),
                ("refused_at", models.DateTimeField(null=True, verbose_name="refused at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=255, verbose_name="user agent")),
                (
                    "api_key",
                    models.ForeignKey(
                        help_text="The key that handed it in; ending the key's tokens ends the pair.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pairs",
                        to="token_issuer.apikey",
                        verbose_name="API key",
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pairs",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "vendor pair",
                "verbose_name_plural": "vendor pairs",
                "ordering": ["-id"],
                "permissions": [
                    ("forget_vendorpair", "Can delete vendor pairs"),
                    ("retry_vendorpair", "Can have vendors asked again about pairs that they refused"),
                ],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["ends_at"], name="token_issuer_pair_end"),
                    models.Index(fields=["refused_at"], name="token_issuer_pair_refused"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("application", "principal_key", "device_key"),
                        name="one_vendor_pair_per_user_and_device",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1)), name="vendor_pair_versions_count_from_one"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VendorPush",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("told_by", models.UUIDField(db_index=True, editable=False, null=True)),
                ("for_all", models.BooleanField(default=False, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("next_try_at", models.DateTimeField(null=True, verbose_name="next try at")),
                ("claimed_until", models.DateTimeField(editable=False, null=True)),
                ("pushed_at", models.DateTimeField(null=True, verbose_name="pushed at")),
                ("kept_out", models.BooleanField(default=False, editable=False)),
                ("sentence", models.TextField(blank=True, editable=False)),
                ("failed_at", models.DateTimeField(null=True, verbose_name="failed at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pushes",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="push",
                        to="token_issuer.issuedtoken",
                        verbose_name="token",
                    ),
                ),
            ],
            options={
                "verbose_name": "vendor push",
                "verbose_name_plural": "vendor pushes",
                "ordering": ["-id"],
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["next_try_at"], name="token_issuer_push_due")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("pushed_at__isnull", True), ("failed_at__isnull", True), _connector="OR"),
                        name="a_push_does_not_fail_and_succeed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("next_try_at__isnull", False),
                            ("pushed_at__isnull", False),
                            ("failed_at__isnull", False),
                            _connector="OR",
                        ),
                        name="a_push_waits_or_has_ended",
                    ),
                ],
            },
        ),
    ]
