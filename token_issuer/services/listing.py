"""What a caller may mint, and what he has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q

from token_issuer.conf import conf
from token_issuer.errors import NotFound
from token_issuer.models import Application, IssuedToken, VendorAccount
from token_issuer.providers.called import AccountProver
from token_issuer.registry import providers
from token_issuer.services.deciding import limits_of
from token_issuer.services.rules import matching
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.policy import Limits
    from token_issuer.providers.base import Provider
    from token_issuer.services.callers import Caller

LONGEST_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An application that this caller may ask; policy still decides each request.

    ``login_name`` is what his client calls him at a vendor that logs people in by what is kept of their accounts; None
    while nothing is kept of his.
    """

    application: Application
    provider: Provider
    limits: Limits
    login_name: str | None = None


def applications_for(caller: Caller) -> list[Offer]:
    """Return the enabled applications that a rule or a site policy opens to this person, by name.

    A server's key opens one application, and is shown that one.
    """
    caller.require_active()
    known = providers()
    rows = Application.objects.using(write_alias()).filter(disabled_at__isnull=True, provider__in=[*known])
    if caller.api_key is not None:
        found = list(rows.filter(pk=caller.api_key.application_id))
    else:
        by_rule = set(matching(caller.user).values_list("application_id", flat=True))
        found = [row for row in rows if row.pk in by_rule or conf.policy_path_for(row.slug) is not None]
    subjects = _proved_subjects(caller, [row for row in found if isinstance(known[row.provider], AccountProver)])
    return [_offer(row, known[row.provider], subject=subjects.get(row.pk)) for row in found]


def _offer(application: Application, provider: Provider, *, subject: str | None) -> Offer:
    login_name = None
    if subject is not None and isinstance(provider, AccountProver):
        login_name = provider.login_name(subject, application.public_id)
    return Offer(
        application=application, provider=provider, limits=limits_of(application, provider), login_name=login_name
    )


def _proved_subjects(caller: Caller, applications: list[Application]) -> dict[UUID, str]:
    """Return what this person is called at the vendors that can log him in, by application."""
    if not applications or caller.user_id is None:
        return {}
    rows = VendorAccount.objects.using(write_alias()).filter(
        application__in=applications, user_id=caller.user_id, sealed_secret__isnull=False
    )
    # A constraint says that an account with a proof has a name.
    return {application: subject or "" for application, subject in rows.values_list("application_id", "subject")}


def owned_by(caller: Caller) -> Q:
    """Return what an issued token must be to be the caller's own.

    A server's key owns what it asked for itself, and where it acts as a user, that user's within its application.
    """
    if caller.api_key is None:
        return Q(user_id=caller.user_id)
    if caller.person is None:
        return Q(api_key_id=caller.api_key.pk)
    return Q(user_id=caller.user_id, application_id=caller.api_key.application_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some tokens, newest first, each with ``epochs_now``; ``next`` continues after the last, None at the end."""

    tokens: list[IssuedToken]
    next: UUID | None


def own_tokens(
    caller: Caller, *, at: datetime, live_only: bool = False, after: UUID | None = None, size: int = 50
) -> Page:
    """Return a keyset page of the caller's own tokens."""
    caller.require_active()
    rows = IssuedToken.objects.using(write_alias()).filter(owned_by(caller))
    rows = rows.live(at) if live_only else rows.with_epochs_now()
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.select_related("application", "family", "push").order_by("-pk")[: size + 1])
    return Page(tokens=found[:size], next=found[size - 1].pk if len(found) > size else None)


def own_token(caller: Caller, token_id: UUID) -> IssuedToken:
    """Return one of the caller's own tokens; NotFound for unknown and foreign ones alike."""
    caller.require_active()
    rows = IssuedToken.objects.using(write_alias()).with_epochs_now().select_related("application", "family", "push")
    found = rows.filter(owned_by(caller), pk=token_id).first()
    if found is None:
        msg = "There is no such token."
        raise NotFound(msg)
    return found
