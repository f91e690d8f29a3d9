"""What is wrong with the live configuration, said in sentences."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core import checks
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from tests.factories import AT, ApplicationFactory, CertificateFactory, IssuedTokenFactory, RuleFactory
from token_issuer.errors import NotFound
from token_issuer.models import AuditEvent, Certificate, IssuedToken, Origin
from token_issuer.registry import providers
from token_issuer.services import clocks, diagnosing, probing
from token_issuer.services.callers import Caller
from token_issuer.services.findings import Diagnosis, Severity

NOBODY = Caller(user=AnonymousUser(), origin=Origin.COMMAND)
QUICK = ["database", "migrations", "key ring", "keys in use"]
SITE = [*QUICK, "sealed rows", "clock", "https", "checks"]


@pytest.fixture
def secure(settings):
    """Settings that no check has anything to say about."""
    settings.SILENCED_SYSTEM_CHECKS = [f"token_issuer.W{number:03}" for number in range(100)]


def full(slug: str = "") -> Diagnosis:
    # Clocks are compared, so it is now; and nothing is older than the day on which somebody runs this.
    Certificate.objects.filter(activated_at=AT, retiring_at=None).update(activated_at=timezone.now())
    return diagnosing.full(NOBODY, at=timezone.now(), slug=slug)


def said(diagnosis: Diagnosis, severity: Severity) -> list[tuple[str, str]]:
    return [(found.name, found.message) for found in diagnosis.findings if found.severity is severity]


def failures(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return said(diagnosis, Severity.FAILED)


def ring(settings, *entries: str) -> None:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": list(entries)}


def test_quick_is_healthy_and_writes_nothing(rooms, calls, at):
    found = diagnosing.quick(at=at)
    assert (found.healthy, found.at, [finding.name for finding in found.findings]) == (True, at, QUICK)
    assert not IssuedToken.objects.exists()


def test_a_database_that_does_not_answer_is_the_only_finding(db, at):
    def refuse(*arguments):
        msg = "password authentication failed for user bob at db.internal"
        raise OperationalError(msg)

    with connection.execute_wrapper(refuse):
        found = diagnosing.quick(at=at)
    assert (found.healthy, failures(found)) == (
        False,
        [("database", "The database 'default' does not answer (OperationalError).")],
    )


def test_a_waiting_migration_is_named(db, at):
    MigrationRecorder(connection).record_unapplied("token_issuer", "0001_initial")
    found = diagnosing.quick(at=at)
    assert failures(found)[0][0] == "migrations"
    assert "0001_initial" in failures(found)[0][1]
    assert found.findings[-1].hint == "Run `python manage.py migrate token_issuer`."


def test_migrations_may_be_switched_off(db, at, settings):
    settings.MIGRATION_MODULES = {"token_issuer": None}
    assert said(diagnosing.quick(at=at), Severity.WARNING)[0][0] == "migrations"


def test_full_stops_where_quick_failed(db, at, settings):
    ring(settings)
    found = full()
    assert [name for name, _ in failures(found)] == ["key ring"]
    assert found.findings[-1].name == "key ring"
    assert "token_issuer_init" in found.findings[-1].message


def test_a_certificate_in_use_under_a_missing_key_is_found(rooms, at, settings):
    ring(settings, settings.TOKEN_ISSUER["ENCRYPTION_KEYS"][1])
    message = "Of 1 sealed secrets, 1 name the key 'test2', which is not in the ring."
    assert failures(diagnosing.quick(at=at)) == [("keys in use", message)]


def test_a_staged_certificate_under_a_missing_key_does_not_stop_traffic(rooms, settings, secure):
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    ring(settings, second, first)
    CertificateFactory(application=rooms)
    ring(settings, first)
    assert diagnosing.quick(at=timezone.now()).healthy
    assert [name for name, _ in failures(full())] == ["sealed rows"]


def test_a_value_that_is_no_sealed_one_is_counted(rooms, secure):
    Certificate.objects.update(sealed_secret=b"garbage")
    assert ("sealed rows", "Of 1 sealed secrets, 1 are no sealed values.") in failures(full())


def test_full_looks_at_everything_and_leaves_one_revoked_row(rooms, secure):
    found = full()
    assert found.healthy, failures(found)
    assert [finding.name for finding in found.findings] == [*SITE, "policy", "token"]
    row = IssuedToken.objects.get()
    assert (row.origin, row.decision, row.user, row.reason) == ("command", "doctor", None, "doctor")
    assert row.revoked_at is not None
    assert [event.kind for event in AuditEvent.objects.all()] == ["token_revoked"]


def test_one_application_may_be_asked_for(rooms, calls, secure):
    assert {finding.application for finding in full("calls").findings} == {"", "calls"}


def of_application(diagnosis: Diagnosis) -> set[tuple[str, str]]:
    return {(found.name, found.application) for found in diagnosis.findings if found.name not in SITE}


def test_every_finding_names_its_application(db, at, secure):
    ApplicationFactory(slug="off", disabled_at=at)
    ApplicationFactory(slug="bare")
    RuleFactory(application=ApplicationFactory(slug="good", ready=True))
    CertificateFactory(application=ApplicationFactory(slug="shut"), active=True, sealed_secret=b"garbage")
    assert of_application(full()) >= {
        ("application", "off"),
        ("policy", "bare"),
        ("policy", "good"),
        ("token", "good"),
        ("certificate", "shut"),
    }


def test_another_applications_rules_and_certificates_do_not_count(db, secure):
    rooms = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    other = RuleFactory(application=ApplicationFactory(slug="other")).application
    CertificateFactory(application=other, active=True, sealed_secret=b"garbage")
    found = [finding for finding in full("rooms").findings if finding.application == rooms.slug]
    assert [finding.message for finding in found if finding.name == "policy"] == [
        "Decided by no site policy; rules: 1."
    ]
    assert "certificate" not in [finding.name for finding in found]


@pytest.mark.parametrize("slug", ["nothing", "ROOMS"])
def test_an_unknown_application_is_named(rooms, slug):
    with pytest.raises(NotFound, match=f"no application '{slug}'"):
        full(slug)


def test_a_clock_that_went_back_is_found(rooms, secure):
    now = timezone.now()
    IssuedTokenFactory(issued_at=now + timedelta(minutes=5))
    name, message = failures(full("rooms"))[0]
    assert name == "clock"
    assert message.endswith("s in the future: the clock went back.")


@pytest.mark.engine("sqlite")
def test_half_a_minute_is_no_trouble(db, at):
    IssuedTokenFactory(issued_at=at + clocks.TOLERANCE)
    assert clocks.problem(at) == ""
    assert clocks.problem(at - timedelta(seconds=1)).startswith("The newest token was issued 31 s in the future")


@pytest.mark.engine("postgresql", "mariadb")
def test_a_clock_away_from_the_database_is_found(db, secure):
    found = diagnosing.full(NOBODY, at=timezone.now() - timedelta(hours=1))
    assert failures(found) == [("clock", "This machine's clock is -3600 s away from the database's.")]


def test_the_clock_of_the_database_is_read_as_utc(db, secure):
    assert ("clock", "This machine and the database agree about the time.") in said(full(), Severity.OK)


def test_plain_http_is_a_warning_outside_debug(db, settings, secure):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REQUIRE_HTTPS": False}
    assert said(full(), Severity.WARNING) == [("https", "Plain HTTP is allowed: tokens can be read on the way.")]


def test_plain_http_is_fine_in_debug(db, settings, secure):
    settings.DEBUG = True
    assert ("https", "Plain HTTP is allowed while DEBUG is on.") in said(full(), Severity.OK)


def test_a_setting_of_the_wrong_kind_is_a_finding(db, settings, secure):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REQUIRE_HTTPS": "yes"}
    assert ("settings", 'TOKEN_ISSUER["REQUIRE_HTTPS"] must be True or False.') in failures(full())


@pytest.mark.parametrize(("level", "severity"), [(checks.WARNING, Severity.WARNING), (checks.ERROR, Severity.FAILED)])
def test_our_system_checks_are_findings(db, monkeypatch, level, severity):
    ours = checks.CheckMessage(level, "Something is odd.", hint="Look.", id="token_issuer.X999")
    other = checks.CheckMessage(level, "Not ours.", id="other.X001")
    monkeypatch.setattr(checks, "run_checks", lambda **options: [ours, other])
    found = [finding for finding in full().findings if finding.name.startswith("check")]
    assert [(each.name, each.severity, each.hint) for each in found] == [("check token_issuer.X999", severity, "Look.")]


def test_a_disabled_application_is_not_tried(db, at, secure):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True, disabled_at=at))
    found = full()
    assert (found.healthy, said(found, Severity.WARNING)) == (
        True,
        [("application", "It is switched off, so nothing was tried.")],
    )
    assert not IssuedToken.objects.exists()


def test_an_application_that_nobody_may_use_is_a_warning(db, secure):
    ApplicationFactory(slug="rooms", ready=True)
    found = full()
    assert said(found, Severity.WARNING) == [("policy", "No rule and no site policy: nobody may mint.")]
    assert 'TOKEN_ISSUER["POLICIES"]["rooms"]' in found.findings[-2].hint


def test_a_policy_that_cannot_be_imported_is_found(rooms, settings, secure):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"rooms": "nowhere.policy"}}
    assert "policy" in [name for name, _ in failures(full())]


def test_a_certificate_that_does_not_open_is_found_with_its_state(rooms, secure):
    row = Certificate.objects.get()
    Certificate.objects.update(sealed_secret=bytes(row.sealed_secret or b"")[:-4] + b"AAAA")
    found = dict(failures(full()))
    assert found["certificate"].startswith(f"The certificate {row.fingerprint} (active) does not open: The sealed")
    assert found["mint"].startswith("The sealed")


def test_a_retired_certificate_that_does_not_open_is_a_warning(rooms, at, secure):
    CertificateFactory(
        application=rooms, active=True, retiring_at=at, retired_at=at, sealed_secret=None, reference="env:X"
    )
    found = full()
    assert found.healthy
    ((name, message),) = said(found, Severity.WARNING)
    assert (name, "(retired) does not open: The secret 'env:X'" in message) == ("certificate", True)


def test_an_application_that_cannot_be_tried_is_a_warning(rooms, secure, monkeypatch):
    def no_probe(*arguments, **named):
        msg = "Not tried."
        raise probing.NoProbe(msg)

    monkeypatch.setattr(probing, "probe", no_probe)
    assert said(full(), Severity.WARNING) == [("token", "Not tried.")]


def test_an_application_of_a_provider_that_is_gone_is_found(db, secure):
    CertificateFactory(application=ApplicationFactory(slug="rooms", provider="gone"), active=True, secret={"a": "b"})
    known = ", ".join(providers())
    assert failures(full()) == [("provider", f"There is no provider 'gone'; known: {known}.")]


def test_a_policy_of_no_application_is_noticed(rooms, settings, secure):
    policies = {"*": "tests.services.test_site_policy.allow", "roms": "tests.services.test_site_policy.allow"}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": policies}
    found = full("rooms")
    assert said(found, Severity.WARNING) == [
        ("policies", "TOKEN_ISSUER[\"POLICIES\"] names 'roms', which is no application.")
    ]
    assert found.healthy


def test_policies_of_a_wrong_kind_are_a_checks_to_tell(rooms, settings, secure):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": 3}
    assert "policies" not in [name for name, _ in said(full("rooms"), Severity.WARNING)]


def test_within_some_applications_nothing_of_the_site_is_looked_at(rooms, calls):
    found = diagnosing.full(NOBODY, at=timezone.now(), within=frozenset([rooms.pk]))
    assert {each.application for each in found.findings} == {"", "rooms"}
    assert [each.name for each in found.findings if not each.application] == QUICK


def test_an_application_outside_is_as_unknown_as_none(rooms, calls):
    with pytest.raises(NotFound):
        diagnosing.full(NOBODY, at=timezone.now(), slug="calls", within=frozenset([rooms.pk]))
