"""Whether somebody tells vendors, as the doctor sees it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApplicationFactory, IssuedTokenFactory
from tests.pushes import told
from token_issuer.models import AuditEvent, AuditKind, VendorPush
from token_issuer.services import diagnosing, push_findings

pytestmark = pytest.mark.django_db


def push(minutes=0, *, due=0, **columns):
    """A push that was written this long ago and is due this long since."""
    token = IssuedTokenFactory(certificate__application__provider="agora")
    created, next_try = AT - timedelta(minutes=minutes), AT - timedelta(minutes=due)
    columns = {"created_at": created, "next_try_at": next_try, **columns}
    return VendorPush.objects.create(token=token, application=token.application, **columns)


def given_up(reason, *, hours=1, application=None):
    detail = {"reason": reason, "why": "", "attempts": 1}
    kind = AuditKind.PUSH_FAILED
    AuditEvent.objects.create(kind=kind, at=AT - timedelta(hours=hours), detail=detail, application=application)


def seen(**more):
    return [f"{finding.severity.value}: {finding.message}" for finding in push_findings.look(at=AT, **more)]


def test_a_site_that_tells_nobody_hears_nothing():
    push(next_try_at=None, pushed_at=AT)
    assert seen() == []


def test_a_site_that_tells_hears_that_all_is_well(calls):
    told(calls, "https://vendor.example")
    assert seen() == ["ok: Vendors are told of revocations; 0 wait."]
    push()
    assert seen() == ["ok: Vendors are told of revocations; 1 wait."]


def test_nobody_runs_the_command():
    push(12, due=12)
    push(3, due=3)
    (finding,) = push_findings.look(at=AT)
    assert finding.message == (
        "2 revocations wait for their vendor to be told, the oldest for 12 min, and nobody tells it."
    )
    assert "token_issuer_push --once" in finding.hint


def test_one_that_is_told_of_with_another_is_due_with_it():
    push(12, due=12, told_by=push(12).pk)
    assert seen() == ["ok: Vendors are told of revocations; 2 wait."]


@pytest.mark.parametrize(("due", "number"), [(5, 0), (6, 1)])
def test_a_few_minutes_are_nothing(due, number):
    push(due, due=due)
    assert sum(text.startswith("warning") for text in seen()) == number


def test_a_vendor_that_fails():
    push(12, due=-3, attempts=4)
    assert seen() == [
        "warning: 1 revocations wait for their vendor to be told, the oldest for 12 min; one of them failed 4 times."
    ]


def test_what_was_given_up_within_a_day_is_counted_by_its_reason():
    for reason in ("refused", "expired", "refused"):
        given_up(reason)
    given_up("refused", hours=25)
    assert seen() == ["warning: Within a day, vendors were not told of 3 revocations: refused (2), expired (1)."]


def test_no_more_than_a_limit_is_counted(monkeypatch):
    monkeypatch.setattr(push_findings, "MOST", 2)
    for _ in range(3):
        push(12, due=12)
        given_up("refused")
    late, failed = seen()
    assert late.startswith("warning: 2 or more revocations wait for")
    assert failed == "warning: Within a day, vendors were not told of 2 or more revocations: refused (2)."


def test_one_application_is_looked_at_alone(calls):
    mine = ApplicationFactory(slug="mine")
    push(12, due=12)
    given_up("refused", application=calls)
    assert seen(slug="mine") == []
    given_up("expired", application=mine)
    assert len(seen(slug="mine")) == 1


def test_the_doctor_tells(person):
    push(12, due=12)
    names = {finding.name for finding in diagnosing.full(person, at=AT).findings}
    assert push_findings.NAME in names
