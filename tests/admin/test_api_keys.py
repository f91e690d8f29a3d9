"""API keys in the admin: the secret is shown in the answer that made it, and nowhere else."""

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
from tests.admin.busy import busy
from tests.admin.conftest import signed_in
from tests.factories import ApiKeySecretFactory, IssuedTokenFactory, UserFactory, api_key
from token_issuer.crypto import digests, opaque
from token_issuer.ids import uuid7
from token_issuer.models import ApiKey, ApiKeySecret, AuditEvent, AuditKind, Certificate, IssuedToken

SECRET = re.compile(r"tis_[0-9A-Za-z]{49}")
SOON = timezone.now() + timedelta(days=10)


@pytest.fixture
def page(rooms):
    return url("apikey", "add") + f"?application={rooms.pk}"


def filled(**changes):
    return {
        "purpose": "nightly import",
        "owner": "",
        "scopes": ["tokens:issue"],
        "networks": "",
        "expires_at_0": "",
        "expires_at_1": "",
        "acts_as": "",
        "row_id": str(uuid7()),
        **changes,
    }


def text(answer):
    return answer.content.decode()


def shown(answer):
    """The one secret that an answer shows."""
    (secret,) = set(SECRET.findall(text(answer)))
    return secret


# Adding


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


# Looking and changing


def test_the_page_shows_its_secrets_by_fingerprint(site, key):
    row = key.secrets.get()
    ended = ApiKeySecretFactory(api_key=key, revoked_at=key.created_at)
    found = text(site.get(url("apikey", "change", key.pk)))
    assert (row.fingerprint in found, ended.fingerprint in found, row.digest in found) == (True, True, False)
    assert found.count("<strong>works</strong>") == 1


def change(**changes):
    posted = filled(**changes)
    del posted["row_id"], posted["acts_as"]
    return posted


def test_what_may_change_is_changed(site, key):
    answer = site.post(url("apikey", "change", key.pk), change(purpose="weekly", networks="10.0.0.0/8"))
    row = ApiKey.objects.get()
    assert (answer.status_code, row.purpose, row.networks) == (302, "weekly", ["10.0.0.0/8"])
    assert AuditEvent.objects.get().kind == AuditKind.API_KEY_CHANGED
    assert "Purpose" in LogEntry.objects.get().get_change_message()


def test_what_stays_for_good_is_not_changed(site, key):
    site.post(url("apikey", "change", key.pk), change(acts_as=str(UserFactory().pk), may_sign="on"))
    row = ApiKey.objects.get()
    assert (row.acts_as, row.may_sign) == (None, False)


def test_a_form_that_is_posted_as_it_was_shown_changes_nothing(site, rooms, chief):
    key, _secret = api_key(
        application=rooms, owner=chief, networks=["10.0.0.0/8"], expires_at=SOON.replace(microsecond=0)
    )
    before = ApiKey.objects.values().get()
    form = site.get(url("apikey", "change", key.pk)).context["adminform"].form
    values = {name: form[name].value() for name in ("purpose", "networks", "scopes")}
    local = timezone.localtime(key.expires_at)
    when = {"expires_at_0": local.strftime("%Y-%m-%d"), "expires_at_1": local.strftime("%H:%M:%S")}
    answer = site.post(url("apikey", "change", key.pk), {**values, **when, "owner": str(chief.pk)})
    assert answer.status_code == 302
    assert ApiKey.objects.values().get() == before


def test_a_change_that_does_not_fit_stands_at_its_field(site, key):
    form = site.post(url("apikey", "change", key.pk), change(networks="home")).context["adminform"].form
    assert list(form.errors) == ["networks"]


def test_a_key_that_has_ended_cannot_be_changed(site, key):
    ApiKey.objects.update(revoked_at=key.created_at, reason="leaked")
    answer = site.post(url("apikey", "change", key.pk), change())
    assert answer.context["adminform"].form.non_field_errors() == ["The API key has ended; create a new one."]
    assert "leaked" in text(site.get(url("apikey", "change", key.pk)))


def test_viewer_sees_a_locked_form_without_buttons(viewer, key):
    found = text(viewer.get(url("apikey", "change", key.pk)))
    assert key.public_id in found
    assert url("apikey", "rotate", key.pk) not in found
    assert viewer.post(url("apikey", "change", key.pk), change()).status_code == 403


# The list


def test_the_list_says_how_each_stands(site, rooms, key):
    api_key(application=rooms, revoked_at=key.created_at)
    leaving = UserFactory()
    api_key(application=rooms, acts_as=leaving)
    leaving.delete()
    ApiKeySecret.objects.filter(api_key=key).update(last_used_at=key.created_at)
    found = text(site.get(url("apikey", "changelist")))
    assert [
        word for word in (">live<", ">revoked<", ">refused: its user is gone<", "March 1, 2026") if word not in found
    ] == []


def test_keys_are_found_by_one_fact(site, key, rooms):
    api_key()
    row = key.secrets.get()
    for term in (key.public_id, row.fingerprint, rooms.slug):
        answer = site.get(url("apikey", "changelist"), {"q": term})
        assert [found.pk for found in answer.context["cl"].result_list] == [key.pk], term


@pytest.mark.parametrize("model", ["apikey", "issuedtoken"])
def test_a_secret_is_not_searched_for(site, key, model):
    secret = opaque.new(opaque.API_KEY_SECRET).reveal()
    for term in (secret, f" {secret}", f"{key.public_id}.{secret}"):
        with CaptureQueriesContext(connection) as captured:
            answer = site.get(url(model, "changelist"), {"q": term})
        assert (answer.status_code, answer["Location"]) == (302, url(model, "changelist"))
        assert secret not in str(captured.captured_queries)


def test_an_applications_page_leads_to_its_keys(site, viewer, staff, rooms, key):
    api_key()
    page = url("application", "change", rooms.pk)
    leads = f"{url('apikey', 'changelist')}?application__id__exact={rooms.pk}"
    assert all(leads in text(client.get(page)) for client in (site, viewer))
    assert leads not in text(staff("view_application").get(page))
    assert [row.pk for row in site.get(leads).context["cl"].result_list] == [key.pk]


# Rotating and revoking


def rotation(key, overlap=86_400, **changes):
    return {"overlap": overlap, "seen": key.secrets.latest("pk").fingerprint, **changes}


def test_rotating_shows_the_new_secret_once(site, key):
    old = key.secrets.get()
    answer = site.post(url("apikey", "rotate", key.pk), rotation(key))
    assert "no-store" in answer["Cache-Control"]
    assert key.secrets.latest("pk").digest == digests.digest(shown(answer))
    old.refresh_from_db()
    assert old.expires_at is not None
    assert LogEntry.objects.get().get_change_message() == "Rotated."


def test_a_rotation_that_is_sent_twice_makes_one_secret(site, key):
    posted = rotation(key, overlap=0)
    site.post(url("apikey", "rotate", key.pk), posted)
    answer = site.post(url("apikey", "rotate", key.pk), posted, follow=True)
    assert not SECRET.search(text(answer))
    assert "The API key got another secret in the meantime" in text(answer)
    assert ApiKeySecret.objects.count() == 2


def test_the_rotation_form_knows_which_secret_it_replaces(site, key):
    assert key.secrets.get().fingerprint in text(site.get(url("apikey", "rotate", key.pk)))


def test_revoking_ends_its_tokens_and_needs_a_reason(site, key, active):
    IssuedTokenFactory(certificate=active, api_key=key)
    page = url("apikey", "revoke", key.pk)
    assert "This field is required." in text(site.post(page, {"reason": ""}))
    site.post(page, {"reason": "it was in a repository"})
    assert (ApiKey.objects.get().reason, IssuedToken.objects.live(key.created_at).count()) == (
        "it was in a repository", 0,
    )  # fmt: skip
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_rotating_and_revoking_need_their_own_permission(staff, key):
    editor = staff("view_apikey", "change_apikey", "add_apikey")
    pages = [url("apikey", deed, key.pk) for deed in ("rotate", "revoke")]
    assert {editor.post(page, {"reason": "because", **rotation(key)}).status_code for page in pages} == {403}
    rotator = staff("view_apikey", "rotate_apikey")
    assert shown(rotator.post(pages[0], rotation(key)))


def test_buttons_go_with_what_they_do(site, key):
    page = url("apikey", "change", key.pk)
    assert url("apikey", "rotate", key.pk) in text(site.get(page))
    ApiKey.objects.update(revoked_at=key.created_at)
    found = text(site.get(page))
    assert (url("apikey", "rotate", key.pk) in found, url("apikey", "revoke", key.pk) in found) == (False, False)


def test_a_keys_page_takes_the_same_queries_at_any_size(chief, key):
    site = signed_in(chief)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            site.get(url("apikey", "change", key.pk))
        return len(captured)

    queries()  # content types are read once
    few = queries()
    for _number in range(30):
        ApiKeySecretFactory(api_key=key, revoked_at=key.created_at)
    assert queries() == few
    assert Certificate.objects.count() == 1
