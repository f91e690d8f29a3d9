"""Trying an application for real, with a token for nobody: issue, inspect, verify, revoke.

Harmless by construction: it speaks for nobody (the very last integer, which allocation reaches after 134 million
people; or a text that ends in ":0", which no slot gives), in a room of a random name, for the shortest lifetime. Its
row belongs to no user, so our own verification refuses it, and its text never leaves this module.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from django.core.exceptions import ImproperlyConfigured

from token_issuer.errors import FieldError, TokenIssuerError
from token_issuer.models import Standing
from token_issuer.models.application import MOST_SLOTS
from token_issuer.models.vendor_account import LARGEST_NUMBER
from token_issuer.policy import Decision
from token_issuer.providers import fields
from token_issuer.providers.called import AccountProver, CalledProvider, PairKeeper
from token_issuer.registry import get_provider
from token_issuer.services import deciding, issuing, revoking, verifying
from token_issuer.services.accounts import SLOT_BITS
from token_issuer.services.opening import opened_secret, verification

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application, Certificate
    from token_issuer.providers.base import Grant, Options, Provider
    from token_issuer.providers.specs import FieldSpec
    from token_issuer.services.callers import Caller
    from token_issuer.services.issuing import Issuance

Result = TypeVar("Result")

DECISION = "doctor"
INTEGER_SUBJECT = (LARGEST_NUMBER << SLOT_BITS) + MOST_SLOTS - 1
TEXT_SUBJECT = "doctor:0"


class ProbeFailed(TokenIssuerError):
    """A step did not work; ``why`` never holds a secret or the token."""

    def __init__(self, step: str, why: str, *, hint: str = "") -> None:
        super().__init__(f"{step}: {why}")
        self.step = step
        self.why = why
        self.hint = hint


class NoProbe(TokenIssuerError):
    """Nothing is wrong, but no grant could be made up for this provider."""


def probe(caller: Caller, application: Application, *, at: datetime) -> None:
    """Try one application.

    Raises:
        ProbeFailed: a step did not work.
        NoProbe: this provider's grant cannot be made up.
    """
    question, certificate = _question(caller, application)
    issuance = attempt("mint", lambda: _issued(question, certificate, at=at))
    try:
        attempt("inspect", lambda: _inspect(issuance))
        attempt("verify", lambda: _verify(issuance, certificate, at=at))
    finally:
        attempt("revoke", lambda: _revoke(caller, issuance, at=at))


def open_once(certificate: Certificate, provider: Provider) -> None:
    """Open a certificate's secret and let it go."""
    with opened_secret(certificate, provider):
        pass


def _question(caller: Caller, application: Application) -> tuple[deciding.Question, Certificate | None]:
    try:
        provider = get_provider(application.provider)
        options = deciding.options_of(application, provider)
    except TokenIssuerError as error:
        raise ProbeFailed("provider", error.message) from error
    if isinstance(provider, CalledProvider | AccountProver | PairKeeper):
        msg = f"Not tried: a token of {provider.label} is made by the vendor, or for one person's account there."
        raise NoProbe(msg)
    certificate = deciding.find_application(caller, application.slug)[1]
    if certificate is None and provider.minting_purpose is not None:
        raise ProbeFailed("certificate", "None is active.", hint=f"Run `token_issuer_rotate {application.slug}`.")
    limits = deciding.limits_of(application, provider)
    question = deciding.Question(
        caller=caller,
        application=application,
        certificate=certificate,
        account=None,
        provider=provider,
        options=options,
        limits=limits,
        grant=harmless_grant(provider, options),
        lifetime=limits.minimum,
        slot=0,
    )
    return question, certificate


def harmless_grant(provider: Provider, options: Options) -> Grant:
    """Return the narrowest grant: what is required, and what would be a wildcard if it were left out.

    Raises:
        NoProbe: this provider's grant cannot be made up.
    """
    specs = sent(provider.grant_class)
    body = {spec.name: made_up(spec) for spec in specs if spec.required}
    try:
        wide = provider.wildcards(fields.parse(provider.grant_class, body))
        body |= {spec.name: made_up(spec) for spec in specs if spec.name in wide}
        grant = fields.parse(provider.grant_class, body)
        provider.check_grant(grant, options)
    except FieldError as error:
        msg = f"Not tried: no harmless grant could be made up for {provider.label} ({error})."
        raise NoProbe(msg) from error
    return grant


def for_nobody(grant: Grant, provider: Provider, options: Options) -> Grant:
    """Return the grant with a subject that is nobody's."""
    whole_number = provider.subject_kind(options) == "integer"
    return provider.with_subject(grant, INTEGER_SUBJECT if whole_number else TEXT_SUBJECT)


def sent(cls: type) -> list[FieldSpec]:
    """Return the fields that a body has."""
    return [spec for spec in fields.specs(cls) if spec.filled_by is None]


def made_up(spec: FieldSpec) -> object:
    """Return a value for a field that must have one: the narrowest, or a random text."""
    match spec.type:
        case "str":
            longest = spec.max_bytes or 32
            return f"doctor-{secrets.token_hex(16)}"[:longest].ljust(spec.min_bytes or 0, "0")
        case "int":
            return spec.minimum or 0
        case "bool":
            return False
        case "choice":
            return spec.choices[0]
        case "nested":
            return {child.name: made_up(child) for child in spec.children if child.required}
    return []


def _issued(question: deciding.Question, certificate: Certificate | None, *, at: datetime) -> Issuance:
    lifetime = question.limits.minimum
    decision = Decision(allowed=True, lifetime=lifetime, ceiling=lifetime, source=DECISION)
    grant = for_nobody(question.grant, question.provider, question.options)
    return issuing.issue_decided(question, decision, grant, certificate=certificate, at=at)


def attempt(step: str, work: Callable[[], Result]) -> Result:
    """Return ``work()``; whatever it raises is a failure of this step."""
    try:
        return work()
    except ProbeFailed:
        raise
    except Exception as error:
        raise ProbeFailed(step, _told(error)) from error


def _told(error: Exception) -> str:
    """Return the message of an error of ours. A stranger's may quote what it was given, so only its name is told."""
    if isinstance(error, TokenIssuerError | ImproperlyConfigured):
        return str(error)
    return f"It ended with {type(error).__name__}."


def _inspect(issuance: Issuance) -> None:
    seen = issuance.provider.inspect(issuance.token.reveal())
    # None is what a text does not say: random ones say nothing.
    differs = seen.public_id not in {None, issuance.application.public_id}
    differs = differs or seen.expires_at not in {None, issuance.expires_at}
    if seen.problems or seen.format != issuance.format or differs:
        raise ProbeFailed("inspect", f"The token does not say what was ordered. {' '.join(seen.problems)}".strip())


def _verify(issuance: Issuance, certificate: Certificate | None, *, at: datetime) -> None:
    provider, text = issuance.provider, issuance.token.reveal()
    answer = (
        verification(text, certificate, provider, expected=issuance.grant)
        if certificate is not None
        else provider.verify(text, secrets=[], expected=issuance.grant)
    )
    key_id = certificate.key_id if certificate is not None else None
    if not answer.valid or answer.key_id != key_id:
        raise ProbeFailed("verify", f"The token is not accepted: {', '.join(answer.problems)}.")
    row = verifying.find(text)
    if row is None or row.pk != issuance.token_id or row.standing(at) is not Standing.LIVE:
        raise ProbeFailed("verify", "The token's audit row is missing, or not live.")


def _revoke(caller: Caller, issuance: Issuance, *, at: datetime) -> None:
    # Nobody ever had it, so there is nobody whom the vendor could put out.
    revoking.revoke_any(caller, issuance.token_id, reason=DECISION, at=at, tell_vendor=False)
    row = verifying.find(issuance.token.reveal())
    if row is None or row.standing(at) is not Standing.REVOKED:
        raise ProbeFailed("revoke", "The token is still live after its revocation.")
