"""Whose address is kept."""

from __future__ import annotations

import pytest

from token_issuer.services.addresses import audited_address


@pytest.fixture
def told(settings):
    """A function that sets what the site says about networks."""

    def tell(**changes):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, **changes}

    return tell


@pytest.mark.parametrize(
    ("peer", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
    ],
)
def test_connection_is_kept(peer, kept):
    assert audited_address(peer=peer, forwarded_for="") == kept


def test_header_of_a_stranger_is_not_believed():
    assert audited_address(peer="192.0.2.7", forwarded_for="198.51.100.1") == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded_for", "kept"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("198.51.100.1, nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_header_of_a_proxy_is_read_from_the_right(told, forwarded_for, kept):
    told(TRUSTED_PROXIES=["10.0.0.0/8"])
    assert audited_address(peer="10.0.0.1", forwarded_for=forwarded_for) == kept


@pytest.mark.parametrize(("peer", "kept"), [("192.0.2.7", "192.0.2.0"), ("2001:db8:1:2::3", "2001:db8:1::")])
def test_network_alone_is_kept(told, peer, kept):
    told(AUDIT_NETWORK="truncated")
    assert audited_address(peer=peer, forwarded_for="") == kept


def test_nothing_is_kept(told):
    told(AUDIT_NETWORK="off")
    assert audited_address(peer="192.0.2.7", forwarded_for="") is None
