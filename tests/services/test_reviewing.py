"""What the doctor says should be looked at now and then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT, ApplicationFactory, IssuedTokenFactory, RuleFactory
from token_issuer.models import Certificate, Rule
from token_issuer.services import diagnosing, reviewing
from token_issuer.services.findings import Severity

YEAR = timedelta(days=365)
DAYS_90 = timedelta(days=90)


@pytest.fixture
def rule(rooms):
    Rule.objects.update(created_at=AT - DAYS_90)
    return Rule.objects.get()


def look(application, at=AT) -> list[tuple[str, str]]:
    return [(found.name, found.message) for found in reviewing.look(application, at=at)]


def used(rule, **facts):
    IssuedTokenFactory(
        certificate=Certificate.objects.get(application=rule.application), decision=f"rule:{rule.pk}", **facts
    )


def test_young_certificates_and_rules_are_nobodys_concern(rooms):
    Rule.objects.update(created_at=AT)
    assert look(rooms, AT + DAYS_90) == []


def test_a_certificate_that_is_due_for_rotation_is_named(rooms, rule):
    used(rule, issued_at=AT + DAYS_90, expires_at=AT + YEAR)
    row = Certificate.objects.get()
    assert look(rooms, AT + DAYS_90) == []
    message = f"The certificate {row.fingerprint} has been in use for 90 days: it is due for rotation."
    assert look(rooms, AT + DAYS_90 + timedelta(seconds=1)) == [("certificate", message)]


def test_one_that_signs_no_more_is_not(rooms, rule):
    Certificate.objects.update(retiring_at=AT)
    assert "certificate" not in [name for name, _ in look(rooms, AT + 2 * YEAR)]


def test_a_rule_by_which_nobody_got_a_token_is_named(rooms, rule):
    later = AT + timedelta(seconds=1)
    message = f"Nobody got a token by these rules for 90 days: {rule.pk}."
    assert look(rooms, later) == [("rules", message)]
    used(rule)
    assert look(rooms, later) == []
    assert look(rooms, AT + DAYS_90 + timedelta(seconds=1))[1:] == [("rules", message)]


def test_a_token_of_another_application_is_no_use_of_it(rooms, rule):
    other = RuleFactory(application=ApplicationFactory(ready=True))
    IssuedTokenFactory(certificate=other.application.certificates.get(), decision=f"rule:{rule.pk}")
    assert [name for name, _ in look(rooms, AT + timedelta(seconds=1))] == ["rules"]


def test_only_some_are_named(rooms, rule):
    for _number in range(6):
        RuleFactory(application=rooms, created_at=AT - DAYS_90)
    ((_name, message),) = look(rooms, AT + timedelta(seconds=1))
    assert (message.count(","), message.endswith(" and 2 more.")) == (4, True)


def test_the_doctor_tells(rooms, person):
    Rule.objects.update(created_at=timezone.now() - DAYS_90 - timedelta(days=1))
    found = diagnosing.full(person, at=timezone.now()).findings
    assert ("rules", Severity.WARNING, "rooms") in [(each.name, each.severity, each.application) for each in found]
