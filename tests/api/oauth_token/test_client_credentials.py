"""A server's key for its own access token (RFC 6749 section 4.4)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from tests.api.machines import Machine, assert_error
from tests.api.oauth_token.pairs import BOTH
from tests.factories import ApplicationFactory, RuleFactory, api_key
from token_issuer.models import IssuedToken, Principal, TokenFamily
from token_issuer.services import verifying


def exchange(server, **form):
    key, secret = server
    return Machine(key.public_id, secret).post("token", grant_type="client_credentials", **form)


def test_a_server_gets_a_token_of_its_own(server):
    body = exchange(server).json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    assert body["scope"] == f"{BOTH} tokens:issue"
    found = verifying.verify(body["access_token"], at=timezone.now())
    assert (found.principal, found.subject) == (Principal.API_KEY, server[0].public_id)
    assert isinstance(found.user, AnonymousUser)
    assert not TokenFamily.objects.exists()


def test_it_may_ask_for_less(server):
    assert exchange(server, scope="orders:read").json()["scope"] == "orders:read"


@pytest.mark.parametrize("scope", ["tokens:revoke", "orders:read unknown"])
def test_it_may_not_ask_for_more(server, scope):
    assert_error(exchange(server, scope=scope), 400, "invalid_scope")


@pytest.mark.parametrize("form", [{}, {"scope": "orders:read"}])
def test_a_key_that_acts_as_a_user_has_no_token_of_its_own(shop, user, form):
    server = api_key(application=shop, scopes=["orders:read", "tokens:issue"], acts_as=user)
    assert_error(exchange(server, **form), 400, "unauthorized_client")
    assert not IssuedToken.objects.exists()


def test_nobody_has_no_credentials_to_exchange(holder, shop):
    response = holder.post("token", grant_type="client_credentials", client_id="shop")
    assert_error(response, 401, "invalid_client")


def test_a_vendors_application_has_no_tokens_for_servers(db):
    rooms = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    assert_error(exchange(api_key(application=rooms)), 400, "unauthorized_client")


def test_a_site_may_say_no(server, configure):
    configure(POLICIES={"own": "tests.api.site_policies.denies"})
    assert_error(exchange(server), 400, "access_denied")
