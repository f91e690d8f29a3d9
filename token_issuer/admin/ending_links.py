"""Where other pages lead to end tokens: nowhere for who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from token_issuer.admin.tenancy import is_restricted
from token_issuer.models import IssuedToken

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest

    from token_issuer.admin.pages import OwnPages


def end_tokens_url(site: AdminSite, request: HttpRequest, **which: object) -> str:
    """Return where these tokens are ended, empty for who may not see or end any."""
    tokens = site.get_model_admin(IssuedToken)
    may_revoke = tokens.has_revoke_permission(request)  # type: ignore[attr-defined]  # the tokens' own admin
    if not (may_revoke and tokens.has_view_permission(request)):
        return ""
    page = reverse("admin:token_issuer_issuedtoken_revoke_where", current_app=site.name)
    return f"{page}?{urlencode(which)}" if which else page


def may_end_access(tokens: OwnPages, request: HttpRequest) -> bool:
    """Whether this person may end all that somebody has: in every application, so nobody who sees some of them only."""
    may_revoke: bool = tokens.has_revoke_permission(request)  # type: ignore[attr-defined]  # the tokens' own admin
    return (
        bool(request.user.has_perm("token_issuer.end_access"))
        and may_revoke
        and tokens.has_view_permission(request)
        and not is_restricted(request)
    )
