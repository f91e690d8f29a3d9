"""A planned rotation goes one step after the other, and its page reads off the rows which step it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.template.defaultfilters import striptags
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import AT, ApplicationFactory, CertificateFactory, IssuedTokenFactory, UserFactory, caller
from token_issuer.models import Certificate, CertificateState, Principal
from token_issuer.registry import get_provider
from token_issuer.services import rotating, rotations

FRESH = "f" * 40


@pytest.fixture
def page(rooms, active):
    return url("application", "rotate", rooms.pk, "sign")


@pytest.fixture
def retiring(chief, staged, active):
    """The one that signed: another is active now."""
    rotating.activate(caller(chief), staged, at=timezone.now())
    active.refresh_from_db()
    return active


def live(certificate, **columns):
    return IssuedTokenFactory(certificate=certificate, issued_at=timezone.now(), **columns)


def state_of(certificate):
    return Certificate.objects.get(pk=certificate.pk).state


def current(client, page):
    """The step that is to be done now."""
    (label,) = [step["label"] for step in client.get(page).context["progress"] if step["current"]]
    return str(label)


def test_it_goes_from_staging_to_retiring(site, page, rooms, active):
    assert current(site, page).startswith("Stage")
    site.post(page, {"secret-secret": FRESH})
    fresh = rooms.certificates.exclude(pk=active.pk).get()
    assert current(site, page).startswith("Activate")
    site.post(page, {"certificate": fresh.pk})
    assert (state_of(fresh), state_of(active)) == (CertificateState.ACTIVE, CertificateState.RETIRING)
    assert current(site, page).startswith("Retire")  # there are no tokens to wait for
    site.post(page, {"certificate": active.pk})
    assert state_of(active) is CertificateState.RETIRED
    assert current(site, page).startswith("Stage")
    logged = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert logged == ["Added.", "Activated.", "Retired."]


def test_page_says_in_words_which_step_is_done(site, page, staged):
    answer = site.get(page)
    assert 'aria-current="step"' in answer.content.decode()
    words = [striptags(step["state"]) for step in answer.context["progress"]]
    assert words == ["done", "now", "later", "later"]


def test_vendors_steps_stand_at_the_step_they_belong_to(site):
    application = ApplicationFactory(provider="agora", ready=True)
    steps = site.get(url("application", "rotate", application.pk, "sign")).context["progress"]
    assert [step["vendor_steps"] for step in steps] == [[text] for text in get_provider("agora").vendor.rotation_steps]


def test_secret_that_only_calls_has_no_steps_at_the_vendor(site, rooms):
    steps = site.get(url("application", "rotate", rooms.pk, "call")).context["progress"]
    assert [step["vendor_steps"] for step in steps] == [[]] * 4


def test_live_tokens_are_waited_for(site, page, retiring):
    live(retiring, expires_at=timezone.now() + timedelta(minutes=40))
    assert current(site, page).startswith("Wait")
    text = site.get(page).content.decode()
    assert "in 39 min" in text
    answer = site.post(page, {"certificate": retiring.pk})
    assert list(answer.context["form"].errors) == ["sure"]
    assert state_of(retiring) is CertificateState.RETIRING
    site.post(page, {"certificate": retiring.pk, "sure": "on"})
    assert state_of(retiring) is CertificateState.RETIRED


def test_page_names_who_still_uses_the_old_one(site, staff, page, retiring):
    user = UserFactory(username="grace")
    newest = [live(retiring, user=user) for _number in range(3)][-1]
    live(retiring, user=UserFactory(username="alan"))
    text = site.get(page).content.decode()
    assert text.index("grace") < text.index("alan")
    assert url("issuedtoken", "change", newest.pk) in text
    assert "4 live tokens were made with it, of 2 people and servers." in text
    rotator = staff("view_certificate", "view_application", "rotate_certificate")
    assert "grace" not in rotator.get(page).content.decode()


def test_server_is_named_by_its_key(site, page, retiring, key):
    columns = {"user": None, "principal": Principal.API_KEY, "principal_key": key.pk, "api_key": key}
    live(retiring, **columns)
    assert f"API key {key.public_id}" in site.get(page).content.decode()


def test_page_takes_the_same_queries_at_any_size(site, page, retiring):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            site.get(page)
        return len(captured)

    live(retiring)
    queries()
    few = queries()
    for _number in range(30):
        live(retiring)
    assert queries() == few


def test_button_of_an_old_page_does_nothing_else(site, page, rooms, active, staged):
    site.post(page, {"certificate": staged.pk})
    text = site.post(page, {"certificate": staged.pk}).content.decode()
    assert "Somebody else went on meanwhile" in text
    assert state_of(active) is CertificateState.RETIRING
    site.post(page, {"certificate": active.pk})
    follow = site.post(page, {"certificate": active.pk}, follow=True).content.decode()
    assert "Somebody else went on meanwhile" in follow


@pytest.mark.parametrize("wrong", ["", "garbage", "\0", "9" * 40])
def test_garbage_is_no_step(site, page, staged, wrong):
    assert site.post(page, {"certificate": wrong}).status_code == 200
    assert state_of(staged) is CertificateState.STAGED


def test_secret_does_not_come_back(site, page):
    answer = site.post(page, {"secret-secret": "canary"})
    assert list(answer.context["form"].errors) == ["secret-secret"]
    assert "canary" not in answer.content.decode()


def test_purpose_and_provider_are_known(site, rooms, page, settings):
    assert site.get(url("application", "rotate", rooms.pk, "decoration")).status_code == 404
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"remove": ["videosdk"]}}
    assert site.get(page).status_code == 404


def test_it_needs_the_permission_to_rotate(staff, page):
    assert staff("view_application", "change_application").get(page).status_code == 403


def test_applications_page_leads_here(site, viewer, rooms, page):
    assert page in site.get(url("application", "change", rooms.pk)).content.decode()
    assert page not in viewer.get(url("application", "change", rooms.pk)).content.decode()


def test_latest_end_counts_from_the_longest_lifetime(chief, rooms, staged, active):
    rooms.maximum_lifetime = 600  # which another server with the same secret does not know
    rotating.activate(caller(chief), staged, at=AT)
    rotation = rotations.rotation_of(rooms, get_provider("videosdk"), "sign", at=AT)
    assert (rotation.step, rotation.latest) == ("retire", AT + timedelta(days=1))
    IssuedTokenFactory(certificate=active, expires_at=AT + timedelta(days=2))
    rotation = rotations.rotation_of(rooms, get_provider("videosdk"), "sign", at=AT)
    assert (rotation.step, rotation.until, rotation.latest) == ("wait", *[AT + timedelta(days=2)] * 2)


def test_secret_that_makes_no_tokens_keeps_nobody_waiting(site, chief, rooms):
    for number in (1, 2):
        calling = CertificateFactory(application=rooms, purpose="call", secret={"secret": str(number) * 32})
        rotating.activate(caller(chief), calling, at=timezone.now())
    page = url("application", "rotate", rooms.pk, "call")
    assert current(site, page).startswith("Retire")
    assert site.get(page).context["rotation"].latest is None
    assert "Does another server" not in site.get(page).content.decode()


def test_what_retires_is_finished_before_another_is_activated(chief, rooms, staged, active):
    rotating.activate(caller(chief), staged, at=AT)
    rotating.stage(caller(chief), rooms, secret={"secret": FRESH}, at=AT)
    rotation = rotations.rotation_of(rooms, get_provider("videosdk"), "sign", at=AT)
    assert (rotation.step, rotation.retiring) == ("retire", active)
