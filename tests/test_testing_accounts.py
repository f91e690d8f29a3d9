"""The suites for providers that keep proofs of accounts: ours passes, a third party's does, mistakes do not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests import guests
from tests.guests import GuestGrant, GuestProvider, proof_of
from tests.providers.management_key import DOMAIN, parts
from token_issuer.crypto import Secret
from token_issuer.errors import BadOption
from token_issuer.providers.base import Grant, MintedToken, MintOrder, SecretField, Spent
from token_issuer.providers.called import CallOrder, Provisioned, VendorRequest, VendorResponse
from token_issuer.providers.voximplant import VoximplantGrant, VoximplantProvider
from token_issuer.testing import ProvisionerConformance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def said(body: object, status: int = 200) -> VendorResponse:
    return VendorResponse(status=status, reason="", body=json.dumps(body).encode())


def failed(code: int) -> VendorResponse:
    return said({"error": {"code": code, "msg": "words"}})


class TestVoximplant(ProvisionerConformance):
    provider = VoximplantProvider()
    public_id = DOMAIN
    subject, other_subject = "user-1", "john.doe_01-x"
    narrowest = frozenset({"login"})
    grants: ClassVar[Sequence[Grant]] = (VoximplantGrant(login_key="k:1|2"), VoximplantGrant(login_key="0" * 32))
    account: ClassVar = {"password": "p:a|s:s|w"}
    other_account: ClassVar = {"password": "пароль-ß-😀"}
    secret: ClassVar[Mapping[str, str]] = parts()
    other_secret: ClassVar = {**parts(), "account_id": "7"}
    answers: ClassVar = {
        Provisioned.DONE: [said({"result": 1, "user_id": 7}), said({"result": 1})],
        Provisioned.EXISTS: [failed(118)],
        Provisioned.ABSENT: [failed(117), failed(393)],
    }
    refusals: ClassVar = [failed(100), failed(104), failed(2), said({}, 401)]


class TestGuests(ProvisionerConformance):
    provider: ClassVar[Any] = GuestProvider()
    public_id = "hotel"
    subject, other_subject = "ann", "bob"
    narrowest = frozenset({"enter"})
    grants: ClassVar[Sequence[Grant]] = (GuestGrant(question="why"), GuestGrant())
    account: ClassVar = {"word": "open sesame", "floor": "ground floor"}
    other_account: ClassVar = {"word": "open barley", "floor": "first floor"}
    secret: ClassVar = {"key": guests.KEY}
    other_secret: ClassVar = {"key": "j" * 32}
    answers: ClassVar = {word: [said({"said": word.value})] for word in Provisioned}
    refusals: ClassVar = [said({"said": "perhaps"}), said({}, 403)]


# Mistakes that they must find


class Wrong(GuestProvider):
    """A provider with one mistake; the subclasses make it."""


class Wordless(Wrong):
    account_fields = (SecretField(name="word", label=""), SecretField(name="floor", label="Floor"))


class Rude(Wrong):
    def check_account(self, subject: str) -> None:
        if not subject:
            raise BadOption("name", "must not be empty")


class Hoarding(Wrong):
    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        return {**super().account_proof(subject, parts), "word": parts["word"]}


class Forgetful(Wrong):
    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        return super().account_proof("anybody", parts)


class Quoting(Wrong):
    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        if len(parts["word"]) > 100:
            raise BadOption("word", f"is too long: {parts['word']}")
        return super().account_proof(subject, {**parts, "word": parts["word"].encode("utf-8", "ignore").decode()})


class Uniform(Wrong):
    def mint(self, order: MintOrder) -> MintedToken:
        return replace(super().mint(order), value="0" * 64)


class Trusting(Wrong):
    def mint(self, order: MintOrder) -> MintedToken:
        return super().mint(replace(order, proof=order.proof or Secret(proof="none")))


class Showing(Wrong):
    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {**super().sdk(minted, grant), "why": proof_of("ann", "open sesame")}


class Loud(Wrong):
    def spends(self, grant: Grant) -> Spent | None:
        return Spent(name="question", text="why", lifetime=60)


class Misnamed(Wrong):
    def spends(self, grant: Grant) -> Spent | None:
        return Spent(name="guest", text="because", lifetime=60)


class Unchanging(Wrong):
    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        return super().provision_request(order, subject=subject, password=password, create=True)


class Keeping(Wrong):
    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        return super().provision_request(order, subject=subject, password=password[::-1], create=create)


class Careless(Wrong):
    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        asked = super().provision_request(order, subject=subject, password=password, create=create)
        return replace(asked, query=(("password", password),))


class Unsafe(Wrong):
    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        asked = super().provision_request(order, subject=subject, password=password, create=create)
        return replace(asked, url="http://hotel.test/guests")


class Hopeful(Wrong):
    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        return super().read_provisioned(replace(response, status=200))


class Sloppy(Wrong):
    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        return Provisioned(json.loads(response.body)["said"]) if response.ok else super().read_provisioned(response)


class Deaf(Wrong):
    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        super().read_provisioned(response)
        return Provisioned.DONE


MISTAKES: dict[type[Wrong], str] = {
    Wordless: "test_what_is_entered_has_words",
    Rude: "test_names_of_users_are_judged",
    Hoarding: "test_what_was_entered_is_not_kept",
    Forgetful: "test_a_proof_is_of_one_user_and_one_password",
    Quoting: "test_a_refused_account_is_named_and_not_quoted",
    Uniform: "test_a_token_is_made_from_the_proof",
    Trusting: "test_without_a_proof_nothing_is_made",
    Showing: "test_nothing_of_an_account_is_shown",
    Loud: "test_a_challenge_is_a_field_of_the_request",
    Misnamed: "test_a_challenge_is_a_field_of_the_request",
    Unchanging: "test_making_and_changing_are_two_requests",
    Keeping: "test_a_password_that_is_made_here_fits",
    Careless: "test_requests_go_where_secrets_may",
    Unsafe: "test_requests_go_where_secrets_may",
    Hopeful: "test_a_status_that_is_no_success_is_no_yes",
    Sloppy: "test_garbage_says_nothing",
    Deaf: "test_answers_are_read",
}


@pytest.mark.parametrize(("mistake", "test"), [*MISTAKES.items()], ids=lambda each: getattr(each, "__name__", "by"))
def test_a_mistake_is_found(mistake: type[Wrong], test: str) -> None:
    suite = type("Suite", (TestGuests,), {"provider": mistake()})
    with pytest.raises((AssertionError, ImproperlyConfigured)):
        getattr(suite(), test)()
    getattr(TestGuests(), test)()
