"""Where the API answers: ``path("issuer/", include("token_issuer.urls"))``. Each address with and without its slash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from token_issuer.api.views.applications import ApplicationsView, ExplainView, IssueView
from token_issuer.api.views.inspecting import InspectView
from token_issuer.api.views.login_keys import OneTimeKeysView, RedeemView
from token_issuer.api.views.oauth import ExchangeView, IntrospectView, SurrenderView
from token_issuer.api.views.pairs import ForgetPairView, PairsView, RefreshPairView
from token_issuer.api.views.tokens import RevokeMineView, RevokeView, TokensView, TokenView

app_name = "token_issuer"


def _both(route: str, view: Callable[..., Any], *, name: str) -> list[URLPattern]:
    # APPEND_SLASH cannot redirect a POST, so both spellings answer; reverse() gives the one with the slash.
    return [path(f"{route}/", view, name=name), path(route, view)]


urlpatterns = [
    *_both("applications", ApplicationsView.as_view(), name="applications"),
    *_both("applications/<str:slug>/tokens", IssueView.as_view(), name="issue"),
    *_both("applications/<str:slug>/tokens/explain", ExplainView.as_view(), name="explain"),
    *_both("applications/<str:slug>/one-time-keys", OneTimeKeysView.as_view(), name="one-time-keys"),
    *_both("applications/<str:slug>/pairs", PairsView.as_view(), name="pairs"),
    *_both("applications/<str:slug>/pairs/refresh", RefreshPairView.as_view(), name="refresh-pair"),
    *_both("applications/<str:slug>/pairs/forget", ForgetPairView.as_view(), name="forget-pair"),
    *_both("one-time-keys/redeem", RedeemView.as_view(), name="redeem"),
    *_both("oauth/token", ExchangeView.as_view(), name="oauth-token"),
    *_both("oauth/revoke", SurrenderView.as_view(), name="oauth-revoke"),
    *_both("oauth/introspect", IntrospectView.as_view(), name="oauth-introspect"),
    *_both("tokens", TokensView.as_view(), name="tokens"),
    *_both("tokens/inspect", InspectView.as_view(), name="inspect"),
    *_both("tokens/revoke-mine", RevokeMineView.as_view(), name="revoke-mine"),
    *_both("tokens/<str:token_id>", TokenView.as_view(), name="token"),
    *_both("tokens/<str:token_id>/revoke", RevokeView.as_view(), name="revoke"),
]
