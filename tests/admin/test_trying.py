"""A secret is tested from its form, before anything is saved, and the form keeps what was typed."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.admin.addresses import url
from tests.factories import (
    AGORA_APP_ID,
    AGORA_CERTIFICATE,
    VIDEOSDK_SECRET,
    VOCALSTACK_KEY,
    ApplicationFactory,
    CertificateFactory,
)
from token_issuer.models import Application, AuditEvent, Certificate, IssuedToken

ADD = "?provider=agora"
FILLED = {
    "public_id": AGORA_APP_ID,
    "secret-certificate": AGORA_CERTIFICATE,
    "option-token_version": "007",
    "option-subject": "integer",
    "option-account_pattern": "user-{user.pk}",
    "option-channel_max": "63",
    "option-on_revocation": "ban",
    "option-api_url": "https://api.agora.io",
    "slots": "4",
    "rule_for": "nobody",
}
WORKS = "It works: a token for nobody was made with it, read and verified."
WRONG = "It does not work yet."


@pytest.fixture
def try_new(site, db):
    def post(**changes):
        return site.post(url("application", "try") + ADD, {**FILLED, **changes})

    return post


@pytest.fixture
def stage_page(rooms, active):
    return f"?application={rooms.pk}&purpose=sign"


def text(answer):
    return answer.content.decode()


def rows():
    models = (Application, Certificate, IssuedToken, AuditEvent, LogEntry)
    return [model.objects.count() for model in models]


def test_an_application_to_be_is_tested_without_being_saved(try_new):
    answer = try_new()  # without a name: that is for saving
    assert WORKS in text(answer)
    assert "agora-007" in text(answer)
    assert AGORA_APP_ID in text(answer)
    assert rows() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"secret-certificate": "canary"}, "id_secret-certificate"),
        ({"secret-certificate": ""}, "id_secret-certificate"),
        ({"public_id": "canary"}, "id_public_id"),
        ({"option-channel_max": "10000"}, "id_option-channel_max"),
        ({"reference": "env:BOTH"}, "id_reference"),
        ({"secret-certificate": "", "reference": "env:NOT_SET_ANYWHERE"}, "id_reference"),
        ({"public_id": "\0"}, "id_public_id"),
    ],
)
def test_error_names_its_field(try_new, changes, field):
    answer = try_new(**changes)
    assert WRONG in text(answer)
    assert f'<a href="#{field}">' in text(answer)
    assert "canary" not in text(answer)


def test_neither_secret_nor_token_comes_back(try_new):
    answer = text(try_new())
    assert AGORA_CERTIFICATE not in answer
    assert not re.search(r"007[A-Za-z0-9+/=]{40}", answer)


def test_answer_is_kept_by_nobody(try_new):
    assert "no-store" in try_new()["Cache-Control"]


def test_a_certificate_to_be_is_tested(site, stage_page):
    before = rows()
    page = url("certificate", "try") + stage_page
    assert WORKS in text(site.post(page, {"secret-secret": "f" * 40}))
    assert 'href="#id_secret-secret"' in text(site.post(page, {"secret-secret": "short"}))
    assert rows() == before


def test_what_replaces_a_leaked_one_is_tested(site, active):
    before = rows()
    page = url("certificate", "try_replacement", active.pk)
    assert WORKS in text(site.post(page, {"secret-secret": VIDEOSDK_SECRET, "reason": ""}))
    assert rows() == before


def test_a_key_that_is_made_here_needs_no_test(site):
    application = ApplicationFactory(provider="own", ready=True)
    page = url("certificate", "try") + f"?application={application.pk}"
    assert "the key is made here when you save" in text(site.post(page, {}))


def test_site_without_an_issuer_is_told_so(site, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": None}
    application = ApplicationFactory(provider="own", ready=True)
    page = url("certificate", "try") + f"?application={application.pk}"
    assert "ISSUER" in text(site.post(page, {"secret-key": "5a" * 32, "algorithm": "HS256"}))


def test_vendor_is_asked_by_a_button_of_its_own(site, speech, vocalstack):
    page = url("certificate", "try") + f"?application={speech.pk}"
    secret = {"secret-api_key": VOCALSTACK_KEY}
    assert "and was not asked" in text(site.post(page, secret))
    assert vocalstack.orders == []
    assert "the vendor gave a token for nobody" in text(site.post(page, {**secret, "ask": "1"}))
    (entry,) = LogEntry.objects.all()
    assert (entry.get_edited_object(), entry.change_message) == (speech, "Asked the vendor, to test a secret.")
    refused = site.post(page, {"secret-api_key": "another-key-of-somebody-else", "ask": "1"})
    assert WRONG in text(refused)
    assert LogEntry.objects.count() == 2
    new = url("application", "try") + "?provider=vocalstack"
    options = {f"option-{name}": text for name, text in speech.options.items()}
    site.post(new, {"secret-api_key": VOCALSTACK_KEY, "public_id": speech.public_id, "ask": "1", **options})
    assert LogEntry.objects.filter(object_id=None).count() == 1
    assert VOCALSTACK_KEY not in str([*LogEntry.objects.values()])


def test_buttons_stand_on_every_form_that_takes_a_secret(site, rooms, active, speech, stage_page):
    pages = {
        url("application", "add") + ADD: url("application", "try") + ADD,
        url("certificate", "add") + stage_page: url("certificate", "try") + stage_page.replace("&", "&amp;"),
        url("certificate", "replace", active.pk): url("certificate", "try_replacement", active.pk),
        url("application", "rotate", rooms.pk, "sign"): url("certificate", "try") + stage_page.replace("&", "&amp;"),
    }
    for page, address in pages.items():
        answer = text(site.get(page))
        assert f'formaction="{address}" formtarget="_blank" formnovalidate' in answer, page
        assert "token_issuer/try.js" in answer
        assert answer.index("formaction") > answer.index('type="submit"'), "Enter would test instead of saving"
        assert 'name="ask"' not in answer
    asking = url("certificate", "add") + f"?application={speech.pk}"
    assert 'name="ask"' in text(site.get(asking))


def test_page_that_changes_nothing_has_no_button(site, rooms):
    assert "formaction" not in text(site.get(url("application", "change", rooms.pk)))


def test_provider_without_secrets_has_no_button(site, db):
    assert "formaction" not in text(site.get(url("application", "add") + "?provider=own-once"))


def test_it_takes_the_permission_of_the_form(staff, rooms, active, stage_page):
    nobody = staff("view_application", "view_certificate")
    pages = [
        url("application", "try") + ADD,
        url("certificate", "try") + stage_page,
        url("certificate", "try_replacement", active.pk),
    ]
    assert {nobody.post(page).status_code for page in pages} == {403}


def test_looking_leads_back_to_the_form(site, active, stage_page):
    pages = {
        url("application", "try") + ADD: url("application", "add") + ADD,
        url("certificate", "try") + stage_page: url("certificate", "add") + stage_page,
        url("certificate", "try_replacement", active.pk): url("certificate", "replace", active.pk),
    }
    assert {page: site.get(page)["Location"] for page in pages} == pages


def test_error_report_does_not_hold_it(chief, settings, rooms, active, monkeypatch):
    settings.DEBUG = True
    monkeypatch.setattr("token_issuer.admin.trying._tried", lambda *args: 1 / 0)
    client = Client(raise_request_exception=False)
    client.force_login(chief)
    answer = client.post(url("certificate", "try") + f"?application={rooms.pk}", {"secret-secret": "5up3r" * 8})
    assert answer.status_code == 500
    assert "5up3r" * 8 not in text(answer)


def test_what_calls_the_vendor_is_only_looked_at(site, rooms):
    calling = CertificateFactory(application=rooms, purpose="call", active=True)
    page = url("certificate", "try_replacement", calling.pk)
    assert "Its form is right." in text(site.post(page, {"secret-secret": "f" * 40}))
    assert "only the form of what you typed" in text(site.get(url("certificate", "replace", calling.pk)))
