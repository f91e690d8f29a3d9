"""Changing an application, and switching it off and on."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from tests.admin.addresses import url
from tests.factories import ApplicationFactory
from token_issuer.models import Application, AuditEvent, AuditKind
from token_issuer.providers.fields import specs
from token_issuer.registry import providers


@pytest.fixture
def calls(db):
    return ApplicationFactory(slug="calls", name="Calls", provider="agora", ready=True, environment="sandbox")


def rendered(answer):
    """What a browser would send back for the form as it came."""
    form = answer.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def test_unchanged_form_changes_nothing_but_the_version(site, calls):
    page = url("application", "change", calls.pk)
    before = vars(Application.objects.get())
    certificates = list(calls.certificates.values())
    assert site.post(page, rendered(site.get(page))).status_code == 302
    after = vars(Application.objects.get())
    assert {name for name in after if after[name] != before[name]} == {"_state", "config_version", "options"}
    assert after["options"]["token_version"] == "007"
    assert list(calls.certificates.values()) == certificates


def test_values_are_saved_and_audited(site, calls, chief):
    page = url("application", "change", calls.pk)
    changes = {
        "name": "Phone",
        "maximum_lifetime": "600",
        "slots": "2",
        "option-channel_max": "64",
        "single_login_key": "on",
    }
    site.post(page, {**rendered(site.get(page)), **changes})
    calls.refresh_from_db()
    assert (calls.name, calls.maximum_lifetime, calls.slots, calls.options["channel_max"]) == ("Phone", 600, 2, 64)
    assert calls.single_login_key
    event = AuditEvent.objects.get(kind=AuditKind.APPLICATION_CHANGED)
    assert (event.user, event.application, event.detail) == (chief, calls, {})


def test_log_names_fields_without_values(site, calls):
    page = url("application", "change", calls.pk)
    site.post(page, {**rendered(site.get(page)), "name": "Phone"})
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


@pytest.mark.parametrize(("more", "where"), [((), "https://api.agora.io"), (("rotate_certificate",), "https://x.test")])
def test_where_secrets_go_takes_leave_to_rotate_them(staff, calls, more, where):
    client, page = staff("change_application", *more), url("application", "change", calls.pk)
    answer = client.post(page, {**rendered(client.get(page)), "name": "Phone", "option-api_url": "https://x.test"})
    calls.refresh_from_db()
    assert (answer.status_code, calls.name, calls.options["api_url"]) == (302, "Phone", where)


def test_every_address_that_gets_secrets_is_marked():
    marked = {
        (name, spec.name) for name, known in providers().items() for spec in specs(known.options_class)
        if spec.gets_secrets
    }  # fmt: skip
    named = {
        (name, spec.name) for name, known in providers().items() for spec in specs(known.options_class)
        if spec.name.endswith("_url")
    }  # fmt: skip
    assert marked == named != set()


def test_refusal_stands_at_its_field(site, calls):
    page = url("application", "change", calls.pk)
    answer = site.post(page, {**rendered(site.get(page)), "option-account_pattern": "all"})
    form = answer.context["adminform"].form
    assert form.errors["option-account_pattern"] == [
        "must name the user, for example {user.pk}: else all share one account"
    ]


def test_second_editor_is_told(site, calls):
    page = url("application", "change", calls.pk)
    first = rendered(site.get(page))
    site.post(page, {**first, "name": "One"})
    answer = site.post(page, {**first, "name": "Two"})
    text = "The application was changed by somebody else in the meantime; look at it again."
    assert answer.context["adminform"].form.non_field_errors() == [text]
    assert Application.objects.get().name == "One"


def test_slug_public_id_and_provider_stay(site, calls):
    page = url("application", "change", calls.pk)
    site.post(page, {**rendered(site.get(page)), "slug": "other", "public_id": "other", "provider": "videosdk"})
    after = Application.objects.get()
    assert (after.slug, after.public_id, after.provider) == (calls.slug, calls.public_id, "agora")


def test_viewer_gets_a_locked_form(viewer, calls):
    answer = viewer.get(url("application", "change", calls.pk))
    assert all(field.disabled for field in answer.context["adminform"].form.fields.values())
    assert 'name="_save"' not in answer.content.decode()


def test_missing_provider_is_said(site, calls):
    Application.objects.update(provider="gone")
    answer = site.get(url("application", "change", calls.pk), follow=True)
    assert "The provider of this application is not installed." in answer.content.decode()
    assert "gone (not installed)" in answer.content.decode()


def test_unknown_application_is_not_found(site, calls):
    assert site.get(url("application", "change", "0" * 32)).status_code == 404


def test_switching_off_and_on(site, calls):
    off, on = url("application", "disable", calls.pk), url("application", "enable", calls.pk)
    assert "verifies none of its tokens" in site.get(off).content.decode()
    assert "The application is off." in site.post(off, follow=True).content.decode()
    calls.refresh_from_db()
    assert calls.is_disabled
    assert "The application is on." in site.post(on, follow=True).content.decode()
    calls.refresh_from_db()
    assert not calls.is_disabled
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")] == [
        "Switched off.",
        "Switched on.",
    ]


def test_list_shows_provider_and_state(site, calls):
    text = site.get(url("application", "changelist")).content.decode()
    assert "Agora" in text
    assert "</span>on</span>" in text
