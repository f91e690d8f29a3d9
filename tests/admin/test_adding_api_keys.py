"""A new API key in the admin: the secret is shown in the answer that made it, and nowhere else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.api_key_pages import SECRET, filled, shown, text
from tests.admin.busy import busy
from tests.factories import UserFactory
from token_issuer.crypto import digests
from token_issuer.models import ApiKey, ApiKeySecret, AuditEvent

SOON = timezone.now() + timedelta(days=10)


@pytest.fixture
def page(rooms):
    return url("apikey", "add") + f"?application={rooms.pk}"


def test_application_is_chosen_first(site, rooms):
    assert f"?application={rooms.pk}" in text(site.get(url("apikey", "add")))


def test_the_answer_shows_the_secret_once(site, page):
    answer = site.post(page, filled())
    key = ApiKey.objects.get()
    secret = shown(answer)
    assert (answer.status_code, key.secrets.get().digest) == (200, digests.digest(secret))
    for line in (
        f"Authorization: Api-Key {key.public_id}.{secret}",
        f"TOKEN_ISSUER_API_KEY={key.public_id}",
        f"TOKEN_ISSUER_API_SECRET={secret}",
        "This is shown once.",
    ):
        assert line in text(answer)
    assert "no-store" in answer["Cache-Control"]


def test_nothing_shows_it_again(site, viewer, page):
    secret = shown(site.post(page, filled(may_sign="on")))
    key = ApiKey.objects.get()
    pages = [url("apikey", "changelist"), url("auditevent", "changelist")]
    pages += [url("apikey", name, key.pk) for name in ("change", "history", "rotate", "revoke")]
    answers = [client.get(each, follow=True) for client in (site, viewer) for each in [*pages, page]]
    assert not any(secret in text(answer) or SECRET.search(text(answer)) for answer in answers)
    assert secret not in str(list(LogEntry.objects.values())) + str(list(AuditEvent.objects.values()))
    assert not any(secret in str(cookie) for cookie in site.cookies.values())
    assert secret not in str(dict(site.session))


def test_a_form_that_is_sent_twice_makes_one_key_and_shows_nothing_more(site, page):
    posted = filled()
    site.post(page, posted)
    answer = site.post(page, posted, follow=True)
    assert not SECRET.search(text(answer))
    assert "This form was sent before." in text(answer)
    assert (ApiKey.objects.count(), ApiKeySecret.objects.count()) == (1, 1)


def test_what_was_filled_in_is_kept(site, chief, page):
    other = UserFactory()
    site.post(
        page,
        filled(
            owner=str(chief.pk),
            acts_as=str(other.pk),
            networks=" 192.0.2.0/24\r\n2001:db8::/32 ",
            may_sign="on",
            expires_at_0=SOON.strftime("%Y-%m-%d"),
            expires_at_1="12:00:00",
        ),
    )
    key = ApiKey.objects.get()
    assert (key.owner, key.acts_as, key.may_sign, key.created_by) == (chief, other, True, chief)
    assert (key.networks, key.scopes, key.expires_at and key.expires_at.date()) == (
        ["192.0.2.0/24", "2001:db8::/32"], ["tokens:issue"], SOON.date(),
    )  # fmt: skip


def test_a_new_form_suggests_an_end_and_an_owner(site, chief, page):
    form = site.get(page).context["adminform"].form
    assert form.initial["owner"] == chief.pk
    assert 364 <= (form.initial["expires_at"] - timezone.now()).days <= 365


def test_the_sites_scopes_are_offered(site, page, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SCOPES": {"reports:read": "Read <b>reports</b>"}}
    assert "reports:read: Read &lt;b&gt;reports&lt;/b&gt;" in text(site.get(page))


def test_people_are_never_a_drop_down(site, page):
    UserFactory.create_batch(3)
    with CaptureQueriesContext(connection) as few:
        assert not re.search(r"<option[^>]*>user\d", text(site.get(page)))
    UserFactory.create_batch(20)
    with CaptureQueriesContext(connection) as many:
        site.get(page)
    assert len(many) <= len(few)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"networks": "10.0.0.1/8"}, "networks"),
        ({"purpose": ""}, "purpose"),
        ({"scopes": ["nothing"]}, "scopes"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        ({"owner": "999999"}, "owner"),
        ({"acts_as": "x"}, "acts_as"),
    ],
)
def test_refusal_stands_at_its_field(site, page, changes, field):
    form = site.post(page, filled(**changes)).context["adminform"].form
    assert list(form.errors) == [field]
    assert not ApiKey.objects.exists()


def test_an_inactive_user_is_refused_at_the_field(site, page):
    away = UserFactory(is_active=False)
    form = site.post(page, filled(acts_as=str(away.pk))).context["adminform"].form
    assert form.errors == {"acts_as": ["is not active"]}


def test_busy_database_is_said_above_the_form(site, page):
    with busy("INSERT", "token_issuer_apikey"):
        form = site.post(page, filled()).context["adminform"].form
    assert form.non_field_errors() == ["The database was busy three times in a row."]


def test_adding_needs_the_permission(staff, page):
    assert staff("view_apikey", "change_apikey", "rotate_apikey").post(page, filled()).status_code == 403
    assert staff("add_apikey").post(page, filled()).status_code == 200


def test_an_error_report_does_not_hold_the_secret(chief, page, settings):
    settings.DEBUG = True
    client = Client(raise_request_exception=False)
    client.force_login(chief)

    def broken(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "apikeysecret" in sql:
            msg = "the disk is full"
            raise RuntimeError(msg)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(broken):
        answer = client.post(page, filled())
    assert (answer.status_code, "the disk is full" in text(answer)) == (500, True)
    assert not SECRET.search(text(answer))


def test_buttons_that_need_a_script_are_hidden_until_it_runs(site, page):
    answer = text(site.post(page, filled()))
    buttons = re.findall(r"<button[^>]*data-(?:copy|save)=[^>]*>", answer)
    assert len(buttons) == 4
    assert all(" hidden " in button for button in buttons)
    assert 'type="module" src="/static/token_issuer/copy.js"' in answer
    for named in re.findall(r'data-(?:copy|save|said)="([^"]+)"', answer):
        assert f'id="{named}"' in answer
