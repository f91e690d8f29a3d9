"""Where other pages lead to end tokens: nowhere for who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from token_issuer.models import IssuedToken

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest


def end_tokens_url(site: AdminSite, request: HttpRequest, **which: object) -> str:
    """Return where these tokens are ended, empty for who may not see or end any."""
    tokens = site.get_model_admin(IssuedToken)
    may_revoke = tokens.has_revoke_permission(request)  # type: ignore[attr-defined]  # the tokens' own admin
    if not (may_revoke and tokens.has_view_permission(request)):
        return ""
    return reverse("admin:token_issuer_issuedtoken_revoke_where", current_app=site.name) + "?" + urlencode(which)
