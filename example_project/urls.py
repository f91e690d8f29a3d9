"""Where the example project answers."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("example_project.pages.urls")),
    path("notes/", include("example_project.notes.urls")),
    path("issuer/", include("token_issuer.urls")),
    path("", include("token_issuer.urls.well_known")),
    path("admin/", admin.site.urls),
]
