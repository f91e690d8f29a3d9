"""Rules in words and in a form."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from tests.admin.addresses import url
from tests.factories import AT, ApplicationFactory, GroupFactory, RuleFactory, UserFactory
from token_issuer.ids import uuid7
from token_issuer.models import Application, AuditEvent, AuditKind, Rule, RuleWindow

FILLED = {
    "privileges": ["allow_join"],
    "priority": "100",
    "everyone": "on",
    "resource_pattern": "room-*",
    "subject_pattern": "",
    "maximum_lifetime": "",
    "limit": "",
    "window": "",
}


@pytest.fixture
def add(site, rooms):
    def post(**changes):
        return site.post(url("rule", "add") + f"?application={rooms.pk}", {**FILLED, **changes})

    return post


def errors(answer):
    return {name: list(texts) for name, texts in answer.context["adminform"].form.errors.items()}


def test_application_is_chosen_first(site, rooms):
    assert f'<a href="?application={rooms.pk}">Rooms (rooms)</a>' in site.get(url("rule", "add")).content.decode()


def test_choosing_lists_no_more_than_a_page(site, db):
    ApplicationFactory.create_batch(101)
    assert len(site.get(url("rule", "add")).context["choices"]) == 100


def test_privileges_are_the_providers(site, rooms):
    form = site.get(url("rule", "add") + f"?application={rooms.pk}").context["adminform"].form
    assert [word for word, _label in form.fields["privileges"].choices] == [
        "allow_join", "ask_join", "allow_mod", "crawler",
    ]  # fmt: skip
    assert form.fields["privileges"].choices[-1][1].endswith("(servers only)")


def test_rule_is_added_with_its_maker_and_event(add, chief, rooms):
    add(limit="30", window="3600")
    rule = Rule.objects.get()
    assert (rule.application, rule.created_by, rule.everyone) == (rooms, chief, True)
    assert (rule.privileges, rule.limit, rule.window) == (["allow_join"], 30, 3600)
    event = AuditEvent.objects.get(kind=AuditKind.RULE_CHANGED)
    assert (event.user, event.application, event.detail) == (chief, rooms, {"rule": str(rule.pk), "what": "added"})


def test_people_are_named_by_id(add):
    users, group = UserFactory.create_batch(2), GroupFactory()
    add(everyone="", users=[user.pk for user in users], groups=[group.pk])
    rule = Rule.objects.get()
    assert ({*rule.users.all()}, [*rule.groups.all()]) == ({*users}, [group])


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"resource_pattern": "a*b"}, "resource_pattern", "*"),
        ({"resource_pattern": "{user.password}"}, "resource_pattern", "user.password"),
        ({"subject_pattern": "{user.username}"}, "subject_pattern", "{user.username} needs the rule's leave"),
        ({"limit": "3"}, "limit", "a limit and its window go together"),
        ({"maximum_lifetime": "59s"}, "maximum_lifetime", "must be at least 60 seconds"),
        ({"privileges": ["root"]}, "privileges", "root is not one of the available choices"),
        ({"privileges": []}, "privileges", "This field is required."),
    ],
)
def test_refusal_stands_at_its_field(add, changes, field, message):
    found = errors(add(**changes))
    assert message in found[field][0]
    assert not Rule.objects.exists()


def test_rule_is_changed_with_an_event(site, rule):
    page = url("rule", "change", rule.pk)
    site.post(page, {**FILLED, "resource_pattern": "hall-*"})
    rule.refresh_from_db()
    assert rule.resource_pattern == "hall-*"
    assert AuditEvent.objects.get(kind=AuditKind.RULE_CHANGED).detail["what"] == "changed"
    assert LogEntry.objects.get().get_change_message() == "Changed Resource pattern."


def test_window_that_a_command_set_is_kept(site, rooms):
    rule = RuleFactory(application=rooms, limit=5, window=300)
    form = site.get(url("rule", "change", rule.pk)).context["adminform"].form
    assert (300, "300 seconds") in form.fields["window"].choices
    site.post(url("rule", "change", rule.pk), {**FILLED, "limit": "6", "window": "300"})
    rule.refresh_from_db()
    assert (rule.limit, rule.window) == (6, 300)


def test_missing_provider_is_said(site, rule):
    Application.objects.update(provider="gone")
    found = errors(site.post(url("rule", "change", rule.pk), FILLED))
    assert found["__all__"] == ["The provider of this application is not installed."]


def test_rule_is_removed_with_an_event_and_without_its_windows_in_a_list(site, rule):
    RuleWindow.objects.create(rule=rule, principal_key=uuid7(), starts_at=AT)
    page = url("rule", "delete", rule.pk)
    assert "rule window" not in site.get(page).content.decode().lower()
    site.post(page, {"post": "yes"})
    assert not Rule.objects.exists()
    assert AuditEvent.objects.get(kind=AuditKind.RULE_CHANGED).detail["what"] == "removed"


def test_rules_are_removed_together_with_an_event_each(site, rooms):
    rules = RuleFactory.create_batch(2, application=rooms)
    data = {"action": "delete_selected", "_selected_action": [rule.pk for rule in rules], "post": "yes"}
    site.post(url("rule", "changelist"), data)
    assert AuditEvent.objects.filter(kind=AuditKind.RULE_CHANGED).count() == 2


def test_removing_needs_its_permission(staff, rule):
    editor = staff("view_rule", "change_rule")
    assert editor.post(url("rule", "delete", rule.pk), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"}
    editor.post(url("rule", "changelist"), data)
    assert Rule.objects.exists()


def test_people_are_no_drop_down_of_all_there_are(site, rooms):
    UserFactory(username="somebody-far-away")
    for page in (url("rule", "add") + f"?application={rooms.pk}", url("rule", "changelist")):
        assert "somebody-far-away" not in site.get(page).content.decode()


def test_ids_are_typed_where_people_cannot_be_searched(staff, rooms):
    editor = staff("view_rule", "add_rule")
    form = editor.get(url("rule", "add") + f"?application={rooms.pk}").context["adminform"].form
    assert type(form.fields["users"].widget).__name__ == "ManyToManyRawIdWidget"


def test_applications_page_leads_to_its_rules(site, rule):
    text = site.get(url("application", "change", rule.application.pk)).content.decode()
    page = url("rule", "changelist") + f"?application__id__exact={rule.application.pk}"
    assert page in text
    RuleFactory()
    assert site.get(page).context["cl"].result_count == 1


def test_rules_are_deleted_with_their_events_or_not_at_all(chief, rooms):
    rules = RuleFactory.create_batch(2, application=rooms)
    client = Client(raise_request_exception=False)
    client.force_login(chief)

    def broken(execute, sql, params, many, context):
        if sql.startswith("DELETE") and '"token_issuer_rule"' in sql.replace("`", '"'):
            raise RuntimeError("the disk is full")
        return execute(sql, params, many, context)

    asked = {"action": "delete_selected", "_selected_action": [rule.pk for rule in rules], "post": "yes"}
    with connection.execute_wrapper(broken):
        assert client.post(url("rule", "changelist"), asked).status_code == 500
    assert (Rule.objects.count(), AuditEvent.objects.count()) == (2, 0)
    client.post(url("rule", "changelist"), asked)
    assert (Rule.objects.count(), AuditEvent.objects.count()) == (0, 2)
