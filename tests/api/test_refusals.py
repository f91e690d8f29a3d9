"""Every way of not getting a token, with what the caller is told. ``assert_refused`` counts the rows: none."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.api.browsers import Browser
from tests.api.refusals import assert_refused
from tests.factories import ApplicationFactory, RuleFactory, UserFactory
from token_issuer.models import AuditEvent, AuditKind, RuleWindow

POLICIES = "tests.api.site_policies"


def told(code):
    """The reason that the audit has."""
    event = AuditEvent.objects.get(kind=AuditKind.DENIED)
    return (event.detail["reason"], event.count) == (code, 1)


# Who


def test_nobody_is_asked_to_sign_in(nobody, rooms):
    response = nobody.issue()
    assert_refused(response, 401, "not_authenticated", "Sign in first.")
    schemes = ("Bearer", "Api-Key", "Session")
    assert response["WWW-Authenticate"] == ", ".join(f'{scheme} realm="token_issuer"' for scheme in schemes)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "applications/"),
        ("post", "applications/rooms/tokens/"),
        ("post", "applications/rooms/tokens/explain/"),
        ("get", "tokens/"),
        ("get", "tokens/0197a0b0-0000-7000-8000-000000000000/"),
        ("post", "tokens/0197a0b0-0000-7000-8000-000000000000/revoke/"),
        ("post", "tokens/revoke-mine/"),
    ],
)
def test_no_call_answers_nobody(nobody, rooms, method, path):
    for verb in (method, "get", "post", "put", "patch", "delete", "options", "head"):
        response = nobody.client.generic(verb.upper(), f"/issuer/{path}", secure=True)
        assert response.status_code == 401
        assert response["WWW-Authenticate"]


def test_a_deactivated_person_gets_nothing_from_his_open_session(browser, rooms, user):
    user.is_active = False
    user.save()
    assert_refused(browser.issue(), 401, "not_authenticated", "Sign in first.")


def test_a_backend_that_lets_the_deactivated_in_changes_nothing(settings, rooms, user):
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
    browser = Browser(user)
    user.is_active = False
    user.save()
    assert_refused(browser.issue(), 401, "not_authenticated", "This account is not active.")


def test_a_deleted_person_gets_nothing(browser, rooms, user):
    user.delete()
    assert_refused(browser.issue(), 401, "not_authenticated", "Sign in first.")


# What policy says


def test_without_a_rule_nobody_may(browser):
    ApplicationFactory(slug="rooms", ready=True)
    assert_refused(browser.issue(), 403, "policy_denied", "Policy denied this: no_rule.", reason="no_rule")
    assert told("no_rule")


def test_a_rule_for_somebody_else_is_none(user):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), everyone=False, for_users=[UserFactory()])
    assert_refused(Browser(user).issue(), 403, "policy_denied", reason="no_rule")


def test_a_wider_privilege_is_refused(browser, rooms):
    response = browser.issue(roomId="room-1", permissions=["allow_join", "allow_mod"])
    description = "Policy denied this: privilege_not_granted."
    assert_refused(response, 403, "policy_denied", description, reason="privilege_not_granted")
    assert told("privilege_not_granted")


@pytest.mark.parametrize("body", [{"role": "publisher"}, {"also_rtm": True}, {"chat": True}])
def test_nothing_beyond_listening_is_given_away(browser, calls, body):
    response = browser.issue("calls", channel="a", **body)
    assert_refused(response, 403, "policy_denied", reason="privilege_not_granted")


def test_what_is_for_servers_stays_there(browser, rooms, configure):
    configure(POLICIES={"*": f"{POLICIES}.allows_an_hour_of_everything"})
    response = browser.issue(roomId="room-1", roles=["crawler"])
    assert_refused(response, 403, "policy_denied", "Policy denied this: server_only.", reason="server_only")


def test_another_room_is_refused(browser, rooms):
    rooms.rules.update(resource_pattern="room-7")
    description = "Policy denied this: resource_not_granted."
    assert_refused(browser.issue(), 403, "policy_denied", description, reason="resource_not_granted")
    assert told("resource_not_granted")


def test_another_channel_is_refused(browser, calls):
    calls.rules.update(resource_pattern="team-{user.pk}-*")
    assert_refused(browser.issue("calls", channel="team-0-x"), 403, "policy_denied", reason="resource_not_granted")


@pytest.mark.parametrize("channel", ["", "*", "room-*", "*room"])
def test_every_wildcard_of_agora_needs_leave(browser, calls, channel):
    response = browser.issue("calls", channel=channel)
    description = "Policy denied this: wildcard_not_granted."
    assert_refused(response, 403, "policy_denied", description, reason="wildcard_not_granted")


@pytest.mark.parametrize("body", [{"permissions": ["allow_join"]}, {"roomId": None}])
def test_a_token_for_every_room_needs_leave(browser, rooms, body):
    assert_refused(browser.issue(**body), 403, "policy_denied", reason="wildcard_not_granted")


def test_a_lifetime_beyond_the_rules_is_refused_and_not_shortened(browser, rooms):
    rooms.rules.update(maximum_lifetime=300)
    response = browser.issue(roomId="room-1", lifetime=301)
    description = "Policy denied this: lifetime_not_granted."
    assert_refused(response, 403, "policy_denied", description, reason="lifetime_not_granted")


def test_the_sites_no_is_final(browser, rooms, configure):
    configure(POLICIES={"rooms": f"{POLICIES}.denies"})
    assert_refused(browser.issue(), 403, "policy_denied", "Policy denied this: not_a_member.", reason="not_a_member")
    assert told("not_a_member")


def test_the_sites_yes_lifts_no_limit(browser, rooms, configure):
    configure(POLICIES={"rooms": f"{POLICIES}.allows_listening"})
    response = browser.issue(roomId="room-1", permissions=["allow_mod"])
    assert_refused(response, 403, "policy_denied", reason="privilege_not_granted")
    assert_refused(browser.issue(permissions=["allow_join"]), 403, "policy_denied", reason="wildcard_not_granted")


@pytest.mark.parametrize(
    ("function", "description"),
    [
        ("breaks", "The site's policy could not be asked."),
        ("says_yes", "The site's policy gave an answer that is neither Allow, Deny nor None."),
        ("is_not_there", "The site's policy could not be asked."),
        ("allows_for_an_hour_in_words", "The site's policy could not be asked."),
        ("denies_with_an_object", "The site's policy could not be asked."),
    ],
)
def test_a_policy_that_fails_is_a_refusal(browser, rooms, configure, function, description):
    configure(POLICIES={"rooms": f"{POLICIES}.{function}"})
    response = browser.issue()
    assert_refused(response, 503, "policy_unavailable", description)
    assert response["Retry-After"] == str(response.json()["retry_after"])
    assert told("policy_unavailable")


def test_a_used_up_window_says_when_the_next_one_begins(browser, rooms, user):
    rooms.rules.update(limit=1, window=86400)
    browser.issue()
    response = browser.issue()
    left = 86400 - int(timezone.now().timestamp()) % 86400
    body = response.json()
    assert (response.status_code, body["error"]) == (429, "rate_limited")
    assert abs(body["retry_after"] - left) <= 2
    assert response["Retry-After"] == str(body["retry_after"])
    assert RuleWindow.objects.get().used == 1
    assert told("rate_limited")


# Names and patterns


@pytest.mark.parametrize("name", ["*", "{user.pk}", "a{", "a}b"])
def test_a_name_that_means_something_to_patterns_is_refused(rooms, name):
    rooms.rules.update(subject_pattern="{user.username}", allow_username=True)
    response = Browser(UserFactory(username=name)).issue()
    assert_refused(response, 403, "policy_denied", reason="subject_not_rendered")


def test_a_name_that_spells_another_device_is_refused(rooms):
    rooms.rules.update(subject_pattern="{user.username}", allow_username=True)
    response = Browser(UserFactory(username="bob:1")).issue()
    description = "Your name at the vendor would contain a colon."
    assert_refused(response, 403, "policy_denied", description, reason="subject_not_rendered")


def test_a_name_opens_no_other_room(rooms):
    rooms.rules.update(resource_pattern="room-{user.username}", allow_username=True)
    browser = Browser(UserFactory(username="*"))
    for room in ("room-*", "room-1", "room-"):
        assert_refused(browser.issue(roomId=room), 403, "policy_denied", reason="resource_not_granted")


@pytest.mark.parametrize("pattern", ["{user.password}", "{user.__class__}", "{user}", "{0}", "room-{user.pk", "{}"])
def test_a_pattern_reaches_nothing_but_its_placeholders(browser, rooms, user, pattern):
    rooms.rules.update(resource_pattern=pattern)
    for room in (pattern, user.password, "room-1"):
        assert_refused(browser.issue(roomId=room), 403, "policy_denied", reason="resource_not_granted")
    rooms.rules.update(resource_pattern="*", subject_pattern=pattern)
    assert_refused(browser.issue(), 403, "policy_denied", reason="subject_not_rendered")


# What is asked


@pytest.mark.parametrize(
    ("lifetime", "message"),
    [
        (0, "must be 60 to 86400 seconds"),
        (-1, "must be 60 to 86400 seconds"),
        (10**18, "must be 60 to 86400 seconds"),
        (59, "must be 60 to 86400 seconds"),
        (86_401, "must be 60 to 86400 seconds"),
        ("2d", "must be 60 to 86400 seconds"),
        (True, 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        (False, 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        ("600", 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        ("soon", 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        (600.0, 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        (None, 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
        ([600], 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'),
    ],
)
@pytest.mark.parametrize("slug", ["rooms", "calls"])
def test_a_lifetime_is_taken_as_it_is_or_not_at_all(browser, rooms, calls, slug, lifetime, message):
    named = {"roomId": "room-1"} if slug == "rooms" else {"channel": "room-1"}
    response = browser.issue(slug, **named, lifetime=lifetime)
    assert_refused(response, 400, "invalid_request", f"lifetime: {message}", fields={"lifetime": [message]})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_a_lifetime_is_finite(browser, rooms, number):
    response = browser.send("applications/rooms/tokens/", f'{{"roomId": "room-1", "lifetime": {number}}}')
    assert_refused(response, 400, "malformed_body", "The body holds a number that is not finite.")


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        (4, "must be 0 to 3"),
        (-1, "must be 0 to 3"),
        (True, "must be a whole number"),
        ("1", "must be a whole number"),
        (1.0, "must be a whole number"),
        (None, "must be a whole number"),
    ],
)
def test_a_slot_is_one_of_the_applications(browser, rooms, slot, message):
    assert_refused(browser.issue(roomId="a", slot=slot), 400, "invalid_request", fields={"slot": [message]})


def test_every_wrong_field_is_named_at_once(browser, calls):
    response = browser.issue("calls", channel="a" * 65, role="host", lifetime=0, slot=9)
    assert_refused(response, 400, "invalid_request")
    assert set(response.json()["fields"]) == {"channel", "role", "lifetime", "slot"}


# The application


def test_an_application_that_is_switched_off_says_so(browser, rooms):
    rooms.disabled_at = timezone.now()
    rooms.save()
    assert_refused(browser.issue(), 403, "application_disabled", "This application is switched off.")


@pytest.mark.parametrize("slug", ["unknown", "ROOMS", "rooms ", "rooms%00", "%F0%9F%9A%AA", "%ff", "a" * 300])
def test_there_is_no_such_application(browser, rooms, slug):
    response = browser.post(f"applications/{slug}/tokens/", {"roomId": "room-1"})
    assert_refused(response, 404, "not_found", "There is no such application.")


def test_an_application_without_a_certificate_cannot_sign(browser):
    RuleFactory(application=ApplicationFactory(slug="rooms"))
    response = browser.issue()
    description = "The application has no active certificate for the purpose 'sign'."
    assert_refused(response, 503, "no_active_certificate", description)
    assert response["Retry-After"]


def test_a_provider_that_is_gone_is_told_as_missing(browser, rooms, configure):
    configure(PROVIDERS={"remove": ["videosdk"]})
    assert_refused(browser.issue(), 503, "unavailable", "This application is not set up correctly.")
    assert browser.get("applications/").json()["applications"] == []


# The site


def test_plain_http_is_refused(browser, rooms):
    response = browser.send("applications/rooms/tokens/", '{"roomId": "room-1"}', secure=False)
    assert_refused(response, 403, "insecure_transport", "Use HTTPS.")
    assert_refused(browser.get("applications/", secure=False), 403, "insecure_transport", "Use HTTPS.")


def test_plain_http_is_for_those_who_say_so(browser, rooms, configure):
    configure(REQUIRE_HTTPS=False)
    response = browser.send(
        "applications/rooms/tokens/", '{"roomId": "room-1"}', secure=False, Origin="http://testserver"
    )
    assert response.status_code == 201


@pytest.mark.parametrize("keys", [None, [], ["test3:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="], ["nonsense"]])
def test_without_its_keys_the_service_is_not_available(browser, rooms, configure, keys, caplog):
    configure(ENCRYPTION_KEYS=keys)
    response = browser.issue()
    assert response.status_code == 503
    assert_refused(response, 503, "unavailable")
    (record,) = [record for record in caplog.records if record.message == "the service could not answer"]
    assert record.request_id == response.json()["request_id"]
    assert "nonsense" not in caplog.text
    assert "CAgICAg" not in caplog.text + response.content.decode()


def test_a_developer_is_told_what_is_missing(browser, rooms, configure, settings):
    configure(ENCRYPTION_KEYS=None)
    hidden = browser.issue().json()["error_description"]
    assert hidden == "The service is not set up completely; the site's log says what is missing."
    settings.DEBUG = True
    assert "ENCRYPTION_KEYS" in browser.issue().json()["error_description"]


def test_the_window_of_a_refused_token_is_not_charged(browser, rooms, configure):
    rooms.rules.update(limit=1, window=60)
    configure(ENCRYPTION_KEYS=None)
    assert_refused(browser.issue(), 503, "unavailable")
    assert not RuleWindow.objects.exists()


def test_refusals_have_an_id_to_ask_about(nobody, rooms):
    assert (
        nobody.post("applications/rooms/tokens/", {}, **{"X-Request-ID": "abc-123"}).json()["request_id"] == "abc-123"
    )
    made = nobody.post("applications/rooms/tokens/", {}, **{"X-Request-ID": "<script>"}).json()["request_id"]
    assert made != "<script>"
