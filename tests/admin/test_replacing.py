"""A leaked certificate is replaced by one form, and the page then says what is left to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import VIDEOSDK_SECRET, ApplicationFactory, CertificateFactory, IssuedTokenFactory, UserFactory
from token_issuer.models import AuditEvent, AuditKind, Certificate, CertificateState, IssuedToken, Standing
from token_issuer.registry import get_provider
from token_issuer.services import selecting

FRESH = "f" * 40
GOOD = {"secret-secret": FRESH, "reason": "it was in a repository"}


@pytest.fixture
def replace(site, active):
    def post(**changes):
        return site.post(url("certificate", "replace", active.pk), {**GOOD, **changes})

    return post


def live(certificate, **columns):
    return IssuedTokenFactory(certificate=certificate, issued_at=timezone.now(), **columns)


def state_of(certificate):
    return Certificate.objects.get(pk=certificate.pk).state


def errors(answer):
    return answer.context["form"].errors


def test_one_form_replaces_it_and_ends_its_tokens(replace, rooms, active):
    token = live(active)
    assert replace()["Location"] == url("certificate", "replace", active.pk)
    fresh = rooms.certificates.active().get()
    assert (fresh != active, state_of(active)) == (True, CertificateState.REVOKED)
    assert IssuedToken.objects.with_epochs_now().get().standing(token.issued_at) is Standing.REVOKED
    assert AuditEvent.objects.get(kind=AuditKind.CERTIFICATE_REVOKED).detail["reason"] == GOOD["reason"]
    logged = {entry.object_id: entry.get_change_message() for entry in LogEntry.objects.all()}
    assert logged == {str(active.pk): "Replaced: it leaked.", str(fresh.pk): "Added."}


def test_answer_says_who_can_still_mint_until_which_steps_are_done(site, active, replace):
    live(active)
    replace()
    text = site.get(url("certificate", "replace", active.pk)).content.decode()
    assert "Until this is done, whoever has the old secret can still make tokens there." in text
    assert all(escape(step) in text for step in get_provider("videosdk").vendor.leak_steps)
    assert "its 1 live token have ended here" in text
    assert url("issuedtoken", "check") in text


def test_page_says_how_many_tokens_of_whom_end_and_when(site, active):
    user = UserFactory()
    for minutes in (5, 40):
        live(active, user=user, expires_at=timezone.now() + timedelta(minutes=minutes))
    live(active)
    IssuedTokenFactory(certificate=active)  # expired
    answer = site.get(url("certificate", "replace", active.pk))
    shown = answer.context["preview"]
    assert (shown.live, shown.people) == ("3", "2")
    assert "in 39 min" in answer.content.decode()
    assert "at the next join: 3" in answer.content.decode()


def test_counting_stops_at_a_cap(site, active, monkeypatch):
    monkeypatch.setattr(selecting, "MOST_COUNTED", 2)
    for _number in range(4):
        live(active)
    with CaptureQueriesContext(connection) as captured:
        answer = site.get(url("certificate", "replace", active.pk))
    assert answer.context["preview"].live == "more than 2"
    assert any("LIMIT 3" in query["sql"] for query in captured)


def test_page_takes_the_same_queries_at_any_size(site, active):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            site.get(url("certificate", "replace", active.pk))
        return len(captured)

    live(active)
    queries()
    few = queries()
    for _number in range(30):
        live(active)
    assert queries() == few


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret-secret": VIDEOSDK_SECRET}, "secret-secret"),
        ({"secret-secret": "short"}, "secret-secret"),
        ({"secret-secret": ""}, "secret-secret"),
        ({"reason": ""}, "reason"),
        ({"reference": "env:BOTH"}, "reference"),
        ({"secret-secret": "", "reference": "env:NOT_SET_ANYWHERE"}, "reference"),
        ({"reason": "x" * 201}, "reason"),
        ({"secret-secret": "nul\0" * 20}, "secret-secret"),
    ],
)
def test_error_stands_at_its_field_and_loses_only_the_secret(replace, active, changes, field):
    answer = replace(**changes)
    assert list(errors(answer)) == [field]
    assert state_of(active) is CertificateState.ACTIVE
    text = answer.content.decode()
    assert FRESH not in text
    assert VIDEOSDK_SECRET not in text
    assert changes.get("reason", GOOD["reason"]) in text


def test_the_second_of_two_is_told_that_somebody_was_first(replace, rooms):
    replace()
    answer = replace(**{"secret-secret": "g" * 40})
    assert "somebody else may have replaced it before you" in answer.content.decode()
    assert rooms.certificates.count() == 2


def test_busy_database_is_said_above_the_form(replace, active):
    with busy("UPDATE", "token_issuer_certificate"):
        form = replace().context["form"]
    assert form.non_field_errors() == ["The database was busy three times in a row."]
    assert state_of(active) is CertificateState.ACTIVE


def test_what_was_staged_before_can_take_its_place(replace, active, staged):
    replace(**{"secret-secret": "", "staged": str(staged.pk)})
    assert (state_of(active), state_of(staged)) == (CertificateState.REVOKED, CertificateState.ACTIVE)


def test_staged_one_and_a_new_secret_contradict_each_other(replace, active, staged):
    assert list(errors(replace(staged=str(staged.pk)))) == ["staged"]
    assert state_of(active) is CertificateState.ACTIVE


def test_only_its_own_staged_ones_are_offered(replace, active, staged):
    other = CertificateFactory(application=ApplicationFactory())
    assert list(errors(replace(**{"secret-secret": "", "staged": str(other.pk)}))) == ["staged"]


def test_what_calls_the_vendor_is_replaced_too(site, rooms, active):
    calling = CertificateFactory(application=rooms, purpose="call", active=True)
    site.post(url("certificate", "replace", calling.pk), GOOD)
    assert (state_of(calling), state_of(active)) == (CertificateState.REVOKED, CertificateState.ACTIVE)
    assert rooms.certificates.active().get(purpose="call").fingerprint != calling.fingerprint


def test_where_keys_are_made_here_nothing_has_to_be_pasted(site):
    application = ApplicationFactory(provider="own", ready=True)
    old = application.certificates.get()
    site.post(url("certificate", "replace", old.pk), {"reason": "leak"})
    assert state_of(old) is CertificateState.REVOKED
    assert application.certificates.active().count() == 1


def test_what_does_not_sign_is_revoked_instead(site, staged):
    page = url("certificate", "replace", staged.pk)
    assert url("certificate", "revoke", staged.pk) in site.get(page).content.decode()
    site.post(page, GOOD)
    assert state_of(staged) is CertificateState.STAGED


def test_it_is_offered_wherever_the_certificate_is_seen(site, viewer, rooms, active):
    pages = [
        url("certificate", "change", active.pk),
        url("application", "change", rooms.pk),
        url("certificate", "changelist"),
    ]
    offered = url("certificate", "replace", active.pk)
    assert all(offered in site.get(page).content.decode() for page in pages)
    assert not any(offered in viewer.get(page).content.decode() for page in pages)


def test_whoever_may_rotate_may_replace(staff, active):
    assert (
        staff("view_certificate", "change_application").get(url("certificate", "replace", active.pk)).status_code == 403
    )
    rotator = staff("view_certificate", "rotate_certificate")
    rotator.post(url("certificate", "replace", active.pk), GOOD)
    assert state_of(active) is CertificateState.REVOKED
    assert "Check a token" not in rotator.get(url("certificate", "replace", active.pk)).content.decode()


def test_missing_provider_is_no_error(site, active, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"remove": ["videosdk"]}}
    assert (
        url("certificate", "revoke", active.pk) in site.get(url("certificate", "replace", active.pk)).content.decode()
    )


def test_the_state_is_said_in_the_readers_language(site, staged):
    with override("de"):
        said = site.get(url("certificate", "replace", staged.pk)).content.decode()
    assert "Es ist bereitgestellt, darum" in said
