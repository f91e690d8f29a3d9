"""The admin's counts and permissions. The previous release may serve beside it."""

import django.db.models.deletion
from django.db import migrations, models

import token_issuer.ids


class Migration(migrations.Migration):
    dependencies = [
        ("token_issuer", "0003_vendors"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="application",
            options={
                "ordering": ["name", "id"],
                "permissions": [("diagnose_application", "Can run the doctor")],
                "verbose_name": "application",
                "verbose_name_plural": "applications",
            },
        ),
        migrations.AlterModelOptions(
            name="auditevent",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [("export_auditevent", "Can export audit events")],
                "verbose_name": "audit event",
                "verbose_name_plural": "audit events",
            },
        ),
        migrations.AlterModelOptions(
            name="issuedtoken",
            options={
                "default_permissions": ("view",),
                "ordering": ["-id"],
                "permissions": [
                    ("revoke_issuedtoken", "Can revoke issued tokens"),
                    ("inspect_issuedtoken", "Can inspect tokens"),
                    ("make_temporary_token", "Can make temporary tokens"),
                    ("export_issuedtoken", "Can export issued tokens"),
                    ("end_access", "Can end all access of a person"),
                ],
                "verbose_name": "issued token",
                "verbose_name_plural": "issued tokens",
            },
        ),
        migrations.CreateModel(
            name="HourlyCount",
            fields=[
                (
                    "id",
                    models.UUIDField(default=token_issuer.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("key", models.UUIDField(editable=False, unique=True)),
                ("starts_at", models.DateTimeField(db_index=True)),
                ("what", models.CharField(max_length=16)),
                ("number", models.PositiveBigIntegerField(default=0)),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="token_issuer.application",
                    ),
                ),
            ],
            options={
                "verbose_name": "hourly count",
                "verbose_name_plural": "hourly counts",
                "ordering": ["-starts_at", "id"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["what", "starts_at"], name="token_issuer_count_what")],
            },
        ),
    ]
