"""What generic clients look for at the root of a site: ``path("", include("token_issuer.urls.well_known"))``."""

from __future__ import annotations

from django.urls import path, re_path

from token_issuer.api.views.well_known import KeysView, MetadataView

urlpatterns = [
    re_path(
        r"^\.well-known/oauth-authorization-server(?P<path>/.*)?$",
        MetadataView.as_view(),
        name="token_issuer_metadata",
    ),
    path(".well-known/jwks.json", KeysView.as_view(), name="token_issuer_jwks"),
]
