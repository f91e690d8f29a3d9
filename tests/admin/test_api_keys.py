"""API keys in the admin: looked at, changed and listed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.template.defaultfilters import striptags
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.api_key_pages import filled, text
from tests.factories import ApiKeySecretFactory, UserFactory, api_key, caller
from token_issuer.crypto import opaque
from token_issuer.models import ApiKey, ApiKeySecret, AuditEvent, AuditKind
from token_issuer.services import api_keys

SOON = timezone.now() + timedelta(days=10)


# Looking and changing


def test_the_page_shows_its_secrets_by_fingerprint(site, key):
    row = key.secrets.get()
    ended = ApiKeySecretFactory(api_key=key, revoked_at=key.created_at)
    found = text(site.get(url("apikey", "change", key.pk)))
    assert (row.fingerprint in found, ended.fingerprint in found, row.digest in found) == (True, True, False)
    assert found.count("</span>works</span>") == 1


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
    ApiKey.objects.filter(pk=key.pk).update(owner=UserFactory(username="olga"), purpose="the kitchen's screen")
    for term in (key.public_id, row.fingerprint, f"application:{rooms.slug}", "owner:olga", "the kit", "purpose:the*"):
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


def test_page_says_whether_the_old_secret_is_still_used(site, chief, key):
    page, at = url("apikey", "change", key.pk), timezone.now()
    assert "Two secrets work" not in text(site.get(page))
    api_keys.rotate(caller(chief), key, overlap=3600, at=at - timedelta(minutes=10))
    assert "The old one was never used. The new one has not been used yet." in words(site.get(page))
    old = key.secrets.get(expires_at__isnull=False)
    secrets = ApiKeySecret.objects.filter(pk=old.pk)
    secrets.update(last_used_at=at - timedelta(minutes=20))
    assert "and not since the new one was made" in words(site.get(page))
    secrets.update(last_used_at=at - timedelta(minutes=3))
    ApiKeySecret.objects.exclude(pk=old.pk).update(last_used_at=at - timedelta(minutes=1))
    said = words(site.get(page))
    assert "Somebody still uses the old one: the last time 3 minutes ago." in said
    assert "The new one was used 1 minute ago." in said


def words(answer):
    """What is read of a page, in one line."""
    return " ".join(striptags(text(answer)).replace("\xa0", " ").split())
