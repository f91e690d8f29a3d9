"""The suite for providers whose tokens the vendor makes: each kind of mistake fails it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from tests.providers import test_vocalstack
from token_issuer.errors import BadGrant, VendorUnavailable
from token_issuer.providers.base import MintedToken, MintOrder
from token_issuer.providers.called import VendorRequest, VendorResponse
from token_issuer.providers.vocalstack import VocalStackProvider
from token_issuer.testing import CalledConformance
from token_issuer.testing.looking import raised


class Wrong(VocalStackProvider):
    """A provider with one mistake; the subclasses make it."""


class Needless(Wrong):
    requires: ClassVar[Mapping[str, str]] = {}


class Minting(Wrong):
    def mint(self, order: MintOrder) -> MintedToken:
        return MintedToken(value="x", format="x", token_id=order.token_id, key_id="", public_id="")


class Moody(Wrong):
    moods: ClassVar[list[int]] = []

    def request(self, order: MintOrder) -> VendorRequest:
        self.moods.append(1)
        return replace(super().request(order), query=(("n", str(len(self.moods))),))


class InClear(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        return replace(super().request(order), url="http://api.vocalstack.com/")


class InTheAddress(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        return replace(super().request(order), query=(("key", order.part("api_key")),))


class Folded(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        return replace(super().request(order), headers={"Authorization": f"{order.part('api_key')}\n"})


class Showing(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        class Shown(VendorRequest):
            def __repr__(self) -> str:
                return f"{self.headers}"

        plain = super().request(order)
        return Shown(method=plain.method, url=plain.url, query=plain.query, headers=plain.headers)


class Keyless(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        return VendorRequest(method="GET", url="https://api.vocalstack.com/", query=(("s", str(order.lifetime)),))


class Unlimited(Wrong):
    def request(self, order: MintOrder) -> VendorRequest:
        if order.grant.subject is None:
            raise BadGrant("user", "must be filled in")
        return super().request(replace(order, expires_at=order.issued_at.replace(second=10)))


class Hasty(Wrong):
    """It reads no status."""

    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        return super().read(order, replace(response, status=200))


class Crashing(Wrong):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        json.loads(response.body)
        return super().read(order, response)


class Credulous(Wrong):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        good = super().read(order, replace(response, body=b'{"status": "done", "data": "tok"}'))
        said = response.json()
        if not isinstance(said, dict) or not isinstance(said.get("data"), str):
            return super().read(order, response)
        return replace(good, value=said["data"])


class Echoing(Credulous):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        if order.part("api_key").encode() in response.body:
            return super().read(order, response)
        return VocalStackProvider.read(self, order, response)


class Quoting(Wrong):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        try:
            return super().read(order, response)
        except VendorUnavailable as error:
            message = f"{order.part('api_key')} was not taken."
            raise VendorUnavailable(message, reason=error.reason) from None


class Revealing(Wrong):
    """What it raises is harmless, the frame that raises it is not."""

    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        names: dict[str, Any] = {"VendorUnavailable": VendorUnavailable}
        exec(compile(RAISE, "/site/provider.py", "exec"), names)
        if response.status != 200:
            names["refuse"](order.part("api_key"))
        return super().read(order, response)


RAISE = """
def refuse(key):
    raise VendorUnavailable("It said no.", reason="refused")
"""


class Wordless(Wrong):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        try:
            return super().read(order, response)
        except VendorUnavailable as error:
            raise VendorUnavailable(error.message, reason="who knows") from None


class Lasting(Wrong):
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        return replace(super().read(order, response), expires_at=order.expires_at.replace(year=2099))


MISTAKES: dict[type[Wrong], str] = {
    Needless: "test_it_says_what_calling_needs",
    Minting: "test_only_the_vendor_makes_tokens",
    Moody: "test_requests_are_deterministic",
    InClear: "test_requests_go_where_secrets_may",
    InTheAddress: "test_no_secret_stands_in_an_address",
    Folded: "test_headers_are_what_http_carries",
    Showing: "test_a_request_does_not_show_itself",
    Keyless: "test_without_a_secret_nothing_is_sent",
    Unlimited: "test_lifetimes_are_kept",
    Hasty: "test_a_status_that_is_no_success_is_none",
    Crashing: "test_garbage_is_no_token",
    Credulous: "test_a_text_that_cannot_be_a_token_is_none",
    Echoing: "test_an_echo_of_a_secret_is_no_token",
    Quoting: "test_refusals_are_told_with_a_reason",
    Revealing: "test_refusals_are_told_with_a_reason",
    Wordless: "test_refusals_are_told_with_a_reason",
    Lasting: "test_a_token_ends_no_later_than_it_was_asked_for",
}


def run(provider: VocalStackProvider, test: str) -> None:
    suite: Any = type("Suite", (test_vocalstack.TestConformance,), {"provider": provider})()
    getattr(suite, test)()


@pytest.mark.parametrize("wrong", MISTAKES, ids=lambda cls: cls.__name__)
def test_a_mistake_is_found(wrong: type[Wrong]) -> None:
    run(VocalStackProvider(), MISTAKES[wrong])
    assert raised(run, wrong(), MISTAKES[wrong]) is not None


def test_every_test_of_its_own_has_a_mistake() -> None:
    own = {name for name in vars(CalledConformance) if name.startswith("test_")}
    assert own <= {*MISTAKES.values()}
