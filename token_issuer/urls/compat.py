"""Optional addresses of vendors' sample servers: ``path("issuer/", include("token_issuer.urls.compat"))``."""

from __future__ import annotations

from django.urls import path

from token_issuer.api.views.drop_ins import DropInView

urlpatterns = [
    # Both spellings: APPEND_SLASH cannot redirect a POST.
    path("compat/<str:slug>/<str:sample>/", DropInView.as_view(), name="token_issuer_drop_in"),
    path("compat/<str:slug>/<str:sample>", DropInView.as_view()),
]
