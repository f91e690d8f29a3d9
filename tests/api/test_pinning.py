"""Nothing that a site sets for its own views reaches ours."""

from __future__ import annotations

import pytest
from django.db import connections
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from token_issuer.api import errors
from token_issuer.api.views.base import IssuerView, PinnedView, SecureView
from token_issuer.api.views.login_keys import RedeemView
from token_issuer.api.views.oauth import ExchangeView, IntrospectView, SurrenderView
from token_issuer.urls import compat
from token_issuer.urls import urlpatterns as own_patterns

urlpatterns = [*own_patterns, *compat.urlpatterns]
POLICIES = {
    name for name in vars(APIView) if name.endswith(("_class", "_classes")) or name in {"settings", "schema"}
} - {"view_class"}
VIEWS = {vars(pattern.callback)["cls"] for pattern in urlpatterns}


def test_every_policy_there_is_was_found():
    assert {
        "renderer_classes", "parser_classes", "authentication_classes", "throttle_classes", "permission_classes",
        "content_negotiation_class", "metadata_class", "versioning_class", "settings", "schema",
    } == POLICIES  # fmt: skip


@pytest.mark.parametrize("policy", sorted(POLICIES | {"pagination_class", "http_method_names"}))
def test_every_policy_is_said_once_for_all(policy):
    assert policy in vars(PinnedView)
    assert not [view for view in VIEWS if policy in vars(view)]


def test_every_view_stands_on_the_same_ground():
    """Whoever redeems a login key is nobody yet, and a client is no caller; everybody else signs in."""
    others = {RedeemView, ExchangeView, SurrenderView, IntrospectView}
    assert {view for view in VIEWS if not issubclass(view, IssuerView)} == others
    assert all(issubclass(view, SecureView) for view in others)


def test_the_settings_are_drfs_own():
    assert PinnedView.settings is not api_settings
    assert PinnedView.settings.EXCEPTION_HANDLER.__module__ == "rest_framework.views"
    assert PinnedView.settings.FORMAT_SUFFIX_KWARG == "format"


def test_errors_are_ours():
    assert PinnedView().get_exception_handler() is errors.handle


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.pattern))
def test_no_view_is_wrapped_in_a_transaction_or_sent_to_a_login_page(pattern):
    assert vars(pattern.callback)["_non_atomic_requests"] == set(connections)
    assert vars(pattern.callback)["login_required"] is False
