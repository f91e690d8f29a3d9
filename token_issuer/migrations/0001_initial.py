"""Everything at first. Runs on an empty database; nothing to serve beside."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import token_issuer.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RevocationEpoch",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=16, verbose_name="kind")),
                ("key", models.UUIDField(unique=True, verbose_name="key")),
                ("epoch", models.PositiveBigIntegerField(default=0, verbose_name="epoch")),
                ("not_before", models.DateTimeField(verbose_name="not before")),
            ],
            options={
                "verbose_name": "revocation epoch",
                "verbose_name_plural": "revocation epochs",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "slug",
                    models.SlugField(
                        help_text="Part of the endpoint's address; front-ends name it.",
                        unique=True,
                        verbose_name="slug",
                    ),
                ),
                ("provider", models.CharField(max_length=50, verbose_name="provider")),
                (
                    "public_id",
                    models.CharField(help_text="What a browser may know.", max_length=255, verbose_name="public id"),
                ),
                ("options", models.JSONField(blank=True, default=dict, verbose_name="options")),
                (
                    "default_lifetime",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Seconds; empty means the provider's default.",
                        null=True,
                        verbose_name="default lifetime",
                    ),
                ),
                (
                    "maximum_lifetime",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Seconds; empty means the provider's maximum.",
                        null=True,
                        verbose_name="maximum lifetime",
                    ),
                ),
                (
                    "slots",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="How many devices or tabs of one person may hold a subject of their own, 1 to 16.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(16),
                        ],
                        verbose_name="slots",
                    ),
                ),
                (
                    "environment",
                    models.CharField(
                        blank=True, help_text="A label, e.g. sandbox.", max_length=30, verbose_name="environment"
                    ),
                ),
                (
                    "disabled_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="disabled at"),
                ),
                ("config_version", models.PositiveIntegerField(default=1, editable=False)),
                ("account_sequence", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
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
            ],
            options={
                "verbose_name": "application",
                "verbose_name_plural": "applications",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("purpose", models.CharField(default="sign", max_length=16, verbose_name="purpose")),
                ("key_id", models.CharField(max_length=64, verbose_name="key id")),
                ("algorithm", models.CharField(blank=True, max_length=16, verbose_name="algorithm")),
                ("sealed_secret", models.BinaryField(null=True)),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        help_text="env:NAME or file:/absolute/path, instead of a secret.",
                        max_length=255,
                        verbose_name="reference",
                    ),
                ),
                ("public_jwk", models.JSONField(blank=True, editable=False, null=True)),
                ("fingerprint", models.CharField(editable=False, max_length=16, verbose_name="fingerprint")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="staged at"),
                ),
                ("activated_at", models.DateTimeField(editable=False, null=True, verbose_name="activated at")),
                ("retiring_at", models.DateTimeField(editable=False, null=True, verbose_name="retiring since")),
                ("retired_at", models.DateTimeField(editable=False, null=True, verbose_name="retired at")),
                ("revoked_at", models.DateTimeField(editable=False, null=True, verbose_name="revoked at")),
                ("reason", models.CharField(blank=True, editable=False, max_length=200, verbose_name="reason")),
                (
                    "active_slot",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                activated_at__isnull=False,
                                retired_at__isnull=True,
                                retiring_at__isnull=True,
                                revoked_at__isnull=True,
                                then=1,
                            ),
                            default=None,
                        ),
                        output_field=models.SmallIntegerField(null=True),
                    ),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificates",
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
            ],
            options={
                "verbose_name": "certificate",
                "verbose_name_plural": "certificates",
                "ordering": ["-id"],
                "permissions": [("rotate_certificate", "Can rotate certificates")],
            },
        ),
        migrations.CreateModel(
            name="IssuedToken",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("principal", models.CharField(max_length=16, verbose_name="principal")),
                ("principal_key", models.UUIDField(editable=False)),
                ("subject", models.CharField(max_length=255, verbose_name="subject")),
                ("resource", models.CharField(blank=True, max_length=255, verbose_name="resource")),
                ("resource_key", models.UUIDField(editable=False)),
                ("privileges", models.JSONField(default=list, verbose_name="privileges")),
                ("slot", models.PositiveSmallIntegerField(default=0, verbose_name="slot")),
                ("format", models.CharField(max_length=32, verbose_name="format")),
                ("digest", models.CharField(db_index=True, editable=False, max_length=64)),
                ("fingerprint", models.CharField(editable=False, max_length=16, verbose_name="fingerprint")),
                ("issued_at", models.DateTimeField(verbose_name="issued at")),
                ("expires_at", models.DateTimeField(verbose_name="expires at")),
                ("one_time", models.BooleanField(default=False, verbose_name="one-time")),
                ("consumed_at", models.DateTimeField(null=True, verbose_name="consumed at")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("epochs", models.BigIntegerField(default=0, editable=False)),
                ("origin", models.CharField(max_length=16, verbose_name="origin")),
                (
                    "decision",
                    models.CharField(
                        help_text="The rule or the function that allowed it.", max_length=255, verbose_name="decision"
                    ),
                ),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=255, verbose_name="user agent")),
                ("request_id", models.CharField(blank=True, max_length=64, verbose_name="request id")),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "certificate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="token_issuer.certificate",
                        verbose_name="certificate",
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="revoked by",
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
                "verbose_name": "issued token",
                "verbose_name_plural": "issued tokens",
                "ordering": ["-id"],
                "permissions": [("revoke_issuedtoken", "Can revoke issued tokens")],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=32, verbose_name="kind")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="count")),
                ("bucket", models.UUIDField(editable=False, null=True, unique=True)),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                ("user_agent", models.CharField(blank=True, max_length=255, verbose_name="user agent")),
                ("detail", models.JSONField(default=dict, verbose_name="detail")),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who did it, or who was refused.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="events",
                        to="token_issuer.issuedtoken",
                        verbose_name="token",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit event",
                "verbose_name_plural": "audit events",
                "ordering": ["-id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Lower is asked first.", verbose_name="priority"
                    ),
                ),
                ("everyone", models.BooleanField(default=False, verbose_name="everyone signed in")),
                ("privileges", models.JSONField(default=list, verbose_name="privileges")),
                (
                    "resource_pattern",
                    models.CharField(
                        default="*",
                        help_text="Literal text, placeholders such as {user.pk}, and * at the end only.",
                        max_length=255,
                        verbose_name="resource pattern",
                    ),
                ),
                (
                    "subject_pattern",
                    models.CharField(
                        blank=True,
                        help_text="What a text subject is rendered from; empty means the application's pattern.",
                        max_length=255,
                        verbose_name="subject pattern",
                    ),
                ),
                (
                    "maximum_lifetime",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Seconds; empty means the application's maximum.",
                        null=True,
                        verbose_name="maximum lifetime",
                    ),
                ),
                (
                    "limit",
                    models.PositiveIntegerField(
                        blank=True, help_text="Tokens per person and window.", null=True, verbose_name="limit"
                    ),
                ),
                (
                    "window",
                    models.PositiveIntegerField(
                        blank=True, help_text="Seconds; see Window.", null=True, verbose_name="window"
                    ),
                ),
                (
                    "wildcards",
                    models.BooleanField(
                        default=False,
                        help_text="Allows grants that open more than one channel, room or user.",
                        verbose_name="wildcards",
                    ),
                ),
                (
                    "allow_username",
                    models.BooleanField(
                        default=False,
                        help_text="Lets patterns use {user.username}; only where people cannot rename themselves.",
                        verbose_name="allow user names",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rules",
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
                    "groups",
                    models.ManyToManyField(blank=True, related_name="+", to="auth.group", verbose_name="groups"),
                ),
                (
                    "users",
                    models.ManyToManyField(
                        blank=True, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="users"
                    ),
                ),
            ],
            options={
                "verbose_name": "rule",
                "verbose_name_plural": "rules",
                "ordering": ["application", "priority", "id"],
            },
        ),
        migrations.CreateModel(
            name="RuleWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("principal_key", models.UUIDField(editable=False)),
                ("starts_at", models.DateTimeField()),
                ("used", models.PositiveIntegerField(default=0)),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="windows", to="token_issuer.rule"
                    ),
                ),
            ],
            options={
                "verbose_name": "rule window",
                "verbose_name_plural": "rule windows",
            },
        ),
        migrations.CreateModel(
            name="VendorAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("principal_key", models.UUIDField(editable=False)),
                ("subject", models.CharField(blank=True, max_length=255, null=True, verbose_name="subject")),
                ("number", models.PositiveIntegerField(editable=False, null=True, verbose_name="number")),
                ("sealed_secret", models.BinaryField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accounts",
                        to="token_issuer.application",
                        verbose_name="application",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "vendor account",
                "verbose_name_plural": "vendor accounts",
            },
        ),
        migrations.AddConstraint(
            model_name="application",
            constraint=models.CheckConstraint(
                condition=models.Q(("slots__gte", 1), ("slots__lte", 16)), name="slots_are_1_to_16"
            ),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.UniqueConstraint(
                fields=("application", "purpose", "active_slot"), name="one_active_certificate_per_purpose"
            ),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.UniqueConstraint(fields=("application", "key_id"), name="one_certificate_per_key_id"),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reference", ""), ("sealed_secret__isnull", False)),
                    models.Q(("sealed_secret__isnull", True), models.Q(("reference", ""), _negated=True)),
                    _connector="OR",
                ),
                name="certificate_has_a_secret_or_a_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(("retiring_at__isnull", True), ("activated_at__isnull", False), _connector="OR"),
                name="only_an_activated_certificate_retires",
            ),
        ),
        migrations.AddConstraint(
            model_name="certificate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("retired_at__isnull", True), ("activated_at__lte", models.F("retired_at")), _connector="OR"
                ),
                name="certificate_retires_after_its_activation",
            ),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["user", "-id"], name="token_issuer_token_user"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["principal_key", "-id"], name="token_issuer_token_principal"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["application", "resource", "-id"], name="token_issuer_token_resource"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["expires_at"], name="token_issuer_token_expiry"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["ip", "-id"], name="token_issuer_token_ip"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["fingerprint"], name="token_issuer_token_print"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["subject", "-id"], name="token_issuer_token_subject"),
        ),
        migrations.AddConstraint(
            model_name="issuedtoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("issued_at"))), name="token_expires_after_it_is_issued"
            ),
        ),
        migrations.AddConstraint(
            model_name="issuedtoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("subject", ""), _negated=True), name="token_names_its_subject"
            ),
        ),
        migrations.AddConstraint(
            model_name="issuedtoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("consumed_at__isnull", True), ("one_time", True), _connector="OR"),
                name="only_a_one_time_token_is_consumed",
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["user", "-id"], name="token_issuer_event_user"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["application", "-id"], name="token_issuer_event_app"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["at"], name="token_issuer_event_at"),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("limit__isnull", True), ("window__isnull", True)),
                    models.Q(("limit__isnull", False), ("window__gt", 0), ("window__isnull", False)),
                    _connector="OR",
                ),
                name="rule_limit_and_window_go_together",
            ),
        ),
        migrations.AddIndex(
            model_name="rulewindow",
            index=models.Index(fields=["starts_at"], name="token_issuer_window_start"),
        ),
        migrations.AddConstraint(
            model_name="rulewindow",
            constraint=models.UniqueConstraint(
                fields=("rule", "principal_key", "starts_at"), name="one_window_per_person_and_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="vendoraccount",
            constraint=models.UniqueConstraint(fields=("application", "user"), name="one_vendor_account_per_user"),
        ),
        migrations.AddConstraint(
            model_name="vendoraccount",
            constraint=models.UniqueConstraint(
                fields=("application", "number"), name="vendor_account_number_is_never_shared"
            ),
        ),
        migrations.AddConstraint(
            model_name="vendoraccount",
            constraint=models.UniqueConstraint(
                fields=("application", "subject"), name="vendor_account_subject_is_never_shared"
            ),
        ),
        migrations.AddConstraint(
            model_name="vendoraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number__isnull", True), models.Q(("number__gte", 1), ("number__lte", 134217727)), _connector="OR"
                ),
                name="vendor_account_number_fits_27_bits",
            ),
        ),
    ]
