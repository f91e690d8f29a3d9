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
        # New indexes first: MariaDB needs one for each foreign key at all times.
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                fields=["purpose"], name="token_issuer_apikey_purpose", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="apikeysecret",
            index=models.Index(fields=["fingerprint"], name="token_issuer_secret_print"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["kind", "-id"], name="token_issuer_event_kind"),
        ),
        migrations.AddIndex(
            model_name="certificate",
            index=models.Index(fields=["fingerprint"], name="token_issuer_certificate_print"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["application", "-id"], name="token_issuer_token_app"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["certificate", "-id"], name="token_issuer_token_cert"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["api_key", "-id"], name="token_issuer_token_key"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(
                fields=["application", "resource", "-id"],
                name="token_issuer_token_room",
                opclasses=["uuid_ops", "varchar_pattern_ops", "uuid_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="onetimekey",
            index=models.Index(fields=["application", "-id"], name="token_issuer_key_app"),
        ),
        migrations.AddIndex(
            model_name="tokenfamily",
            index=models.Index(fields=["application", "-id"], name="token_issuer_family_app"),
        ),
        migrations.AddIndex(
            model_name="vendoraccount",
            index=models.Index(
                fields=["application", "subject"],
                name="token_issuer_account_subject",
                opclasses=["uuid_ops", "varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="vendorpush",
            index=models.Index(fields=["failed_at"], name="token_issuer_push_failed"),
        ),
        migrations.RemoveIndex(
            model_name="issuedtoken",
            name="token_issuer_token_resource",
        ),
        migrations.AlterField(
            model_name="issuedtoken",
            name="api_key",
            field=models.ForeignKey(
                db_index=False,
                help_text="The key that asked for it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="token_issuer.apikey",
                verbose_name="API key",
            ),
        ),
        migrations.AlterField(
            model_name="issuedtoken",
            name="certificate",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="token_issuer.certificate",
                verbose_name="certificate",
            ),
        ),
        migrations.AlterField(
            model_name="onetimekey",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="one_time_keys",
                to="token_issuer.application",
                verbose_name="application",
            ),
        ),
        migrations.AlterField(
            model_name="tokenfamily",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="families",
                to="token_issuer.application",
                verbose_name="application",
            ),
        ),
    ]
