"""What a person may ask for, and whether a request would be granted."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from tests.api.browsers import Browser
from tests.api.refusals import assert_refused
from tests.factories import ApplicationFactory, RuleFactory, UserFactory
from token_issuer.models import AuditEvent, RuleWindow
from token_issuer.providers import fields
from token_issuer.providers.agora.grant import AgoraGrant

EXPLAIN = "applications/rooms/tokens/explain/"


def test_a_person_sees_what_he_may_ask_for(browser, calls):
    ApplicationFactory(slug="closed", ready=True)
    (offer,) = browser.get("applications/").json()["applications"]
    assert offer == {
        "slug": "calls",
        "label": "Calls",
        "provider": "agora",
        "grant": fields.json_schema(AgoraGrant),
        "lifetime": {"minimum": 60, "default": 3600, "maximum": 86400},
        "slots": 4,
    }


def test_who_a_token_is_for_is_no_field(browser, calls, rooms):
    for offer in browser.get("applications/").json()["applications"]:
        assert not {"uid", "account", "participantId"} & set(offer["grant"]["properties"])


def test_the_applications_own_limits_are_told(browser, rooms):
    rooms.default_lifetime, rooms.maximum_lifetime, rooms.slots = 90, 120, 1
    rooms.save()
    (offer,) = browser.get("applications/").json()["applications"]
    assert (offer["lifetime"], offer["slots"]) == ({"minimum": 60, "default": 90, "maximum": 120}, 1)


def test_what_nobody_can_ask_for_is_not_offered(browser):
    RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant"), privileges=["login"])
    (offer,) = browser.get("applications/").json()["applications"]
    assert (offer["lifetime"], offer["slots"]) == (None, 1)


def test_the_switched_off_are_left_out(browser, rooms):
    rooms.disabled_at = timezone.now()
    rooms.save()
    assert browser.get("applications").json()["applications"] == []


def test_it_gives_the_csrf_token_and_its_cookie(user):
    browser = Browser()
    browser.client.force_login(user)
    response = browser.get("applications/")
    assert response.cookies["csrftoken"].value
    browser.headers["X-CSRFToken"] = response.json()["csrf_token"]
    assert browser.post("tokens/revoke-mine/").status_code == 200


def test_nobody_gets_neither(nobody):
    response = nobody.get("applications/")
    assert_refused(response, 401, "not_authenticated")
    assert not response.cookies


# Explaining


def test_what_would_be_granted(browser, rooms):
    rooms.rules.update(limit=3, window=60, maximum_lifetime=900)
    assert browser.post(EXPLAIN, {"roomId": "a"}).json() == {
        "allowed": True,
        "reason": None,
        "lifetime": 600,
        "maximum": 900,
        "left": 3,
    }


def test_what_would_not(browser, rooms):
    assert browser.post(EXPLAIN, {}).json() == {
        "allowed": False,
        "reason": "wildcard_not_granted",
        "lifetime": None,
        "maximum": None,
        "left": None,
    }


def test_explaining_leaves_no_trace(browser, rooms):
    rooms.rules.update(limit=1, window=60)
    for body in ({"roomId": "a"}, {}):
        browser.post(EXPLAIN, body)
    assert not AuditEvent.objects.exists()
    assert not RuleWindow.objects.exists()


def test_a_body_that_does_not_fit_is_told_as_when_issuing(browser, rooms):
    assert_refused(browser.post(EXPLAIN, {"room": "a"}), 400, "invalid_request", fields={"room": ["unknown field"]})


def test_rules_are_shown_to_those_who_may_see_them(rooms):
    user = UserFactory()
    RuleFactory(application=rooms, priority=1, resource_pattern="b")
    assert "steps" not in Browser(user).post(EXPLAIN, {"roomId": "a"}).json()
    user.user_permissions.add(Permission.objects.get(codename="view_rule"))
    steps = Browser(user).post(EXPLAIN, {"roomId": "a"}).json()["steps"]
    assert [step["reason"] for step in steps] == ["resource_not_granted", None]
    assert steps[1]["source"].startswith("rule:")


@pytest.mark.parametrize("function", ["denies", "allows_listening"])
def test_the_sites_word_has_a_step(rooms, configure, function):
    configure(POLICIES={"*": f"tests.api.site_policies.{function}"})
    staff = UserFactory(is_superuser=True)
    (step,) = Browser(staff).post(EXPLAIN, {"roomId": "a"}).json()["steps"]
    assert step["source"] == f"policy:tests.api.site_policies.{function}"
