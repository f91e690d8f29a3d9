"""Does the live configuration work? Each finding is one sentence with a verdict, and a hint where it failed.

``quick`` reads and mints nothing: a readiness probe may ask it often. ``full`` also issues, inspects, verifies and
revokes one token for every enabled application (see ``probing``).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from token_issuer.conf import conf
from token_issuer.crypto import keyring
from token_issuer.errors import NotFound
from token_issuer.models import ApiKeySecret, Application, Certificate
from token_issuer.services import api_key_findings, clocks, push_findings, resealing
from token_issuer.services.examining import examine
from token_issuer.services.findings import Diagnosis, Finding, Severity, failed, ok, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.services.callers import Caller


def quick(*, at: datetime) -> Diagnosis:
    """Look at the database, its migrations and the key ring. Mints and writes nothing."""
    return Diagnosis(at=at, findings=tuple(_until_failed(_quick_steps())))


def full(caller: Caller, *, at: datetime, slug: str = "", within: frozenset[UUID] | None = None) -> Diagnosis:
    """Look at everything, and try every enabled application (or the one named) with a token for nobody.

    ``within``: look at these applications only, and of the site itself at what ``quick`` does; None: at everything.

    Raises:
        NotFound: there is no application of that name.
    """
    return Diagnosis(at=at, findings=tuple(_full(caller, at=at, slug=slug, within=within)))


def _full(caller: Caller, *, at: datetime, slug: str, within: frozenset[UUID] | None) -> Iterator[Finding]:
    found = list(_until_failed(_quick_steps()))
    yield from found
    if any(finding.severity is Severity.FAILED and finding.name != "keys in use" for finding in found):
        return
    applications = _applications(slug, within)
    if within is None:
        yield from _site(at)
    for each in [slug] if within is None else [application.slug for application in applications]:
        yield from api_key_findings.look(at=at, slug=each)
        yield from push_findings.look(at=at, slug=each)
    for application in applications:
        yield from examine(caller, application, at=at)


def _site(at: datetime) -> Iterator[Finding]:
    for step in (_sealed_rows, lambda: _clock(at), _https):
        yield _readable(step)
    yield from _system_checks()
    yield from _stray_policies()


def _quick_steps() -> tuple[Callable[[], Finding], ...]:
    return (_database, _migrations, _key_ring, _keys_in_use)


def _until_failed(steps: tuple[Callable[[], Finding], ...]) -> Iterator[Finding]:
    """Yield findings up to the first failure: what comes later needs what came before."""
    for step in steps:
        finding = step()
        yield finding
        if finding.severity is Severity.FAILED:
            return


def _readable(step: Callable[[], Finding]) -> Finding:
    """Return the step's finding; a setting of the wrong kind is one too."""
    try:
        return step()
    except ImproperlyConfigured as error:
        return failed("settings", str(error))


# The whole site


def _database() -> Finding:
    alias = write_alias()
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        # The driver's own text may name hosts and users; whoever needs it asks the database.
        hint = f"Try `python manage.py dbshell --database {alias}`."
        return failed("database", f"The database {alias!r} does not answer ({type(error).__name__}).", hint=hint)
    return ok("database", f"The database {alias!r} answers.")


def _migrations() -> Finding:
    module, _ = MigrationLoader.migrations_module("token_issuer")
    if module is None:
        return warning("migrations", "MIGRATION_MODULES switches this app's migrations off.")
    package = import_module(module)
    known = {found.name for found in pkgutil.iter_modules(package.__path__) if found.name[0] not in "_~"}
    recorder = MigrationRecorder(connections[write_alias()])
    waiting = sorted(known - {name for label, name in recorder.applied_migrations() if label == "token_issuer"})
    if waiting:
        message = f"{len(waiting)} migrations are not applied: {', '.join(waiting)}."
        return failed("migrations", message, hint="Run `python manage.py migrate token_issuer`.")
    return ok("migrations", "All migrations are applied.")


def _key_ring() -> Finding:
    try:
        ring = keyring.ring()
    except ImproperlyConfigured as error:
        return failed("key ring", str(error))
    return ok("key ring", f"{ring.sealing_key.key_id} seals; {', '.join(ring.keys)} can open.")


def _keys_in_use() -> Finding:
    certificates = Certificate.objects.using(write_alias()).verifying()
    secrets = ApiKeySecret.objects.using(write_alias()).filter(
        revoked_at__isnull=True, api_key__revoked_at__isnull=True
    )
    return _named_keys("keys in use", resealing.survey(certificates, secrets))


def _sealed_rows() -> Finding:
    return _named_keys("sealed rows", resealing.survey())


def _named_keys(name: str, survey: resealing.Survey) -> Finding:
    rows = sum(survey.rows.values())
    if survey.absent or survey.broken:
        hint = "Put the missing entry back, then run `python manage.py token_issuer_reseal`."
        return failed(name, f"Of {rows + survey.broken} sealed secrets, {survey.trouble}.", hint=hint)
    return ok(name, f"The ring has every key that the sealed secrets ({rows}) name.")


def _clock(at: datetime) -> Finding:
    problem = clocks.problem(at)
    if problem:
        hint = "Tokens are refused where clocks differ: let the machines keep time (NTP)."
        return failed("clock", problem, hint=hint)
    return ok("clock", "This machine and the database agree about the time.")


def _https() -> Finding:
    if conf.require_https:
        return ok("https", "Plain HTTP is refused.")
    if settings.DEBUG:
        return ok("https", "Plain HTTP is allowed while DEBUG is on.")
    hint = 'Set TOKEN_ISSUER["REQUIRE_HTTPS"] to True; behind a proxy set SECURE_PROXY_SSL_HEADER as well.'
    return warning("https", "Plain HTTP is allowed: tokens can be read on the way.", hint=hint)


def _system_checks() -> Iterator[Finding]:
    messages = checks.run_checks(include_deployment_checks=not settings.DEBUG, databases=[write_alias()])
    ours = [found for found in messages if str(found.id).startswith("token_issuer.") and not found.is_silenced()]
    for found in ours:
        make = failed if found.is_serious() else warning
        yield make(f"check {found.id}", str(found.msg), hint=str(found.hint or ""))
    if not ours:
        yield ok("checks", "The system checks have nothing to say.")


def _stray_policies() -> Iterator[Finding]:
    """Yield a warning for each policy of an application that is not there: a slip, and another policy answers."""
    try:
        named = set(conf.policies) - {"*"}
    except ImproperlyConfigured:
        return  # a system check says so
    for slug in sorted(named - {row.slug for row in _applications("")}):
        hint = "Is the slug spelt as the application's? Until one is called so, nobody asks this policy."
        yield warning("policies", f'TOKEN_ISSUER["POLICIES"] names {slug!r}, which is no application.', hint=hint)


def _applications(slug: str, within: frozenset[UUID] | None = None) -> list[Application]:
    rows = Application.objects.using(write_alias()).order_by("slug")
    if within is not None:
        rows = rows.filter(pk__in=within)
    if not slug:
        return list(rows)
    found = [row for row in rows.filter(slug=slug) if row.slug == slug]
    if not found:
        msg = f"There is no application {slug!r}."
        raise NotFound(msg)
    return found
