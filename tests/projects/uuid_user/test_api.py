"""The API for people whose model has nothing but a UUID."""

from __future__ import annotations

import pytest

from tests.api.browsers import Browser
from tests.factories import ApplicationFactory, GroupFactory, RuleFactory
from tests.projects.uuid_user.models import Person
from tests.statements import counted
from token_issuer.models import IssuedToken, VendorAccount

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.urls")]


@pytest.fixture
def ada():
    return Person.objects.create(handle="blue-ada")


@pytest.fixture
def browser(ada):
    return Browser(ada)


@pytest.fixture
def rooms():
    return ApplicationFactory(slug="rooms", ready=True)


def test_she_gets_a_token_in_five_statements(browser, ada, rooms):
    RuleFactory(application=rooms)
    with counted(5):
        made = browser.issue()
    assert made.json()["subject"] == f"user-{ada.pk}"
    assert IssuedToken.objects.get().user == ada


def test_her_number_is_hers(browser, ada):
    RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True))
    assert {browser.issue("calls", channel="a").json()["sdk"]["uid"] for _ in range(2)} == {16}
    assert VendorAccount.objects.get().user == ada


def test_she_sees_and_ends_her_own(browser, rooms):
    RuleFactory(application=rooms)
    token_id = browser.issue().json()["token_id"]
    assert [row["token_id"] for row in browser.get("tokens/").json()["results"]] == [token_id]
    assert browser.post(f"tokens/{token_id}/revoke/").json()["revocation"] == "at_next_join"
    assert browser.get(f"tokens/{token_id}/").json()["standing"] == "revoked"
    assert browser.post("tokens/revoke-mine/").json()["live"] == 0


def test_nobody_elses(browser, rooms):
    RuleFactory(application=rooms)
    token_id = Browser(Person.objects.create(handle="red-bob")).issue().json()["token_id"]
    assert browser.get(f"tokens/{token_id}/").status_code == 404
    assert browser.post(f"tokens/{token_id}/revoke/").status_code == 404


def test_a_rule_may_name_her_group_by_the_sites_word(settings, rooms, browser):
    RuleFactory(application=rooms, everyone=False, for_groups=[GroupFactory(name="blue")])
    assert browser.issue().json()["reason"] == "no_rule"
    settings.TOKEN_ISSUER = {
        **settings.TOKEN_ISSUER,
        "GROUPS_OF_USER": "tests.projects.uuid_user.groups.houses_of",
    }
    assert browser.issue().status_code == 201
    assert Browser(Person.objects.create(handle="red-bob")).issue().json()["reason"] == "no_rule"


def test_a_room_of_her_group_is_open(settings, rooms, browser):
    settings.TOKEN_ISSUER = {
        **settings.TOKEN_ISSUER,
        "GROUPS_OF_USER": "tests.projects.uuid_user.groups.houses_of",
    }
    groups = [GroupFactory(name=name) for name in ("blue", "red")]
    RuleFactory(application=rooms, everyone=False, for_groups=groups, resource_pattern="{group}-*")
    assert browser.issue(roomId="blue-room").status_code == 201
    assert browser.issue(roomId="red-room").json()["reason"] == "resource_not_granted"


def test_who_may_not_see_rules_does_not(browser, ada, rooms):
    RuleFactory(application=rooms)
    explain = "applications/rooms/tokens/explain/"
    assert "steps" not in browser.post(explain, {"roomId": "a"}).json()
    ada.is_staff = True
    ada.save()
    assert "steps" in browser.post(explain, {"roomId": "a"}).json()


def test_deactivated_she_gets_nothing(browser, ada, rooms):
    RuleFactory(application=rooms)
    ada.is_active = False
    ada.save()
    assert browser.issue().status_code == 401
