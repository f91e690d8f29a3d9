"""Temporary tokens: what vendors' consoles offer to try something out. Made by hand, without asking policy.

What policy would have narrowed is narrow by construction: whoever makes one has a permission of its own, it speaks
for nobody but himself, opens one channel or room and nothing beside it, holds no privilege that is for servers, and
lives for a day at most. Otherwise it is a token like any other: with a row, listed, and revocable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError

from token_issuer.conf import conf
from token_issuer.errors import BadGrant, Conflict, FieldError, PolicyDenied
from token_issuer.models import IssuedToken
from token_issuer.policy import Decision, Limits
from token_issuer.providers import fields
from token_issuer.providers.called import AccountProver, PairKeeper
from token_issuer.registry import privileges_of
from token_issuer.services import auditing, deciding, issuing, probing
from token_issuer.services.transactions import require_no_transaction, write_alias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Application
    from token_issuer.providers.base import Grant, Provider
    from token_issuer.providers.specs import FieldSpec
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question
    from token_issuer.services.issuing import Issuance

PERMISSION: Final = "token_issuer.make_temporary_token"
DECISION: Final = "temporary"
LONGEST: Final = 86_400
"""Seconds; vendors' consoles give temporary tokens a day."""
USUAL: Final = 3600
"""Seconds, for who names no lifetime."""

MADE_BEFORE: Final = "made_before"

SWITCHED_OFF: Final = (
    'Temporary tokens are off here: TOKEN_ISSUER["TEMPORARY_TOKENS"] is False (its default is DEBUG). '
    "Switch it on for a test system only."
)


def make(
    caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime, token_id: UUID | None = None
) -> Issuance:
    """Make a temporary token for the person who asks, durably recorded before it is returned.

    The body is that of any token. Its lifetime, an hour unless it says otherwise, is within the application's limits
    and at most a day. ``token_id`` is the row that it shall have, from whoever wants one token of several attempts: the
    database gives it to one of them. It is no caller's to choose.

    Raises:
        Conflict: the token of this id was made before (``made_before``).
        OpenTransaction: inside a transaction.
        PolicyDenied: they are switched off (``temporary_tokens_off``), or he has no permission
            (``temporary_not_permitted``).
        BadGrant: the body does not fit, or would not be bound to one channel or room.
        NotAuthenticated, NotFound, ApplicationDisabled, NoActiveCertificate, VendorUnavailable: as issuing does.
    """
    require_no_transaction()
    if not conf.temporary_tokens:
        raise PolicyDenied("temporary_tokens_off", SWITCHED_OFF)
    if token_id is not None and _is_made(token_id):
        raise _made_before()
    question = replace(issuing.understood(caller, slug, body=body, at=at), temporary=True, token_id=token_id)
    with auditing.counting_refusals(caller, question.application, at=at):
        if not may_make(caller):
            raise PolicyDenied("temporary_not_permitted", f"This takes the permission {PERMISSION}.")
        decision = _decision(question)
        certificate = issuing.signer_of(question)
        grant = issuing.with_subject(question, decision)
        with _claiming(token_id):
            return issuing.issue_decided(question, decision, grant, certificate=certificate, at=at)


def may_make(caller: Caller) -> bool:
    """Whether this person has the permission. A server has none."""
    # A site's user model need not know permissions; then nobody has this one.
    has_perm: Any = getattr(caller.person, "has_perm", None)
    return caller.api_key is None and has_perm is not None and bool(has_perm(PERMISSION))


@contextmanager
def _claiming(token_id: UUID | None) -> Iterator[None]:
    """Refuse where another attempt has written the row of this id since it was looked for."""
    try:
        yield
    except IntegrityError as error:
        if token_id is None or not _is_made(token_id):
            raise
        raise _made_before() from error


def _is_made(token_id: UUID) -> bool:
    return IssuedToken.objects.using(write_alias()).filter(pk=token_id).exists()


def _made_before() -> Conflict:
    msg = "This token was made before, and is shown once."
    return Conflict(msg, reason=MADE_BEFORE)


def limits_of(application: Application, provider: Provider) -> Limits:
    """Return the seconds that a temporary token of this application may live."""
    usual = deciding.limits_of(application, provider)
    maximum = min(usual.maximum, LONGEST)
    return Limits(minimum=usual.minimum, default=max(usual.minimum, min(USUAL, maximum)), maximum=maximum)


def specs_of(provider: Provider) -> tuple[FieldSpec, ...]:
    """Return the grant's fields as far as a temporary token may ask for something by them.

    Words for servers, and what no channel or room binds, are left out; ``make`` refuses them whoever asks.
    """
    words = privileges_of(provider)
    never = {name for name, word in words.items() if word.server_only or word.beyond_resource}
    beyond = {word.beyond_resource for word in words.values()}
    found = []
    for spec in fields.specs(provider.grant_class):
        kept = tuple(word for word in spec.choices if word not in never)
        if kept != spec.choices:
            found.append(replace(spec, choices=kept))
        elif spec.required or spec.name not in beyond:
            found.append(spec)
    return tuple(found)


def objection(provider: Provider) -> str:
    """Return why none of this provider's tokens can be temporary; empty when that depends on the grant."""
    if provider.verified_here:
        return f"{provider.label}: this site verifies them itself. Temporary tokens are for trying a vendor's cloud"
    if isinstance(provider, AccountProver | PairKeeper):
        return f"{provider.label}'s tokens are a person's login at the vendor, and open no channel or room"
    return _names_no_room(provider) if _is_roomless(provider) else ""


def _names_no_room(provider: Provider) -> str:
    return f"{provider.label}'s tokens name no channel or room that could bind them"


def _is_roomless(provider: Provider) -> bool:
    """Whether a grant opens nothing in particular even where every text of it is filled in; False where none fits."""
    specs = [spec for spec in probing.sent(provider.grant_class) if spec.required or spec.type == "str"]
    try:
        grant = fields.parse(provider.grant_class, {spec.name: probing.made_up(spec) for spec in specs})
    except FieldError:
        return False
    return not grant.resource


def _decision(question: Question) -> Decision:
    """Return what stands in for policy's answer."""
    provider = question.provider
    if against := objection(provider):
        raise BadGrant("application", against)
    _require_narrow(provider, question.grant)
    limits = limits_of(question.application, provider)
    lifetime = question.lifetime
    if lifetime is None:
        lifetime = limits.maximum if provider.vendor_sets_lifetime else limits.default
    if not limits.minimum <= lifetime <= limits.maximum:
        raise BadGrant("lifetime", f"must be {limits.minimum} to {limits.maximum} seconds for a temporary token")
    return Decision(allowed=True, lifetime=lifetime, ceiling=limits.maximum, source=DECISION)


def _require_narrow(provider: Provider, grant: Grant) -> None:
    wide = sorted(provider.wildcards(grant))
    if wide:
        told = {name: ["must name exactly one: a temporary token opens one channel or room"] for name in wide}
        raise BadGrant(wide[0], told[wide[0]][0], fields=told)
    if not grant.resource:
        raise BadGrant("application", _names_no_room(provider))
    _require_bound(provider, grant)
    words = privileges_of(provider)
    servers = sorted(name for name in grant.privileges if words[name].server_only)
    if servers:
        field = provider.privileges_field
        raise BadGrant(field, f"{', '.join(servers)}: never in a temporary token, it is for servers")


def _require_bound(provider: Provider, grant: Grant) -> None:
    """Refuse what the grant's one channel or room does not bind: such a right is good all over the application."""
    words = privileges_of(provider)
    asking = {words[name].beyond_resource: name for name in sorted(grant.privileges) if words[name].beyond_resource}
    if asking:
        told = {
            field: [f"cannot be in a temporary token: {name} is bound to no channel or room"]
            for field, name in asking.items()
        }
        first = next(iter(told))
        raise BadGrant(first, told[first][0], fields=told)
