"""Asking again what was asked before: the question that a row of ours remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, FilteredRelation, Q

from token_issuer.errors import BadGrant, PolicyDenied
from token_issuer.providers import fields
from token_issuer.services import deciding
from token_issuer.services.deciding import Question

if TYPE_CHECKING:
    from token_issuer.models import OneTimeKey, TokenFamily
    from token_issuer.providers.base import Grant, Options, Provider
    from token_issuer.services.callers import Caller


def with_surroundings(rows: Any) -> Any:  # noqa: ANN401  a queryset over families or login keys
    """Return the rows joined with all that asking again takes: user, key, application, its signer, his account."""
    active = Q(application__certificates__active_slot=1)
    signing, calling = (Q(application__certificates__purpose=purpose) for purpose in ("sign", "call"))
    return rows.annotate(
        signing=FilteredRelation("application__certificates", condition=active & signing),
        calling=FilteredRelation("application__certificates", condition=active & calling),
        own_account=FilteredRelation("application__accounts", condition=Q(application__accounts__user=F("user"))),
    ).select_related("application", "user", "api_key", "signing", "calling", "own_account")


def question_of(row: OneTimeKey | TokenFamily, caller: Caller) -> Question:
    """Return the question that a row, read ``with_surroundings``, remembers; the caller is who asks it this time.

    Raises:
        PolicyDenied: what was asked then cannot be asked any more.
        Unavailable: the application's provider is not installed, or does not take its options.
    """
    application = row.application
    provider, options = deciding.configuration_of(application)
    return Question(
        caller=caller,
        application=application,
        certificate=deciding.certificate_of(row),
        account=getattr(row, "own_account", None),
        provider=provider,
        options=options,
        limits=deciding.limits_of(application, provider),
        grant=_grant_of(row, provider, options),
        lifetime=row.lifetime,
        slot=row.slot,
    )


def _grant_of(row: OneTimeKey | TokenFamily, provider: Provider, options: Options) -> Grant:
    try:
        grant = fields.parse(provider.grant_class, row.grant)
        provider.check_grant(grant, options)
    except BadGrant as error:
        # Nothing that whoever presents it sent: the options have changed since.
        raise PolicyDenied("grant_not_allowed", "What this was made for is not possible any more.") from error
    return grant
