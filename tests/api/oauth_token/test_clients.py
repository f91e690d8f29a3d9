"""Who refreshes: public clients, servers, and ways of naming oneself (RFC 6749 section 2.3)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.api.machines import Machine, assert_error
from tests.api.oauth_token.pairs import issued, text_of
from tests.factories import api_key
from token_issuer.models import ApiKey, TokenFamily


def test_the_application_may_be_named_as_the_client(holder, pair):
    assert holder.refresh(text_of(pair), client_id="shop").status_code == 200


def test_a_client_without_a_value_is_none(holder, pair):
    assert holder.refresh(text_of(pair), client_id="", scope="", client_secret="").status_code == 200


def test_a_public_client_may_come_in_the_header(pair):
    assert Machine("shop", "").refresh(text_of(pair)).status_code == 200


def test_another_public_client_must_not(holder, pair):
    assert_error(holder.refresh(text_of(pair), client_id="another"), 400, "invalid_grant")


def test_the_servers_own_pair_is_refreshed_by_the_server(server, user):
    key, secret = server
    made = issued(user, api_key=key)
    response = Machine(key.public_id, secret).refresh(text_of(made))
    assert response.status_code == 200
    again = Machine().refresh(response.json()["refresh_token"], client_id=key.public_id, client_secret=secret)
    assert again.status_code == 200


def test_a_servers_pair_may_be_refreshed_by_its_holder(holder, server, user):
    assert holder.refresh(text_of(issued(user, api_key=server[0]))).status_code == 200


def test_another_server_must_not(shop, server, user):
    other, secret = api_key(application=shop)
    assert_error(
        Machine(other.public_id, secret).refresh(text_of(issued(user, api_key=server[0]))), 400, "invalid_grant"
    )


def test_a_server_that_does_not_prove_itself_is_refused(holder, server, user):
    made = issued(user, api_key=server[0])
    assert_error(holder.refresh(text_of(made), client_id=server[0].public_id), 401, "invalid_client")
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.parametrize("wrong", ["x", "tis_x", ""])
def test_a_wrong_secret_is_refused(pair, server, wrong):
    response = Machine(server[0].public_id, wrong).refresh(text_of(pair))
    assert_error(response, 401, "invalid_client")
    assert response["WWW-Authenticate"] == 'Basic realm="token_issuer", charset="UTF-8"'


def test_an_ended_key_is_refused(pair, server):
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_error(Machine(server[0].public_id, server[1]).refresh(text_of(pair)), 401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic e30=", "Basic //79", "Bearer x", "Digest x=1", "x"])
def test_a_header_that_is_no_credential_is_refused(holder, pair, header):
    holder.headers["Authorization"] = header
    assert_error(holder.refresh(text_of(pair)), 401, "invalid_client")


def test_credentials_come_in_one_way(server, pair):
    key, secret = server
    machine = Machine(key.public_id, secret)
    for form in ({"client_secret": secret}, {"client_id": "shop"}, {"client_id": key.public_id, "client_secret": "x"}):
        assert_error(machine.refresh(text_of(pair), **form), 400, "invalid_request")


def test_the_same_name_twice_is_one_name(server, user):
    key, secret = server
    made = issued(user, api_key=key)
    assert Machine(key.public_id, secret).refresh(text_of(made), client_id=key.public_id).status_code == 200


def test_the_apis_own_header_is_known_too(server, user):
    key, secret = server
    machine = Machine()
    machine.headers["Authorization"] = f"Api-Key {key.public_id}.{secret}"
    assert machine.refresh(text_of(issued(user, api_key=key))).status_code == 200
