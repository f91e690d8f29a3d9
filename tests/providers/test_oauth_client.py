"""The OAuth client's own rules; what it sends and reads is tried on a server in ``tests/services/pairs``."""

from __future__ import annotations

import pytest

from token_issuer.errors import BadOption, TokenMalformed
from token_issuer.providers.fields import parse
from token_issuer.providers.oauth_client import OAuthClientGrant, OAuthClientOptions, OAuthClientProvider, OAuthDeposit
from token_issuer.registry import faults, get_provider

PROVIDER = OAuthClientProvider()
URL = "https://auth.example.com/oauth/token"


def test_it_is_a_provider_without_faults():
    assert get_provider("oauth-client").label == "OAuth client (Connectify and others)"
    assert [*faults(OAuthClientProvider)] == []


@pytest.mark.parametrize("url", [URL, f"{URL}/", "http://127.0.0.1:8000/issuer/oauth/token"])
def test_a_token_endpoint(url):
    assert OAuthClientOptions(token_url=url).token_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "auth.example.com", "http://auth.example.com/", "ftp://x/", "https://", "https://a@b/"),
        *("https://a..b/", "https://xn--/", f"https://{'a' * 64}/", "https://a:80a/", "https://a:443:443/"),
        *(f"{URL}#a", f"{URL}?tenant=1", f"{URL} "),
    ],
)
def test_what_is_no_token_endpoint(url):
    with pytest.raises(BadOption) as caught:
        OAuthClientOptions(token_url=url)
    assert caught.value.field == "token_url"


@pytest.mark.parametrize("scope", ["", "read", "read write:all"])
def test_a_scope(scope):
    assert OAuthClientOptions(token_url=URL, scope=scope).scope == scope


@pytest.mark.parametrize("scope", ["read  write", " read", 'a"b', "é", "a\\b"])
def test_what_is_no_scope(scope):
    with pytest.raises(BadOption):
        OAuthClientOptions(token_url=URL, scope=scope)


@pytest.mark.parametrize("text", ["", " x", "x\n", "é"])
def test_what_is_no_client_secret(text):
    with pytest.raises(BadOption) as caught:
        PROVIDER.check_secret("call", {"client_secret": text})
    assert caught.value.field == "client_secret"


def test_a_client_secret_may_have_blanks_inside():
    PROVIDER.check_secret("call", {"client_secret": "a b/:"})


@pytest.mark.parametrize("text", ["é", "a\nb"])
def test_what_is_no_client_id(text):
    with pytest.raises(BadOption) as caught:
        PROVIDER.check_public_id(text)
    assert caught.value.field == "public_id"


def test_an_application_may_be_without_a_secret():
    assert (PROVIDER.minting_purpose, PROVIDER.first_purpose) == (None, "call")


def test_its_tokens_say_nothing_here():
    for read in (PROVIDER.inspect, lambda text: PROVIDER.verify(text, secrets=[], expected=None)):
        with pytest.raises(TokenMalformed):
            read("anything")


def test_what_is_handed_in_never_shows():
    assert "secret-1" not in repr(parse(OAuthDeposit, {"access_token": "secret-1", "refresh_token": "secret-1"}))


def test_a_grant_asks_for_one_of_the_persons_connections():
    assert PROVIDER.device_of(OAuthClientGrant(device="work")) == "work"
    assert PROVIDER.device_of(PROVIDER.grant_for("")) == ""
    assert PROVIDER.grant_for("work").resource == "work"
