"""A secret that is pasted shows nowhere again."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from tests.admin.addresses import read_pages, url
from tests.factories import AT, VIDEOSDK_KEY, OneTimeKeyFactory, TokenFamilyFactory, VendorAccountFactory
from token_issuer.models import Application, AuditEvent, AuditKind

CANARY = "canary-" + "5up3r" * 8
ADD = "?provider=videosdk"


def filled(**changes):
    return {
        "name": "Rooms",
        "slug": "rooms",
        "public_id": VIDEOSDK_KEY,
        "secret-secret": CANARY,
        "reference": "",
        "option-on_revocation": "remove",
        "option-api_url": "https://api.videosdk.live",
        "slots": "4",
        "rule_for": "everyone",
        "rule_privileges": ["allow_join"],
        **changes,
    }


def test_no_page_shows_it_after_it_was_saved(site, viewer, token):
    answers = [site.post(url("application", "add") + ADD, filled(slug="new"), follow=True)]
    application = Application.objects.get(slug="new")
    rows = {
        "application": application,
        "certificate": application.certificates.get(),
        "rule": application.rules.get(),
        "issuedtoken": token,
        "auditevent": AuditEvent.objects.filter(kind=AuditKind.CERTIFICATE_STAGED).get(),
        "vendoraccount": VendorAccountFactory(application=application),
        "onetimekey": OneTimeKeyFactory(application=application),
        "tokenfamily": TokenFamilyFactory(application=application),
    }
    histories = [url(model, "history", row.pk) for model, row in rows.items()]
    pages = [*read_pages(rows), *histories]
    answers += [client.get(page) for client in (site, viewer) for page in pages]
    answers += [site.get(url("certificate", deed, rows["certificate"].pk)) for deed in ("activate", "revoke")]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert CANARY not in answer.content.decode()
    assert CANARY not in str(list(LogEntry.objects.values())) + str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": "not a slug"},
        {"default_lifetime": "1"},
        {"reference": "env:SOMETHING"},
        {"secret-secret": "", "reference": CANARY},
        {"rule_privileges": []},
        {"secret-secret": CANARY[:20]},
    ],
)
def test_form_that_comes_back_does_not_hold_it(site, changes):
    answer = site.post(url("application", "add") + ADD, filled(**changes))
    assert answer.status_code == 200
    assert CANARY[:20] not in answer.content.decode()


def test_certificate_form_that_comes_back_does_not_hold_it(site, rooms):
    page = url("certificate", "add") + f"?application={rooms.pk}"
    answer = site.post(page, {"secret-secret": CANARY, "reference": "env:BOTH"})
    assert answer.status_code == 200
    assert CANARY not in answer.content.decode()


def test_reference_comes_back(site, rooms):
    page = url("certificate", "add") + f"?application={rooms.pk}"
    answer = site.post(page, {"secret-secret": "", "reference": "env:NOT_SET_ANYWHERE"})
    assert 'value="env:NOT_SET_ANYWHERE"' in answer.content.decode()


def test_browsers_are_told_not_to_fill_it_in(site):
    text = site.get(url("application", "add") + ADD).content.decode()
    assert '<input type="password" name="secret-secret"' in text
    assert 'autocomplete="new-password"' in text


def broken(execute, sql, params, many, context):
    if sql.startswith("INSERT INTO") and "token_issuer" in sql:
        msg = "the disk is full"
        raise RuntimeError(msg)
    return execute(sql, params, many, context)


@pytest.mark.parametrize("debug", [True, False])
def test_error_report_does_not_hold_it(chief, settings, debug, mailoutbox):
    settings.DEBUG = debug
    settings.ADMINS = [("Admin", "admin@example.com")]
    client = Client(raise_request_exception=False)
    client.force_login(chief)
    with connection.execute_wrapper(broken):
        answer = client.post(url("application", "add") + ADD, filled())
    assert answer.status_code == 500
    assert CANARY not in answer.content.decode()
    assert all(CANARY not in mail.body + str(mail.alternatives) for mail in mailoutbox)
    assert bool(mailoutbox) or debug


def test_error_report_does_not_hold_a_pasted_token(chief, settings):
    settings.DEBUG = True
    client = Client(raise_request_exception=False)
    client.force_login(chief)

    def no_answer(execute, sql, params, many, context):
        if "token_issuer_issuedtoken" in sql:
            msg = "the database is gone"
            raise RuntimeError(msg)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(no_answer):
        answer = client.post(url("issuedtoken", "find"), {"pasted": CANARY})
    assert answer.status_code == 500
    assert "the database is gone" in answer.content.decode()
    assert CANARY not in answer.content.decode()


def test_hostile_names_are_shown_as_text(site, token):
    hostile = "<script>alert(1)</script>"
    type(token).objects.update(resource=hostile, user_agent=hostile)
    AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, application=token.application, detail={"reason": hostile})
    pages = [
        url("issuedtoken", "changelist"),
        url("issuedtoken", "change", token.pk),
        url("issuedtoken", "revoke", token.pk),
        url("auditevent", "changelist"),
    ]
    for page in pages:
        text = site.get(page).content.decode()
        assert hostile not in text
        assert "&lt;script&gt;" in text
