"""The suite for providers whose tokens the vendor makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import unquote_plus

from token_issuer import transport
from token_issuer.errors import NoActiveCertificate, VendorUnavailable
from token_issuer.providers.base import MintedToken, MintOrder
from token_issuer.providers.called import VendorRequest, VendorResponse
from token_issuer.testing.conformance import ProviderConformance
from token_issuer.testing.looking import raised, shown_by

REASONS: Final = frozenset({"refused", "failed", "garbled"})
"""What a vendor's answer can be wrong by; the other reasons are for none at all."""


class CalledConformance(ProviderConformance):
    """Tests for one provider whose tokens the vendor makes.

    Attributes:
        refusals: answers of the vendor that hold no token, one for each way it says no.
    """

    provider: ClassVar[Any]  # a CalledProvider, which the base's type does not say
    refusals: ClassVar[Sequence[VendorResponse]]
    purpose: ClassVar[str] = "call"

    def answer(self, request: VendorRequest) -> VendorResponse:
        """Return the vendor's answer with a token; the subclass's to give, from a recording where there is one."""
        raise NotImplementedError

    def made(self, order: MintOrder) -> MintedToken:
        token: MintedToken = self.provider.read(order, self.answer(self.provider.request(order)))
        return token

    def tried(self, order: MintOrder) -> object:
        return self.provider.request(order)

    def orders(self) -> Iterator[MintOrder]:
        """Yield an order for each grant."""
        yield from (self.order(grant) for grant in self.filled())

    def unreadable(self, order: MintOrder, response: VendorResponse) -> VendorUnavailable:
        """Return the refusal of an answer; fail where it is taken, or something else is raised."""
        error = raised(self.provider.read, order, response)
        assert isinstance(error, VendorUnavailable), f"{response} {response.body[:40]!r} came to {error!r}"
        assert error.reason in REASONS
        shown = shown_by(error)
        assert not any(part in shown for part in self.secret.values()), "the refusal or a frame of it has a secret"
        return error

    # What is sent

    def test_it_says_what_calling_needs(self) -> None:
        assert "httpx" in self.provider.requires

    def test_only_the_vendor_makes_tokens(self) -> None:
        for order in self.orders():
            assert isinstance(raised(self.provider.mint, order), NotImplementedError)

    def test_requests_are_deterministic(self) -> None:
        for order in self.orders():
            assert self.provider.request(order) == self.provider.request(order)

    def test_requests_go_where_secrets_may(self) -> None:
        for order in self.orders():
            transport.require_safe(self.provider.request(order).url)

    def test_no_secret_stands_in_an_address(self) -> None:
        for order in self.orders():
            request = self.provider.request(order)
            address = unquote_plus(f"{request.url} {request.query}")
            assert not any(part in address for part in self.secret.values()), "addresses are logged: use a header"

    def test_headers_are_what_http_carries(self) -> None:
        for order in self.orders():
            for name, value in self.provider.request(order).headers.items():
                assert transport.is_header(name, value), f"the header {name} cannot be sent"

    def test_a_request_does_not_show_itself(self) -> None:
        for order in self.orders():
            request = self.provider.request(order)
            shown = f"{request!r} {request} {self.answer(request)!r}"
            assert not any(part in shown for part in self.secret.values())

    def test_without_a_secret_nothing_is_sent(self) -> None:
        for order in self.orders():
            error = raised(self.provider.request, replace(order, secret=None, signing_key=None))
            assert isinstance(error, NoActiveCertificate)

    # What is read

    def test_refusals_are_told_with_a_reason(self) -> None:
        order = next(self.orders())
        for response in self.refusals:
            assert self.unreadable(order, response).message

    def test_a_status_that_is_no_success_is_none(self) -> None:
        order = next(self.orders())
        good = self.answer(self.provider.request(order))
        for status in (301, 302, 400, 401, 403, 404, 429, 500, 502, 503, 599):
            self.unreadable(order, replace(good, status=status))

    def test_garbage_is_no_token(self) -> None:
        order = next(self.orders())
        good = self.answer(self.provider.request(order))
        for body in garbled_bodies():
            self.unreadable(order, replace(good, body=body))
            self.unreadable(order, VendorResponse(status=200, reason="OK", body=body))

    def test_a_text_that_cannot_be_a_token_is_none(self) -> None:
        order = next(self.orders())
        good = self.answer(self.provider.request(order))
        token = self.provider.read(order, good).value.encode()
        assert token in good.body
        for text in (b"", b" ", b"two words", "tök".encode(), b"x" * 100_000):
            self.unreadable(order, replace(good, body=good.body.replace(token, text)))

    def test_an_echo_of_a_secret_is_no_token(self) -> None:
        order = next(self.orders())
        good = self.answer(self.provider.request(order))
        token = self.provider.read(order, good).value.encode()
        for part in self.secret.values():
            self.unreadable(order, replace(good, body=good.body.replace(token, part.encode())))

    def test_a_token_ends_no_later_than_it_was_asked_for(self) -> None:
        for order in self.orders():
            made = self.made(order)
            assert self.provider.vendor_sets_lifetime or made.expires_at in {None, order.expires_at}


def garbled_bodies() -> Iterator[bytes]:
    """Yield bodies that hold nobody's token."""
    yield from (b"", b"\0", b"\xff\xfe", b"<html>sorry</html>", b"[" * 100_000, b'{"a":' * 5000, b"NaN", b"tok_TEST")
    values: tuple[object, ...] = (None, True, 7, "", "text", [], ["text"], {}, {"data": None}, {"status": "done"})
    yield from (json.dumps(value).encode() for value in values)
    for value in values[:3]:
        yield json.dumps({"data": value, "token": value, "status": "done"}).encode()
