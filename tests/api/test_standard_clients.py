"""Clients that know the standard and nothing of us, unmodified, against a server that runs."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.factories import api_key, caller
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, TokenFamily
from token_issuer.services import issuing, registering
from token_issuer.services.drafts import ApplicationDraft, RuleDraft

pytestmark = pytest.mark.django_db(transaction=True)

SCOPES = ["orders:read", "tokens:issue"]
ALGORITHMS = ["ES256", "EdDSA", "RS256"]


@pytest.fixture(autouse=True)
def plain_http(monkeypatch, settings, configure, live_server):
    """The clients refuse plain HTTP as we do; a test's server has no certificate."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    settings.ROOT_URLCONF = "tests.api.root_urls"
    configure(ISSUER=live_server.url, REQUIRE_HTTPS=False, SCOPES={"orders:read": "See your orders"})


@pytest.fixture
def addresses_of(live_server):
    """Where a client that knows the issuer alone finds everything (RFC 8414)."""

    def addresses_of() -> dict[str, Any]:
        with urlopen(get_well_known_url(live_server.url, external=True)) as answer:
            return dict(json.load(answer))

    return addresses_of


@pytest.fixture
def shop(user):
    """An application whose tokens are verified by whoever fetches its keys."""

    def shop(algorithm: str = "ES256"):
        rules = [RuleDraft(everyone=True, privileges=SCOPES)]
        draft = ApplicationDraft(
            provider="own", slug="shop", name="", public_id="shop", algorithm=algorithm, rules=rules
        )
        return registering.register(caller(user), draft, at=timezone.now() - timedelta(days=1))

    return shop


@pytest.fixture
def token(shop, user) -> dict[str, Any]:
    """A pair as a client keeps it, whose access token has just run out."""
    shop()
    made = issuing.issue(
        caller(user, origin=Origin.BEARER),
        "shop",
        body={"scope": " ".join(SCOPES)},
        at=timezone.now() - timedelta(hours=2),
    )
    assert made.pair is not None
    return {
        "access_token": made.token.reveal(),
        "refresh_token": made.pair.refresh_token.reveal(),
        "token_type": "Bearer",
        "expires_in": -3600,
        "expires_at": time.time() - 3600,
    }


@pytest.fixture
def server(shop) -> tuple[str, str]:
    """A server's client id and secret."""
    scopes = [*SCOPES, "tokens:revoke", "tokens:introspect"]
    key, secret = api_key(application=shop(), scopes=scopes)
    return key.public_id, secret


# requests-oauthlib


def test_requests_oauthlib_refreshes_by_itself(token, addresses_of, live_server):
    kept: list[dict[str, Any]] = []
    session = RequestsSession(
        "shop",
        token=token,
        auto_refresh_url=addresses_of()["token_endpoint"],
        auto_refresh_kwargs={"client_id": "shop"},
        token_updater=kept.append,
    )
    answer = session.get(f"{live_server.url}/issuer/tokens/")
    assert answer.status_code == 200
    assert kept[0]["refresh_token"] != token["refresh_token"]
    assert kept[0]["scope"] == SCOPES
    assert IssuedToken.objects.get(generation=1).origin == Origin.REFRESH


def test_requests_oauthlib_goes_on_with_the_successor(token, addresses_of):
    endpoint = addresses_of()["token_endpoint"]
    session = RequestsSession("shop", token=token)
    for generation in (1, 2, 3):
        session.token = session.refresh_token(endpoint)
        assert TokenFamily.objects.get().generation == generation


def test_requests_oauthlib_hears_of_reuse(token, addresses_of):
    endpoint = addresses_of()["token_endpoint"]
    session = RequestsSession("shop", token=token)
    session.refresh_token(endpoint)
    TokenFamily.objects.update(rotated_at=timezone.now() - timedelta(minutes=1))
    with pytest.raises(InvalidGrantError):
        session.refresh_token(endpoint, refresh_token=token["refresh_token"])
    assert AuditEvent.objects.filter(kind=AuditKind.REFRESH_REUSED).count() == 1


def test_requests_oauthlib_gets_a_servers_own_token(server, addresses_of):
    client_id, secret = server
    session = RequestsSession(client=BackendApplicationClient(client_id=client_id))
    token = session.fetch_token(addresses_of()["token_endpoint"], auth=HTTPBasicAuth(client_id, secret))
    assert "refresh_token" not in token
    assert "orders:read" in token["scope"]


# Authlib


def test_authlib_refreshes_by_itself(token, addresses_of, live_server):
    kept: list[str] = []
    session = AuthlibSession(
        "shop",
        token=token,
        token_endpoint=addresses_of()["token_endpoint"],
        token_endpoint_auth_method="none",
        update_token=lambda fresh, **kwargs: kept.append(fresh["refresh_token"]),
    )
    assert session.get(f"{live_server.url}/issuer/tokens/").status_code == 200
    assert kept != [token["refresh_token"]]
    assert TokenFamily.objects.get().generation == 1


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_proves_itself_in_either_way(server, addresses_of, method):
    client_id, secret = server
    session = AuthlibSession(client_id, secret, token_endpoint_auth_method=method)
    token = session.fetch_token(addresses_of()["token_endpoint"], grant_type="client_credentials", scope="orders:read")
    assert (token["token_type"], token["scope"]) == ("Bearer", "orders:read")


def test_authlib_hears_that_its_secret_is_wrong(server, addresses_of):
    session = AuthlibSession(server[0], "wrong")
    with pytest.raises(OAuthError, match=r"^invalid_client: "):
        session.fetch_token(addresses_of()["token_endpoint"], grant_type="client_credentials")


def test_authlib_introspects_and_revokes(server, addresses_of):
    client_id, secret = server
    found = addresses_of()
    session = AuthlibSession(client_id, secret)
    text = session.fetch_token(found["token_endpoint"], grant_type="client_credentials")["access_token"]

    def introspected() -> dict[str, Any]:
        return dict(session.introspect_token(found["introspection_endpoint"], token=text).json())

    assert (introspected()["active"], introspected()["client_id"]) == (True, client_id)
    assert session.revoke_token(found["revocation_endpoint"], token=text).status_code == 200
    assert introspected() == {"active": False}


def test_authlib_gives_up_a_pair_without_a_secret(token, addresses_of):
    found = addresses_of()
    session = AuthlibSession("shop", token=token, revocation_endpoint_auth_method="none")
    session.revoke_token(found["revocation_endpoint"], token=token["refresh_token"], token_type_hint="refresh_token")
    assert TokenFamily.objects.get().reason == "given up by its holder"


# The documents


def test_authlib_accepts_the_metadata(addresses_of, live_server):
    """All but the member that section 2 requires of servers that have no authorization endpoint to answer one."""
    found = AuthorizationServerMetadata(addresses_of())
    assert found["issuer"] == live_server.url
    https = AuthorizationServerMetadata(
        {
            name: value.replace("http://", "https://") if isinstance(value, str) else value
            for name, value in found.items()
        }
    )
    for name in https.REGISTRY_KEYS:
        if name != "response_types_supported":
            getattr(https, f"validate_{name}")()


@pytest.mark.parametrize("path", ["", "/issuer", "/a/b/"])
def test_a_generic_client_configures_itself_from_the_issuer_alone(server, live_server, configure, path):
    issuer = live_server.url + path
    configure(ISSUER=issuer)
    parts = urlsplit(issuer)
    address = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
    with urlopen(address) as answer:
        found = json.load(answer)
    assert found["issuer"] == issuer
    token = AuthlibSession(*server).fetch_token(found["token_endpoint"], grant_type="client_credentials")
    with urlopen(found["jwks_uri"]) as answer:
        keys = KeySet.import_key_set(json.load(answer))
    said = jwt.decode(token["access_token"], keys, algorithms=["ES256"])
    assert said.claims["iss"] == issuer


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 names the curve instead; both are understood
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joserfc_verifies_our_tokens_with_our_keys(shop, user, addresses_of, live_server, algorithm):
    application = shop(algorithm)
    key, secret = api_key(application=application, scopes=SCOPES)
    found = addresses_of()
    token = AuthlibSession(key.public_id, secret).fetch_token(found["token_endpoint"], grant_type="client_credentials")
    with urlopen(found["jwks_uri"]) as answer:
        keys = KeySet.import_key_set(json.load(answer))
    said = jwt.decode(token["access_token"], keys, algorithms=[algorithm])
    registry = JWTClaimsRegistry(
        iss={"essential": True, "value": live_server.url},
        aud={"essential": True, "value": live_server.url},
        sub={"essential": True, "value": key.public_id},
        client_id={"essential": True, "value": "shop"},
        exp={"essential": True},
    )
    registry.validate(said.claims)
    assert (said.header["alg"], said.header["typ"]) == (algorithm, "at+jwt")
    assert said.claims["scope"] == " ".join(SCOPES)
