"""The suites for providers that log their users in by what is kept of accounts at the vendor, and that make those."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from token_issuer import transport
from token_issuer.crypto import Secret, generating, signing_keys
from token_issuer.errors import BadOption, NoActiveCertificate, TokenIssuerError, VendorUnavailable
from token_issuer.providers.base import Grant, MintOrder
from token_issuer.providers.called import CallOrder, Provisioned, VendorRequest, VendorResponse
from token_issuer.providers.fields import specs
from token_issuer.testing.called import REASONS, garbled_bodies
from token_issuer.testing.conformance import AT, ProviderConformance
from token_issuer.testing.looking import raised


class ProverConformance(ProviderConformance):
    """Tests for one provider whose tokens are made from the proofs of its users (``AccountProver``).

    ``secret`` and ``other_secret`` are what it calls the vendor with, empty where it calls nobody.

    Attributes:
        account, other_account: what an administrator enters for a user, twice; the second differs in each part.
    """

    provider: ClassVar[Any]  # an AccountProver that is a Provider, for which there is no one type
    account: ClassVar[Mapping[str, str]]
    other_account: ClassVar[Mapping[str, str]]
    purpose: ClassVar[str] = "call"

    def proof(self, subject: int | str, parts: Mapping[str, str]) -> dict[str, str]:
        """Return what is kept of what was entered for a user."""
        found: dict[str, str] = self.provider.account_proof(str(subject), parts)
        return found

    def order(self, grant: Grant, *, lifetime: int | None = None) -> MintOrder:
        whole = super().order(grant, lifetime=lifetime)
        proof = Secret(**self.proof(grant.subject or self.subject, self.account))
        return replace(whole, secret=None, signing_key=None, proof=proof)

    # What an administrator enters

    def test_identifier_and_secrets_are_accepted(self) -> None:
        self.provider.check_public_id(self.public_id)
        for parts in (self.secret, self.other_secret):
            if parts:
                self.provider.check_secret(self.purpose, parts)

    def test_what_is_entered_has_words(self) -> None:
        fields = self.provider.account_fields
        assert {field.name for field in fields} == self.account.keys() == self.other_account.keys()
        assert all(field.label for field in fields)

    def test_names_of_users_are_judged(self) -> None:
        for subject in (self.subject, self.other_subject):
            self.provider.check_account(str(subject))
        for wrong in ("", "\0", "a\nb", "\ud800", "é" * 300):
            error = raised(self.provider.check_account, wrong)
            assert error is None or (isinstance(error, BadOption) and error.field == "subject"), f"{wrong!r}: {error!r}"

    def test_what_was_entered_is_not_kept(self) -> None:
        for parts in (self.account, self.other_account):
            kept = Secret(**self.proof(self.subject, parts)).parts
            assert not any(text in value for value in kept.values() for text in parts.values()), (
                "a proof is no password"
            )

    def test_a_proof_is_of_one_user_and_one_password(self) -> None:
        pairs = [
            (who, what) for who in (self.subject, self.other_subject) for what in (self.account, self.other_account)
        ]
        proofs = [self.proof(*pair) for pair in pairs]
        assert proofs == [self.proof(*pair) for pair in pairs]
        assert all(proof not in proofs[:index] for index, proof in enumerate(proofs))

    def test_a_refused_account_is_named_and_not_quoted(self) -> None:
        for name, value in self.account.items():
            for wrong in ("", f"{value}\n", f"{value}\0", "\ud800", value * 1000):
                error = raised(self.provider.account_proof, str(self.subject), {**self.account, name: wrong})
                assert error is None or isinstance(error, BadOption)
                assert error is None or error.field == name
                assert not wrong or wrong not in str(error), f"the error quotes the part {name}"

    # The token

    def test_a_token_is_made_from_the_proof(self) -> None:
        for grant in self.filled():
            other = Secret(**self.proof(grant.subject or "", self.other_account))
            order = self.order(grant)
            assert self.made(order).value != self.made(replace(order, proof=other)).value

    def test_a_token_is_its_users(self) -> None:
        for grant, other in zip(self.filled(), self.filled(self.other_subject), strict=True):
            assert self.made(self.order(grant)).value != self.made(self.order(other)).value

    def test_without_a_proof_nothing_is_made(self) -> None:
        for grant in self.filled():
            assert isinstance(raised(self.made, replace(self.order(grant), proof=None)), TokenIssuerError)

    def test_nothing_of_an_account_is_shown(self) -> None:
        for grant, token in self.minted():
            kept = self.order(grant)
            shown = f"{kept!r} {token!r} {grant!r} {json.dumps(self.provider.sdk(token, grant))}"
            hidden = [*self.account.values(), *self.proof(grant.subject or "", self.account).values()]
            assert not any(text in shown for text in hidden)

    def test_a_challenge_is_a_field_of_the_request(self) -> None:
        sent = {spec.name for spec in specs(self.provider.grant_class) if spec.filled_by is None}
        for grant in self.filled():
            spent = self.provider.spends(grant)
            if spent is not None:
                assert spent.name in sent
                assert spent.text
                assert spent.lifetime > 0
                assert spent.text not in f"{spent!r} {grant!r}", "a challenge is not shown: declare it shown=False"


class ProvisionerConformance(ProverConformance):
    """Tests for one that makes its users at the vendor, too (``Provisioner``).

    Attributes:
        answers: the vendor's, by what they say; one at least for each word.
        refusals: answers that say none of these.
    """

    answers: ClassVar[Mapping[Provisioned, Sequence[VendorResponse]]]
    refusals: ClassVar[Sequence[VendorResponse]]

    def call_order(self) -> CallOrder:
        """Return an order for a call, with a fixed clock and entropy."""
        return CallOrder(
            public_id=self.public_id,
            options=self.chosen_options(),
            at=AT,
            entropy=hashlib.sha256(b"entropy").digest(),
            secret=Secret(**self.secret),
            signing_key=self.calling_key(),
        )

    def calling_key(self) -> signing_keys.SigningKey | None:
        """Return the part of the secret that is a key; None where none is."""
        for field in self.provider.secret_fields[self.purpose]:
            if field.algorithm:
                return signing_keys.signing_key(
                    Secret(**self.secret), part=field.name, algorithm=field.algorithm, key_id="ours"
                )
        return None

    def requests(self, password: str) -> Iterator[VendorRequest]:
        """Yield what makes a user, and what gives him another password."""
        for create in (True, False):
            yield self.provider.provision_request(
                self.call_order(), subject=str(self.subject), password=password, create=create
            )

    def test_a_password_that_is_made_here_fits(self) -> None:
        assert self.provider.password_field in self.account
        password = generating.new_password().reveal()
        assert self.proof(self.subject, {**self.account, self.provider.password_field: password})
        assert all(any(value == password for value in each.values.values()) for each in self.requests(password))

    def test_making_and_changing_are_two_requests(self) -> None:
        made, changed = self.requests("aB3$" * 8)
        assert made.values != changed.values or made.url != changed.url or made.method != changed.method
        assert [made, changed] == list(self.requests("aB3$" * 8)), "the same order gives the same request"

    def test_requests_go_where_secrets_may(self) -> None:
        for request in self.requests("aB3$" * 8):
            transport.require_safe(request.url)
            address = unquote_plus(f"{request.url} {request.query}")
            assert not any(text in address for text in ("aB3$" * 8, *self.secret.values())), "addresses are logged"
            assert all(transport.is_header(name, value) for name, value in request.headers.items())

    def test_a_request_does_not_show_itself(self) -> None:
        for request in self.requests("aB3$" * 8):
            shown = f"{request!r} {request} {self.call_order()!r}"
            hidden = [*self.secret.values(), *map(str, request.headers.values()), "aB3$" * 8]
            assert not any(text in shown for text in hidden)

    def test_without_its_key_nothing_is_sent(self) -> None:
        if self.calling_key() is not None:
            order = replace(self.call_order(), signing_key=None)
            error = raised(
                self.provider.provision_request, order, subject=str(self.subject), password="aB3$" * 8, create=True
            )
            assert isinstance(error, NoActiveCertificate)

    def test_answers_are_read(self) -> None:
        assert self.answers.keys() == set(Provisioned)
        for said, responses in self.answers.items():
            assert [self.provider.read_provisioned(response) for response in responses] == [said] * len(responses)

    def unreadable(self, response: VendorResponse) -> None:
        """Fail where an answer is taken, or refused without a reason."""
        error = raised(self.provider.read_provisioned, response)
        assert isinstance(error, VendorUnavailable), f"{response} {response.body[:40]!r} came to {error!r}"
        assert error.reason in REASONS

    def test_refusals_are_told_with_a_reason(self) -> None:
        for response in self.refusals:
            self.unreadable(response)

    def test_garbage_says_nothing(self) -> None:
        for body in garbled_bodies():
            self.unreadable(VendorResponse(status=200, reason="OK", body=body))
            self.unreadable(VendorResponse(status=500, reason="", body=body))

    def test_a_status_that_is_no_success_is_no_yes(self) -> None:
        for response in self.answers[Provisioned.DONE]:
            for status in (301, 302, 400, 401, 403, 404, 429, 500, 502, 503):
                self.unreadable(replace(response, status=status))
