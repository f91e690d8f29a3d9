"""Does one application work: its policy, its certificates, and a token made for real?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from token_issuer.conf import conf
from token_issuer.errors import NotFound, TokenIssuerError
from token_issuer.models import Certificate, Rule
from token_issuer.registry import get_provider
from token_issuer.services import account_findings, probing, reviewing
from token_issuer.services.findings import Finding, failed, ok, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.services.callers import Caller


def examine(caller: Caller, application: Application, *, at: datetime) -> Iterator[Finding]:
    """Yield what is true of one application; an enabled one is tried with a token for nobody."""
    slug = application.slug
    if application.is_disabled:
        yield warning("application", "It is switched off, so nothing was tried.", application=slug)
        return
    yield _policy(application)
    yield from _certificates(application)
    yield from reviewing.look(application, at=at)
    yield from account_findings.look(application, at=at)
    try:
        probing.probe(caller, application, at=at)
    except probing.ProbeFailed as failure:
        yield failed(failure.step, failure.why, hint=failure.hint, application=slug)
    except probing.NoProbe as problem:
        yield warning("token", str(problem), application=slug)
    else:
        yield ok("token", "One was issued, inspected, verified and revoked.", application=slug)


def _policy(application: Application) -> Finding:
    slug = application.slug
    try:
        path = conf.policy_path_for(slug)
        conf.policy_for(slug)
    except ImproperlyConfigured as error:
        return failed("policy", str(error), application=slug)
    rules = Rule.objects.using(write_alias()).filter(application=application).count()
    if not path and not rules:
        hint = f'Add a rule in the admin, or name a function in TOKEN_ISSUER["POLICIES"]["{slug}"].'
        return warning("policy", "No rule and no site policy: nobody may mint.", hint=hint, application=slug)
    return ok("policy", f"Decided by {path or 'no site policy'}; rules: {rules}.", application=slug)


def _certificates(application: Application) -> Iterator[Finding]:
    try:
        provider = get_provider(application.provider)
    except NotFound:
        return  # the probe says so
    rows = Certificate.objects.using(write_alias()).filter(application=application)
    for certificate in rows:
        try:
            probing.open_once(certificate, provider)
        except (ImproperlyConfigured, TokenIssuerError) as error:
            message = f"The certificate {certificate.fingerprint} ({certificate.state.value}) does not open: {error}"
            make = failed if certificate.state.may_verify else warning
            yield make("certificate", message, application=application.slug)
