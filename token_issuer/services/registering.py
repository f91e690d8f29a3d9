"""Registering an application with its first certificate, active at once, and its first rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError

from token_issuer.errors import Conflict
from token_issuer.models import Application, AuditKind, Certificate, Rule
from token_issuer.registry import get_provider
from token_issuer.services import auditing
from token_issuer.services.drafts import check_application, check_new_slug
from token_issuer.services.rotating import Material, new_certificate
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.providers.base import Provider
    from token_issuer.services.callers import Caller
    from token_issuer.services.drafts import ApplicationDraft, RuleDraft

_COLLIDED = "Something this application refers to was changed or deleted at the same moment."


def register(caller: Caller, draft: ApplicationDraft, *, at: datetime) -> Application:
    """Create the application, its active signing certificate and its rules: all of it or nothing.

    Raises:
        BadOption: a value does not fit the provider; ``fields`` names each.
        Conflict: a user or group of a rule was deleted at the same moment.
    """
    provider = get_provider(draft.provider)
    check_application(provider, draft)

    def work() -> Application:
        with durable():
            return _created(caller, provider, draft, at=at)

    try:
        return retrying(work)
    except IntegrityError as error:
        # Two registrations of one slug at once: both were free to begin with, and the constraint decides.
        check_new_slug(draft.slug)
        raise Conflict(_COLLIDED) from error


def _created(caller: Caller, provider: Provider, draft: ApplicationDraft, *, at: datetime) -> Application:
    application = Application.objects.using(write_alias()).create(
        name=draft.name or draft.slug,
        slug=draft.slug,
        provider=provider.name,
        public_id=draft.known_as(provider),
        options=dict(draft.options),
        default_lifetime=draft.default_lifetime,
        maximum_lifetime=draft.maximum_lifetime,
        slots=draft.slots,
        environment=draft.environment,
        created_at=at,
        created_by_id=caller.user_id,
    )
    auditing.record(AuditKind.APPLICATION_CREATED, caller, at=at, application=application)
    if provider.minting_purpose or draft.secret or draft.reference:
        _add_certificate(caller, application, draft, purpose=provider.first_purpose or "sign", at=at)
    for rule in draft.rules:
        add_rule(caller, application, rule, at=at)
    return application


def _add_certificate(
    caller: Caller, application: Application, draft: ApplicationDraft, *, purpose: str, at: datetime
) -> None:
    material = Material(purpose=purpose, secret=draft.secret, reference=draft.reference, algorithm=draft.algorithm)
    certificate = new_certificate(caller, application, material, at=at)
    Certificate.objects.using(write_alias()).filter(pk=certificate.pk).update(activated_at=at)
    auditing.record(
        AuditKind.CERTIFICATE_ACTIVATED,
        caller,
        at=at,
        application=application,
        detail={"fingerprint": certificate.fingerprint},
    )


def add_rule(caller: Caller, application: Application, draft: RuleDraft, *, at: datetime) -> Rule:
    """Create a rule inside the caller's transaction."""
    rule = Rule.objects.using(write_alias()).create(
        application=application,
        priority=draft.priority,
        everyone=draft.everyone,
        privileges=sorted(set(draft.privileges)),
        resource_pattern=draft.resource_pattern,
        subject_pattern=draft.subject_pattern,
        maximum_lifetime=draft.maximum_lifetime,
        limit=draft.limit,
        window=draft.window,
        wildcards=draft.wildcards,
        allow_username=draft.allow_username,
        created_at=at,
        created_by_id=caller.user_id,
    )
    rule.users.set(draft.users)
    rule.groups.set(draft.groups)
    auditing.record(
        AuditKind.RULE_CHANGED, caller, at=at, application=application, detail={"rule": str(rule.pk), "what": "added"}
    )
    return rule
