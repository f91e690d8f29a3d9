"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TokenIssuerConfig(AppConfig):
    """Short-lived tokens, policed and audited."""

    name = "token_issuer"
    label = "token_issuer"
    verbose_name = _("Token issuer")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from token_issuer import checks  # noqa: PLC0415  models are ready only now

        checks.bind()
