"""The doctor as a page: quick to look at, full when it is posted to, and never an error page itself."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.utils.html import strip_tags

from tests.admin.addresses import url
from tests.factories import AT, ApplicationFactory, RuleFactory
from token_issuer.models import AuditEvent, Certificate, IssuedToken
from token_issuer.services.findings import Severity

QUICK = ["database", "migrations", "key ring", "keys in use"]


@pytest.fixture
def page():
    return url("application", "doctor")


def findings(answer):
    return [finding for group in answer.context["groups"] for finding in group.findings]


def names(answer):
    return [finding.name for finding in findings(answer)]


def of_rooms(user):
    return ["rooms"]


def failing(user):
    raise LookupError


def asked_by(settings, function):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.{function.__name__}"}


def test_looking_is_quick_and_writes_nothing(site, page, rooms):
    answer = site.get(page)
    assert names(answer) == QUICK
    assert "Nothing was minted or written." in answer.content.decode()
    assert not IssuedToken.objects.exists()


def test_posting_tries_every_application_and_says_so_before(site, page, rooms):
    RuleFactory(application=rooms)
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    assert "one token for nobody is minted" in site.get(page).content.decode()
    answer = site.post(page)
    assert {*QUICK, "https", "token"} <= {*names(answer)}
    assert {token.application for token in IssuedToken.objects.all()} == {rooms, calls}
    assert all(token.revoked_at for token in IssuedToken.objects.all())
    assert AuditEvent.objects.exists()
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(rooms.pk), str(calls.pk)}
    assert {entry.get_change_message() for entry in LogEntry.objects.all()} == {"Diagnosed."}


def test_one_application_is_tried_alone(site, page, rooms):
    ApplicationFactory(slug="calls", provider="agora", ready=True)
    site.post(page, {"application": "rooms"})
    assert [token.application for token in IssuedToken.objects.all()] == [rooms]
    assert [entry.object_id for entry in LogEntry.objects.all()] == [str(rooms.pk)]


@pytest.mark.parametrize("slug", ["no-such", "no slug", "a\0b", "x" * 500])
def test_application_that_there_is_not_is_an_error_at_its_field(site, page, rooms, slug):
    answer = site.post(page, {"application": slug})
    assert "application" in answer.context["form"].errors
    assert names(answer) == QUICK
    assert not IssuedToken.objects.exists()


def test_more_applications_than_fit_are_not_begun(site, page, rooms, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.diagnosing.MOST_TRIED", 1)
    ApplicationFactory()
    assert "There are more than 1 applications" in site.post(page).context["form"].errors["application"][0]
    assert not IssuedToken.objects.exists()
    assert names(site.post(page, {"application": "rooms"})) != QUICK


def test_findings_are_grouped_with_the_worst_first(site, page, rooms):
    Certificate.objects.update(retired_at=AT)
    answer = site.post(page)
    headings = [group.heading for group in answer.context["groups"]]
    assert headings == ["Failed", "To look at", "As it should be"]
    text = " ".join(strip_tags(answer.content.decode()).split())
    assert "Failed (1)" in text
    assert "failed rooms: certificate: None is active. Run `token_issuer_rotate rooms`." in text


def test_application_leads_to_it_with_itself_filled_in(site, page, rooms):
    assert f"{page}?application=rooms" in site.get(url("application", "change", rooms.pk)).content.decode()
    assert 'value="rooms"' in site.get(page, {"application": "rooms"}).content.decode()


def test_it_takes_its_own_permission(staff, page, rooms):
    assert staff("view_application", "change_application").post(page).status_code == 403
    assert not IssuedToken.objects.exists()
    assert staff("diagnose_application").get(page).status_code == 200


# Restricted staff


def test_restricted_staff_try_their_own_applications(staff, page, rooms, settings):
    asked_by(settings, of_rooms)
    ApplicationFactory(slug="calls", provider="agora", ready=True)
    answer = staff("diagnose_application").post(page)
    assert [token.application for token in IssuedToken.objects.all()] == [rooms]
    assert {finding.application for finding in findings(answer)} == {"", "rooms"}
    assert [finding.name for finding in findings(answer) if not finding.application] == QUICK


def test_restricted_staff_do_not_learn_of_others(staff, page, rooms, settings):
    asked_by(settings, of_rooms)
    ApplicationFactory(slug="calls", provider="agora", ready=True)
    doctor = staff("diagnose_application")
    told = [doctor.post(page, {"application": slug}).context["form"].errors for slug in ("calls", "no-such")]
    assert told[0] == told[1]
    assert not IssuedToken.objects.exists()


def test_staff_whose_applications_nobody_can_say_get_the_quick_look(staff, page, rooms, settings, caplog):
    asked_by(settings, failing)
    answer = staff("diagnose_application").post(page)
    assert names(answer) == QUICK
    assert not IssuedToken.objects.exists()


# Where much is broken


@pytest.mark.parametrize("broken", ["nonsense", {"ENCRYPTION_KEYS": 5}, {"POLICIES": 5}, {"REQUIRE_HTTPS": "maybe"}])
def test_broken_settings_are_findings(site, page, rooms, settings, broken):
    settings.TOKEN_ISSUER = broken
    for answer in (site.get(page), site.post(page)):
        assert answer.status_code == 200
        assert findings(answer)


def test_database_that_stops_answering_is_a_finding(site, page, rooms):
    def refuse(execute, sql, params, many, context):
        if "token_issuer_" in sql or "django_migrations" in sql:
            msg = "password authentication failed for user bob at db.internal"
            raise OperationalError(msg)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        answers = [site.get(page), site.post(page)]
    for answer in answers:
        assert [finding.message for finding in findings(answer) if finding.severity is Severity.FAILED][-1:] == [
            "The look ended early: OperationalError"
        ]
        assert "db.internal" not in answer.content.decode()
