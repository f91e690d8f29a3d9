"""What the program may say when it makes a client."""

from __future__ import annotations

import pytest

from token_issuer.client import AsyncClient, Client, ConfigurationError, TokenText
from token_issuer.client.settings import ApiKey

HERE = "https://example.com/issuer/"
SECRET = "tis_do-not-show-me"


@pytest.mark.parametrize("make", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.com/issuer/", "Plain http is for this machine only"),
        ("http://127.0.0.1.example.com/", "Plain http"),
        ("http://localhost.example.com/", "Plain http"),
        ("http://2130706433/", "Plain http"),
        ("https://user:password@example.com/", "no user name and no password"),
        ("https://user@example.com/", "no user name"),
        ("https://example.com/?a=b", "no query, no fragment"),
        ("https://example.com/?", "no query"),
        ("https://example.com/#a", "no query, no fragment"),
        ("example.com/issuer/", "starts with https://"),
        ("/issuer/", "starts with https://"),
        ("https:///issuer/", "starts with https://"),
        ("ws://example.com/", "starts with https://"),
        ("", "starts with https://"),
        ("https://example.com:port/", "This is no address"),
        ("https://exam\nple.com/", "This is no address"),
    ],
)
def test_a_base_address_that_is_none_is_refused(make, address, message):
    with pytest.raises(ConfigurationError, match=message):
        make(address)


@pytest.mark.parametrize(
    "address",
    ["http://localhost:8000/issuer/", "http://127.0.0.1/", "http://127.8.8.8/", "http://[::1]:8000/",
     "http://issuer.localhost/", "https://example.com", "HTTPS://EXAMPLE.COM/a"],
)  # fmt: skip
def test_this_machine_and_https_are_fine(address):
    Client(address).close()


@pytest.mark.parametrize(
    "address", ["https://example.com/issuer", "https://example.com/issuer/", "https://example.com:443/issuer//"]
)
def test_one_slash_ends_the_base(address):
    with Client(address) as client:
        assert repr(client) == "<Client of https://example.com/issuer/>"


@pytest.mark.parametrize("key", [{"api_key": "ak"}, {"api_secret": SECRET}, {"api_key": "", "api_secret": SECRET}])
def test_half_a_key_is_refused(key):
    with pytest.raises(ConfigurationError, match="go together") as refused:
        Client(HERE, **key)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("secret", [f"{SECRET}\n", f"{SECRET} x", f"{SECRET}ä", f"{SECRET}\x00"])
def test_a_secret_that_no_header_can_carry_is_refused(secret):
    with pytest.raises(ConfigurationError, match="printable ASCII") as refused:
        Client(HERE, api_key="ak", api_secret=secret)
    assert SECRET not in str(refused.value)


def test_a_refresh_token_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="printable ASCII"):
        Client(HERE, refresh_token="two words")


@pytest.mark.parametrize("tuning", [{"timeout": 0}, {"timeout": 10}, {"timeout": 11}, {"timeout": 3, "grace": 2}])
def test_a_timeout_stays_below_the_grace(tuning):
    with pytest.raises(ConfigurationError, match="below `grace`"):
        Client(HERE, **tuning)


def test_an_origin_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="Plain http"):
        Client(HERE, origins=["http://example.com"])


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="retries"):
        Client(HERE, **{"retries": 3})  # type: ignore[arg-type]


def test_both_parts_of_a_key_are_encoded_before_they_are_joined():
    key = ApiKey(public_id="a:b", secret=TokenText("c d+%"))
    assert key.basic() == "Basic YSUzQWI6YytkJTJCJTI1"  # a%3Ab:c+d%2B%25
