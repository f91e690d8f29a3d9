"""The API where the README's include puts it."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("issuer/", include("token_issuer.urls"))]
