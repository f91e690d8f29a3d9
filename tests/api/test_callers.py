"""What the audit learns of a request."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import RequestFactory

from token_issuer.api.callers import address_of, audited_address, request_id_of
from token_issuer.models import IssuedToken


def request(remote="203.0.113.7", forwarded=None, **headers):
    made = RequestFactory().get("/", headers=headers)
    made.META["REMOTE_ADDR"] = remote
    if forwarded is not None:
        made.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return made


@pytest.mark.parametrize("forwarded", ["198.51.100.1", "10.0.0.1, 198.51.100.1", "nonsense", ""])
def test_without_a_trusted_proxy_the_connection_counts(forwarded):
    assert str(address_of(request(forwarded=forwarded))) == "203.0.113.7"


@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:5678", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("fe80::1%eth0", None, "fe80::1"),
        ("", "198.51.100.1", "None"),
        ("unix:", None, "None"),
    ],
)
def test_a_trusted_proxy_says_whom_it_speaks_for(configure, remote, forwarded, found):
    configure(TRUSTED_PROXIES=["10.0.0.0/8"])
    assert str(address_of(request(remote, forwarded))) == found


@pytest.mark.parametrize(
    ("kept", "remote", "found"),
    [
        ("full", "203.0.113.7", "203.0.113.7"),
        ("truncated", "203.0.113.7", "203.0.113.0"),
        ("truncated", "2001:db8:1:2:3::4", "2001:db8:1::"),
        ("off", "203.0.113.7", None),
        ("full", "", None),
        ("truncated", "", None),
    ],
)
def test_the_address_is_kept_as_the_site_wants_it(configure, kept, remote, found):
    configure(AUDIT_NETWORK=kept)
    assert audited_address(request(remote)) == found


@pytest.mark.parametrize(
    "word", ["abc-123", "0197a0b0-0000-7000-8000-000000000000", "a", "Root=1:b_c.d".replace("=", "-")]
)
def test_a_plain_request_id_is_kept(word):
    assert request_id_of(request(**{"X-Request-ID": word})) == word


@pytest.mark.parametrize("word", ["", " ", "a b", "-a", "a\r\nb", "<script>", "a" * 65, "é", "a;b"])
def test_any_other_is_replaced(word):
    assert UUID(request_id_of(request(**{"X-Request-ID": word}))).version == 7


def test_a_request_has_one_id():
    made = request()
    assert request_id_of(made) == request_id_of(made)


def test_the_row_has_all_of_it(browser, rooms):
    agent = "Browser/1.0\x00\x1b[31m" + "x" * 300
    browser.post("applications/rooms/tokens/", {"roomId": "a"}, **{"User-Agent": agent, "X-Request-ID": "abc"})
    row = IssuedToken.objects.get()
    assert (row.ip, row.request_id) == ("127.0.0.1", "abc")
    assert row.user_agent.startswith("Browser/1.0  [31m")
    assert len(row.user_agent) == 255
