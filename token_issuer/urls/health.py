"""Optional readiness probe: ``path("issuer/", include("token_issuer.urls.health"))``."""

from __future__ import annotations

from django.urls import path

from token_issuer.api.views.health import HealthView

urlpatterns = [
    path("health/", HealthView.as_view(), name="token_issuer_health"),
    path("health", HealthView.as_view()),
]
