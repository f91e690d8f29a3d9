"""A certificate's life through the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import AT, VIDEOSDK_SECRET, IssuedTokenFactory
from token_issuer.models import AuditEvent, AuditKind, Certificate, CertificateState, IssuedToken, Standing

FRESH = "f" * 40


@pytest.fixture
def stage(site, rooms, active):
    def post(**changes):
        page = url("certificate", "add") + f"?application={rooms.pk}"
        return site.post(page, {"secret-secret": FRESH, "reference": "", **changes})

    return post


def state_of(certificate):
    return Certificate.objects.get(pk=certificate.pk).state


def test_application_is_chosen_first(site, rooms):
    assert f"?application={rooms.pk}" in site.get(url("certificate", "add")).content.decode()


def test_page_shows_the_vendors_steps(site, rooms):
    text = site.get(url("certificate", "add") + f"?application={rooms.pk}").content.decode()
    assert "create a second API key" in text


def test_staged_certificate_does_not_sign(stage, rooms, active):
    answer = stage()
    fresh = rooms.certificates.exclude(pk=active.pk).get()
    assert (fresh.state, state_of(active)) == (CertificateState.STAGED, CertificateState.ACTIVE)
    assert answer["Location"] == url("application", "change", rooms.pk)
    assert LogEntry.objects.get().object_id == str(fresh.pk)


def test_refusal_stands_at_the_part(stage):
    form = stage(**{"secret-secret": "short"}).context["adminform"].form
    assert list(form.errors) == ["secret-secret"]


def test_broken_reference_stands_at_the_reference(stage):
    form = stage(**{"secret-secret": "", "reference": "env:NOT_SET_ANYWHERE"}).context["adminform"].form
    assert list(form.errors) == ["reference"]


def test_busy_database_is_said_above_the_form(stage):
    with busy("INSERT", "token_issuer_certificate"):
        form = stage().context["adminform"].form
    assert form.non_field_errors() == ["The database was busy three times in a row."]


def test_provider_knows_the_purpose(site, rooms):
    page = url("certificate", "add") + f"?application={rooms.pk}&purpose=decoration"
    assert site.get(page).status_code == 404


def test_every_purpose_can_be_chosen(site, rooms):
    """What calls the vendor is a certificate of its own, and may be the secret that signs once more."""
    chosen = f"?application={rooms.pk}&amp;purpose=call"
    assert chosen in site.get(url("certificate", "add")).content.decode()
    assert chosen in site.get(url("application", "change", rooms.pk)).content.decode()
    page = url("certificate", "add") + chosen.replace("&amp;", "&")
    assert "server API is told of revocations" in site.get(page).content.decode()
    site.post(page, {"secret-secret": VIDEOSDK_SECRET})
    assert rooms.certificates.get(purpose="call").state is CertificateState.STAGED


def test_activating_retires_the_one_that_signed(site, staged, active):
    page = url("certificate", "activate", staged.pk)
    assert "New tokens are made with it from now on." in site.get(page).content.decode()
    site.post(page)
    assert (state_of(staged), state_of(active)) == (CertificateState.ACTIVE, CertificateState.RETIRING)


def test_retiring_certificate_is_retired(site, staged, active):
    site.post(url("certificate", "activate", staged.pk))
    site.post(url("certificate", "retire", active.pk))
    assert state_of(active) is CertificateState.RETIRED


def test_revoking_ends_its_tokens_and_needs_a_reason(site, active, token):
    page = url("certificate", "revoke", active.pk)
    assert "This field is required." in site.post(page, {"reason": ""}).content.decode()
    assert state_of(active) is CertificateState.ACTIVE
    site.post(page, {"reason": "it was in a repository"})
    assert state_of(active) is CertificateState.REVOKED
    assert IssuedToken.objects.with_epochs_now().get().standing(AT) is Standing.REVOKED
    event = AuditEvent.objects.get(kind=AuditKind.CERTIFICATE_REVOKED)
    assert event.detail["reason"] == "it was in a repository"
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_conflict_is_said(site, active):
    text = site.post(url("certificate", "activate", active.pk), follow=True).content.decode()
    assert "The certificate is not in a state that allows this" in text


def test_rotating_needs_its_own_permission(staff, staged):
    editor = staff("view_certificate", "view_application", "change_application")
    pages = [url("certificate", deed, staged.pk) for deed in ("activate", "retire", "revoke")]
    assert {editor.post(page, {"reason": "because"}).status_code for page in pages} == {403}
    rotator = staff("view_certificate", "rotate_certificate")
    assert rotator.post(url("certificate", "activate", staged.pk))["Location"] == url("certificate", "changelist")


def test_applications_page_lists_certificates_with_their_buttons(site, rooms, staged, active):
    text = site.get(url("application", "change", rooms.pk)).content.decode()
    for expected in (
        staged.fingerprint,
        url("certificate", "activate", staged.pk),
        url("certificate", "revoke", active.pk),
        url("certificate", "add") + f"?application={rooms.pk}",
    ):
        assert expected in text
    assert url("certificate", "activate", active.pk) not in text


def test_viewer_sees_certificates_without_buttons(viewer, rooms, staged):
    text = viewer.get(url("application", "change", rooms.pk)).content.decode()
    assert staged.fingerprint in text
    assert url("certificate", "activate", staged.pk) not in text


def test_list_shows_states(site, staged, active):
    IssuedTokenFactory(certificate=active)
    text = site.get(url("certificate", "changelist")).content.decode()
    assert ">staged<" in text
    assert ">active<" in text


def test_certificate_that_is_due_says_so(site, rooms, active, settings):
    pages = [
        url("certificate", "changelist"),
        url("certificate", "change", active.pk),
        url("application", "change", rooms.pk),
    ]
    assert all("due for rotation" in site.get(page).content.decode() for page in pages)
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ROTATE_AFTER": 0}
    assert not any("due for rotation" in site.get(page).content.decode() for page in pages)
