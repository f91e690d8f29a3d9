"""Who may see which page, and that looking changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client

from tests.admin.addresses import deeds, read_pages, url
from tests.factories import AT, OneTimeKeyFactory, TokenFamilyFactory, VendorAccountFactory
from token_issuer.models import (
    ApiKey,
    ApiKeySecret,
    Application,
    AuditEvent,
    AuditKind,
    Certificate,
    IssuedToken,
    OneTimeKey,
    Rule,
    TokenFamily,
)


@pytest.fixture
def rows(rooms, active, rule, token, key):
    return {
        "apikey": key,
        "application": rooms,
        "certificate": active,
        "rule": rule,
        "issuedtoken": token,
        "auditevent": AuditEvent.objects.create(
            kind=AuditKind.DENIED, at=AT, application=rooms, detail={"reason": "no_rule"}
        ),
        "vendoraccount": VendorAccountFactory(application=rooms),
        "onetimekey": OneTimeKeyFactory(application=rooms),
        "tokenfamily": TokenFamilyFactory(application=rooms),
    }


def state():
    models: list[type[Model]] = [
        Application,
        Certificate,
        Rule,
        IssuedToken,
        OneTimeKey,
        TokenFamily,
        ApiKey,
        ApiKeySecret,
    ]
    models += [AuditEvent, LogEntry]
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_superuser_sees_every_page(site, rows):
    pages = [*read_pages(rows), *deeds(rows), url("application", "add"), url("rule", "add"), url("certificate", "add")]
    pages += [url("apikey", "add")]
    answers = {page: site.get(page, follow=True).status_code for page in pages}
    assert set(answers.values()) == {200}, answers


def test_viewer_sees_what_only_shows(viewer, rows):
    answers = {page: viewer.get(page).status_code for page in read_pages(rows)}
    assert set(answers.values()) == {200}, answers


def test_viewer_may_do_nothing(viewer, rows):
    before = state()
    answers = {
        page: viewer.post(page, {"reason": "because", "token": rows["issuedtoken"].pk}).status_code
        for page in deeds(rows)
    }
    assert set(answers.values()) == {403}, answers
    assert state() == before


def test_viewer_cannot_change_by_posting_to_a_page_that_shows(viewer, rows):
    before = state()
    answers = {
        page: viewer.post(page, {"name": "New"}).status_code for page in read_pages(rows) if page.endswith("change/")
    }
    assert set(answers.values()) == {403}, answers
    assert state() == before


def test_staff_without_permissions_sees_nothing(staff, rows):
    nobody = staff()
    pages = [*read_pages(rows), *deeds(rows), url("issuedtoken", "find")]
    answers = {page: nobody.get(page).status_code for page in pages}
    assert set(answers.values()) == {403}, answers


def test_stranger_is_asked_to_sign_in(rows):
    for page in [*read_pages(rows), *deeds(rows), url("issuedtoken", "find")]:
        answer = Client().get(page)
        assert (answer.status_code, "/login/" in answer["Location"]) == (302, True), page


def test_looking_changes_nothing(site, rows):
    before = state()
    for page in [*read_pages(rows), *deeds(rows), url("issuedtoken", "find")]:
        site.get(page)
        site.head(page)
    assert state() == before


def test_deeds_need_the_csrf_token(chief, rows):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    pages = [*deeds(rows), url("issuedtoken", "find"), url("application", "change", rows["application"].pk)]
    before = state()
    answers = {page: strict.post(page, {"reason": "because"}).status_code for page in pages}
    assert set(answers.values()) == {403}, answers
    assert state() == before


@pytest.mark.parametrize("model", ["issuedtoken", "auditevent"])
@pytest.mark.parametrize("page", ["add", "delete", "change"])
def test_evidence_is_not_edited(site, rows, model, page):
    address = url(model, page) if page == "add" else url(model, page, rows[model].pk)
    before = state()
    assert site.post(address, {"subject": "somebody else", "post": "yes"}).status_code == 403
    assert state() == before


@pytest.mark.parametrize("model", ["application", "certificate", "vendoraccount", "apikey"])
def test_what_the_audit_refers_to_is_not_deleted(site, rows, model):
    assert site.post(url(model, "delete", rows[model].pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["application", "certificate", "issuedtoken", "apikey"])
def test_unknown_row_is_not_an_error(site, rows, model):
    page = {"application": "disable", "certificate": "activate", "issuedtoken": "revoke", "apikey": "rotate"}[model]
    assert site.get(url(model, page, rows["rule"].pk)).status_code == 404


def test_pages_hold_no_inline_script_or_style(site, rows):
    for page in [*read_pages(rows), *deeds(rows), url("application", "add")]:
        text = site.get(page, follow=True).content.decode()
        assert "<style" not in text, page
        assert "style=" not in text, page
        assert "<script>" not in text, page
        assert "onclick=" not in text, page


def test_own_pages_are_not_kept_by_browsers(site, rows):
    for page in deeds(rows):
        assert "no-store" in site.get(page).get("Cache-Control", ""), page


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("application", "options__contains"),
        ("certificate", "sealed_secret__startswith"),
        ("certificate", "reason__contains"),
        ("rule", "created_by__password__startswith"),
        ("apikey", "secrets__digest__startswith"),
        ("vendoraccount", "sealed_secret__startswith"),
        ("issuedtoken", "digest__startswith"),
    ],
)
def test_addresses_ask_for_no_column(viewer, rows, model, asked):
    page = url(model, "changelist")
    assert viewer.get(page, {asked: "a"})["Location"] == f"{page}?e=1"


@pytest.mark.parametrize("model", ["rule", "apikey"])
def test_lists_of_one_application_are_linked(viewer, rows, model):
    page = url(model, "changelist")
    for application, count in ((rows["application"].pk, 1), (rows["rule"].pk, 0)):
        answer = viewer.get(page, {"application__id__exact": application})
        assert len(answer.context["cl"].result_list) == count
