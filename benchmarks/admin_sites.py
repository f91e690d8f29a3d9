"""Addresses of the measured site: the real admin, and beside it two that others would have written."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from token_issuer.admin.base import AnyModelAdmin
from token_issuer.models import IssuedToken

_COLUMNS = ("fingerprint", "format", "application", "subject", "resource", "issued_at", "expires_at", "temporary")


class Plain(AnyModelAdmin):
    """Django's defaults: newest first by the model's ordering, pages by number, every row counted."""

    list_display = _COLUMNS
    list_select_related = ("application",)
    list_per_page = 50


class FirstDraft(Plain):
    """What a first version has: filters, dates to click through, a substring search, newest first by its time."""

    list_filter = ("application", "format", "one_time")
    date_hierarchy = "issued_at"
    ordering = ("-issued_at",)
    search_fields = ("subject", "resource", "fingerprint")


PLAIN, DRAFT = admin.AdminSite(name="plain"), admin.AdminSite(name="draft")
PLAIN.register(IssuedToken, Plain)
DRAFT.register(IssuedToken, FirstDraft)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("plain/", PLAIN.urls),
    path("draft/", DRAFT.urls),
    path("issuer/", include("token_issuer.urls")),
]
