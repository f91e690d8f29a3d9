"""What a generic client configures itself from."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import AT, ApplicationFactory, CertificateFactory, caller
from tests.statements import counted
from token_issuer.crypto import Secret, public_jwks, signing_keys
from token_issuer.models import Certificate
from token_issuer.services import switching
from token_issuer.urls.well_known import urlpatterns as well_known

METADATA = "/.well-known/oauth-authorization-server"
KEYS = "/.well-known/jwks.json"


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = "tests.api.root_urls"


@pytest.fixture
def issuer(configure):
    def issuer(address: str) -> str:
        configure(ISSUER=address)
        return address

    return issuer


def get(address: str, **headers: str):
    return Client().get(address, secure=True, headers=headers)


def certificate(application, algorithm: str = "ES256", **columns) -> Certificate:
    """A certificate with a published half."""
    secret = signing_keys.new_secret(algorithm)
    made = CertificateFactory(application=application, algorithm=algorithm, secret=secret, **columns)
    key = signing_keys.signing_key(Secret(**secret), part="key", algorithm=algorithm, key_id=made.key_id)
    made.public_jwk = public_jwks.public_jwk(key)
    made.save()
    return made


# RFC 8414


def test_the_metadata_says_what_there_is(issuer, configure):
    issuer("https://id.example")
    configure(ISSUER="https://id.example", SCOPES={"orders:read": "See your orders"})
    assert get(METADATA).json() == {
        "issuer": "https://id.example",
        "token_endpoint": "https://id.example/issuer/oauth/token/",
        "revocation_endpoint": "https://id.example/issuer/oauth/revoke/",
        "introspection_endpoint": "https://id.example/issuer/oauth/introspect/",
        "jwks_uri": "https://id.example/.well-known/jwks.json",
        "grant_types_supported": ["refresh_token", "client_credentials"],
        "response_types_supported": [],
        "scopes_supported": ["orders:read", "tokens:introspect", "tokens:issue", "tokens:revoke"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("https://id.example", ""),
        ("https://id.example/", ""),
        ("https://id.example/issuer", "/issuer"),
        ("https://id.example/issuer/", "/issuer"),
        ("https://id.example/a/b", "/a/b"),
        ("https://id.example:8443/a", "/a"),
    ],
)
def test_the_path_of_the_issuer_stands_behind(issuer, address, path):
    """RFC 8414 section 3.1; and section 3.3: the issuer is the configured one, letter for letter."""
    issuer(address)
    body = get(METADATA + path).json()
    assert body["issuer"] == address
    assert body["token_endpoint"].startswith(address.split("/", 3)[2].join(["https://", "/issuer/oauth/"]))


@pytest.mark.parametrize("path", ["", "/other", "/issuer/x", "/Issuer", "/issuer//", "/", "x"])
def test_another_issuer_is_not_here(issuer, path):
    issuer("https://id.example/issuer")
    assert get(METADATA + path).status_code == 404


def test_what_is_not_here_is_kept_by_nobody(issuer):
    issuer("https://id.example/issuer")
    assert get(METADATA)["Cache-Control"] == "no-store"


def test_without_an_issuer_there_is_no_metadata(db):
    assert get(METADATA).status_code == 404


def test_without_the_api_it_is_not_set_up(issuer, settings):
    settings.ROOT_URLCONF = __name__
    issuer("https://id.example")
    assert get(METADATA).status_code == 503


urlpatterns = well_known


# RFC 7517


@pytest.fixture
def own_application(db):
    return ApplicationFactory(slug="own", provider="own")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_public_keys_are_published(own_application, algorithm):
    made = certificate(own_application, algorithm, active=True)
    body = get(KEYS).json()
    assert body == {"keys": [made.public_jwk]}
    assert set(body["keys"][0]) <= {"kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"}


def test_a_key_is_published_before_it_signs_and_after_it_did(own_application):
    rows = [
        certificate(own_application),
        certificate(own_application, active=True),
        certificate(own_application, active=True, retiring_at=AT),
    ]
    assert {key["kid"] for key in get(KEYS).json()["keys"]} == {row.key_id for row in rows}


@pytest.mark.parametrize("ended", [{"retired_at": AT}, {"revoked_at": AT}])
def test_a_key_that_verifies_nothing_is_not(own_application, ended):
    certificate(own_application, active=True, **ended)
    assert get(KEYS).json() == {"keys": []}


def test_nor_is_one_of_an_application_that_is_off(own_application, user):
    certificate(own_application, active=True)
    switching.disable(caller(user), own_application, at=AT)
    assert get(KEYS).json() == {"keys": []}


def test_a_shared_secret_is_never_published(own_application):
    CertificateFactory(application=own_application, active=True, algorithm="HS256")
    assert get(KEYS).json() == {"keys": []}


def test_it_is_one_statement(own_application):
    certificate(own_application, active=True)
    with counted(1):
        get(KEYS)


# Both


@pytest.mark.parametrize(("address", "age"), [(METADATA, 3600), (KEYS, 300)])
def test_they_may_be_kept_for_a_while(issuer, own_application, address, age):
    issuer("https://id.example")
    first = get(address)
    assert first["Cache-Control"] == f"public, max-age={age}"
    assert first["Content-Type"] == "application/json"
    again = get(address, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"]


def test_what_has_changed_has_another_tag(own_application):
    before = get(KEYS)["ETag"]
    certificate(own_application, active=True)
    after = get(KEYS, **{"If-None-Match": before})
    assert (after.status_code, after["ETag"] != before) == (200, True)


@pytest.mark.parametrize("address", [METADATA, KEYS])
def test_they_are_only_read(issuer, db, address):
    issuer("https://id.example")
    assert Client().post(address, secure=True).status_code == 405
    assert Client().head(address, secure=True).status_code == 200


@pytest.mark.parametrize("address", [METADATA, KEYS])
def test_they_tell_nobody_more_than_anybody(issuer, own_application, user, address):
    issuer("https://id.example")
    client = Client()
    client.force_login(user)
    response = client.get(address, secure=True, headers={"Origin": "https://evil.test"})
    assert response.content == get(address).content
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert not response.cookies


@pytest.mark.parametrize("address", [METADATA, KEYS])
def test_they_take_no_parameters(issuer, db, address):
    issuer("https://id.example")
    assert get(f"{address}?token=x").status_code == 400


@pytest.mark.parametrize("pattern", well_known, ids=lambda pattern: pattern.name)
def test_no_view_is_wrapped_in_a_transaction_or_sent_to_a_login_page(pattern):
    assert vars(pattern.callback)["_non_atomic_requests"]
    assert vars(pattern.callback)["login_required"] is False
