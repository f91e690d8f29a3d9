"""The API behind its include, and at the root what generic clients look for."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("token_issuer.urls.well_known")), path("issuer/", include("token_issuer.urls"))]
