"""Where secrets may be sent: over TLS, or not over a network at all."""

from __future__ import annotations

import pytest

from token_issuer.errors import BadOption
from token_issuer.providers.addresses import check_base, is_safe


@pytest.mark.parametrize(
    "url",
    [
        "https://api.agora.io",
        "https://api.example.com:8443/v1",
        "http://127.0.0.1:8080",
        "http://localhost:9",
        "http://[::1]:9",
        "http://127.8.9.1",
        "https://[2001:db8::1]:8443",
        "https://192.0.2.1",
        "https://api_1.example.com.",
        f"https://{'a' * 63}.example",
        "https://xn--strae-oqa.example",
    ],
)
def test_a_base_address(url):
    check_base("api_url", url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.agora.io", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("http://localhost.example.com", "must begin with https://"),
        ("ftp://api.agora.io", "must begin with https://"),
        ("api.agora.io", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("https://[::1", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://api.agora.io/", "must not end with /"),
        ("https://api.agora.io?x=1", "without blanks, query, fragment and user"),
        ("https://api.agora.io#x", "without blanks, query, fragment and user"),
        ("https://me:secret@api.agora.io", "without blanks, query, fragment and user"),
        ("https://api.agora.io /x", "without blanks, query, fragment and user"),
        ("https://api.agora.io\n", "without blanks, query, fragment and user"),
        ("https://ägora.io", "without blanks, query, fragment and user"),
        ("https://api.agora.io\\x", "without blanks, query, fragment and user"),
        ("https://api.agora.io:99999", "a port of 1 to 65535"),
        ("https://api.agora.io:0", "a port of 1 to 65535"),
        ("https://api.agora.io:80a", "a port of 1 to 65535"),
        ("https://api.agora.io:443:443", "a port of 1 to 65535"),
        ("http://localhost:80a", "a port of 1 to 65535"),
        ("https://a..b", "a host's name"),
        ("https://.a", "a host's name"),
        ("https://-a.example", "a host's name"),
        ("https://*.example", "a host's name"),
        ("https://exam%20ple", "a host's name"),
        ("https://1.2.3.4.5", "a host's name"),
        ("https://[fe80::1%251]", "a host's name"),
        ("https://xn--", "a host's name"),
        ("https://xn--a.example", "a host's name"),
        ("https://xn--99999999.example", "a host's name"),
        (f"https://{'a' * 64}.example", "a host's name"),
        (f"https://{'a.' * 128}example", "a host's name"),
    ],
)
def test_what_is_none(url, message):
    with pytest.raises(BadOption, match=message) as caught:
        check_base("api_url", url)
    assert caught.value.field == "api_url"


def test_only_https_leaves_this_machine():
    assert is_safe("https://api.agora.io/dev/v1/kicking-rule")
    assert not is_safe("http://api.agora.io/dev/v1/kicking-rule")
