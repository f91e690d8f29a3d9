"""Trying a secret before it is saved: one token for nobody is made, read and checked, and nothing is written.

What a vendor is called with cannot be tried without calling: its form is checked, and a vendor that makes the tokens
is asked for one when the person says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from token_issuer.crypto import Secret, SecretParts, references, signing_keys
from token_issuer.models import Application
from token_issuer.providers.called import CalledProvider
from token_issuer.registry import get_provider
from token_issuer.services import calling, deciding, making
from token_issuer.services.drafts import check_secret
from token_issuer.services.probing import ProbeFailed, attempt, for_nobody, harmless_grant
from token_issuer.services.rotating import Material, algorithm_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from token_issuer.providers.base import Inspection, MintedToken, MintOrder, Provider
    from token_issuer.services.callers import Caller

KEY_ID: Final = "untried"

Outcome = Literal["minted", "asked", "fits", "made_here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it: ``minted`` and verified here; ``asked``: the vendor gave a token; ``fits``: only its form was
    looked at; ``made_here``: there is no secret to try. Never the token itself.
    """

    outcome: Outcome
    format: str = ""
    expires_at: datetime | None = None
    seen: Inspection | None = None


def try_secret(
    caller: Caller, application: Application, material: Material, *, at: datetime, ask: bool = False
) -> Tried:
    """Try a secret for an application, which need not be saved either. ``ask``: call the vendor where that is needed.

    Raises:
        BadOption: the secret, the public id or the options do not fit the provider.
        ReferenceBroken: the reference leads nowhere.
        ProbeFailed: a step did not work.
        NoProbe: no harmless grant can be made up for this provider.
        VendorUnavailable: the vendor gave no token.
    """
    provider = get_provider(application.provider)
    provider.check_public_id(application.public_id)
    if provider.generates and not (material.secret or material.reference):
        return Tried(outcome="made_here")
    secret = _parts(provider, material)
    check_secret(provider, material.purpose, secret)
    is_called = isinstance(provider, CalledProvider)
    if material.purpose != provider.minting_purpose or (is_called and not ask):
        return Tried(outcome="fits")
    order = _order(_question(caller, application, provider), replace(material, secret=secret), at=at)
    return _asked(application, provider, order) if isinstance(provider, CalledProvider) else _minted(provider, order)


def _parts(provider: Provider, material: Material) -> Mapping[str, str]:
    if not material.reference:
        return SecretParts(material.secret)
    names = tuple(part.name for part in provider.secret_fields.get(material.purpose, ()))
    return references.resolve(material.reference, names).parts


def _question(caller: Caller, application: Application, provider: Provider) -> deciding.Question:
    options, limits = deciding.options_of(application, provider), deciding.limits_of(application, provider)
    return deciding.Question(
        caller=caller,
        application=application,
        certificate=None,
        account=None,
        provider=provider,
        options=options,
        limits=limits,
        grant=for_nobody(harmless_grant(provider, options), provider, options),
        lifetime=limits.minimum,
        slot=0,
    )


def _order(question: deciding.Question, material: Material, *, at: datetime) -> MintOrder:
    lifetime, provider, key = question.limits.minimum, question.provider, None
    secret, algorithm = Secret(**material.secret), algorithm_of(question.application, provider, material)
    if algorithm:
        key = signing_keys.signing_key(secret, part=provider.signing_part, algorithm=algorithm, key_id=KEY_ID)
    order = attempt("mint", lambda: making.ordered(question, question.grant, None, issued_at=at, lifetime=lifetime))
    return replace(order, key_id=KEY_ID, secret=secret, signing_key=key)


def _minted(provider: Provider, order: MintOrder) -> Tried:
    made = attempt("mint", lambda: provider.mint(order))
    seen = None if provider.opaque else attempt("inspect", lambda: provider.inspect(made.value))
    if seen is not None and seen.problems:
        raise ProbeFailed("inspect", f"The token does not say what was ordered. {' '.join(seen.problems)}")
    attempt("verify", lambda: _verify(provider, order, made))
    return Tried(outcome="minted", format=made.format, expires_at=made.expires_at or order.expires_at, seen=seen)


def _verify(provider: Provider, order: MintOrder, made: MintedToken) -> None:
    if order.signing_key is not None:
        answer = provider.verify_signed(made.value, keys=[order.signing_key], expected=order.grant)
    else:
        secrets = [(order.key_id, order.secret)] if order.secret is not None else []
        answer = provider.verify(made.value, secrets=secrets, expected=order.grant)
    if not answer.valid:
        raise ProbeFailed("verify", f"The token is not accepted: {', '.join(answer.problems)}.")


def _asked(application: Application, provider: CalledProvider, order: MintOrder) -> Tried:
    made = calling.asked(
        provider.request(order), lambda response: provider.read(order, response), application=application
    )
    seen = None if provider.opaque else attempt("inspect", lambda: provider.inspect(made.value))
    return Tried(outcome="asked", format=made.format, expires_at=made.expires_at or order.expires_at, seen=seen)
