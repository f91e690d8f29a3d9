"""Short tokens of our own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

import pytest

from token_issuer.crypto import opaque
from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.providers.base import Grant, MintOrder, Options, Revocation
from token_issuer.providers.fields import parse
from token_issuer.providers.own import OwnGrant
from token_issuer.providers.own_once import PREFIX, OwnOnceGrant, OwnOnceProvider
from token_issuer.testing import ProviderConformance

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)

own_once = OwnOnceProvider()


class TestOwnOnce(ProviderConformance):
    provider = own_once
    public_id = "shop"
    secret: ClassVar[dict[str, str]] = {}
    other_secret: ClassVar[dict[str, str]] = {}
    subject, other_subject = "user-1", "user-2"
    narrowest = frozenset({"readonly"})
    grants: ClassVar[Sequence[Grant]] = (
        OwnOnceGrant(),
        OwnOnceGrant(access="readwrite"),
        OwnOnceGrant(one_time=False),
        OwnOnceGrant(access="readwrite", one_time=False),
    )


def order(grant: Grant, *, entropy: bytes = bytes(range(32))) -> MintOrder:
    return MintOrder(
        token_id=UUID(int=1),
        public_id="shop",
        options=Options(),
        issuer="",
        grant=grant,
        issued_at=AT,
        expires_at=AT + timedelta(seconds=10),
        key_id="",
        entropy=entropy,
    )


GRANT = OwnOnceGrant(sub="user-7")


def test_a_token_is_its_entropy_behind_a_prefix() -> None:
    assert own_once.mint(order(GRANT)).value == "tio_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2EfvEH"


def test_whoever_looks_at_the_prefix_knows_it() -> None:
    assert PREFIX == opaque.SHORT_TOKEN
    assert opaque.passes(opaque.SHORT_TOKEN, own_once.mint(order(GRANT)).value)


def test_two_orders_have_two_tokens() -> None:
    assert own_once.mint(order(GRANT)).value != own_once.mint(order(GRANT, entropy=bytes(32))).value


def test_microseconds_are_kept() -> None:
    assert own_once.whole_seconds is False


def test_half_a_second_is_no_lifetime() -> None:
    with pytest.raises(BadGrant, match=r"^lifetime: must be 1 to 120 seconds$"):
        own_once.mint(replace(order(GRANT), expires_at=AT + timedelta(microseconds=500_000)))


@pytest.mark.parametrize(
    ("body", "words", "once"),
    [
        ({}, frozenset({"readonly"}), True),
        ({"access": "readwrite"}, frozenset({"readwrite"}), True),
        ({"one_time": False}, frozenset({"readonly", "reusable"}), False),
        ({"access": "readwrite", "one_time": False}, frozenset({"readwrite", "reusable"}), False),
    ],
)
def test_what_is_asked_for_is_said_in_words(body: dict[str, object], words: frozenset[str], once: bool) -> None:
    grant = parse(OwnOnceGrant, body)
    assert (grant.privileges, own_once.is_one_time(grant)) == (words, once)


def test_who_may_change_may_read() -> None:
    assert own_once.implied(frozenset({"readwrite"})) == {"readwrite", "readonly"}
    assert own_once.implied(frozenset({"reusable"})) == {"reusable"}


@pytest.mark.parametrize(
    "body", [{"access": "admin"}, {"access": None}, {"one_time": 1}, {"one_time": None}, {"sub": "x"}]
)
def test_a_body_is_read_strictly(body: dict[str, object]) -> None:
    with pytest.raises(BadGrant):
        parse(OwnOnceGrant, body)


@pytest.mark.parametrize(
    "text", ["", "tio_", "til_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2EfvEH", "tio_" + "0" * 49]
)
def test_another_text_is_malformed(text: str) -> None:
    with pytest.raises(TokenMalformed, match=r"^The token is no short token: its shape or its checksum is another\.$"):
        own_once.verify(text, secrets=[], expected=None)


def test_a_grant_of_another_kind_is_not_minted() -> None:
    with pytest.raises(BadGrant, match="must be a grant for a short token of our own"):
        own_once.mint(order(OwnGrant(sub="user-7")))


def test_it_needs_no_certificate_and_ends_at_once() -> None:
    assert (own_once.secret_fields, own_once.revocation) == ({}, Revocation.IMMEDIATE)
