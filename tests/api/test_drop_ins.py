"""Front-ends that were written against the vendors' sample servers."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import include, path
from django.utils import timezone

from tests.api.browsers import Browser
from tests.api.refusals import HEADERS, assert_refused
from tests.api.test_schema import fits
from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, api_key, caller
from tests.papers import read
from tests.statements import counted
from token_issuer.api.schema import document, drop_in_paths
from token_issuer.api.spectacular import merge
from token_issuer.formats import jwt_hs256
from token_issuer.models import AuditEvent, Certificate, IssuedToken, Origin, RuleWindow
from token_issuer.providers.specs import specs
from token_issuer.registry import get_provider, providers
from token_issuer.services import issuing, revoking

urlpatterns = [
    path("issuer/", include("token_issuer.urls")),
    path("issuer/", include("token_issuer.urls.compat")),
]

FETCH = "compat/calls/fetch_rtc_token/"
GET = "compat/rooms/get-token/"
VALIDATE = "compat/rooms/validate-token/"
PAGE = read("docs/drop-ins.md")
AUTHENTICATE = "compat/speech/authenticate/"
PATHS = [FETCH, GET, VALIDATE, AUTHENTICATE]
JOINING: dict[str, object] = {"uid": 16, "channelName": "room-42"}


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = __name__


def body_for(path: str) -> dict[str, object]:
    bodies: dict[str, dict[str, object]] = {
        FETCH: JOINING,
        GET: {"roomId": "room-1"},
        VALIDATE: {"token": "x"},
        AUTHENTICATE: {},
    }
    return bodies[path]


# Agora


def test_agoras_front_end_gets_what_its_sample_server_answers(browser, calls):
    response = browser.post(FETCH, JOINING)
    answer = response.json()
    assert (response.status_code, set(answer), answer["code"]) == (200, {"code", "token"}, "200")
    seen = get_provider("agora").inspect(answer["token"])
    assert (seen.subject, seen.resource, seen.privileges) == ("16", "room-42", frozenset({"subscriber"}))
    assert {name: response[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize(("role", "word"), [(1, "publisher"), (2, "subscriber")])
def test_agoras_roles_are_ours(browser, calls, role, word):
    calls.rules.update(privileges=["publisher"])
    browser.post(FETCH, {**JOINING, "role": role})
    assert IssuedToken.objects.get().privileges == [word]


def test_who_may_only_listen_gets_no_publishers_token(browser, calls):
    response = browser.post(FETCH, {**JOINING, "role": 1})
    assert_refused(response, 403, "policy_denied", reason="privilege_not_granted")


@pytest.mark.parametrize("uid", [123456, 17, 15, 0])
def test_another_number_is_refused_and_told_the_right_one(browser, calls, uid):
    response = browser.post(FETCH, {**JOINING, "uid": uid})
    description = "uid is not who you are at the vendor."
    fields = {"uid": ["must be 16"]}
    assert_refused(response, 403, "policy_denied", description, reason="subject_mismatch", fields=fields)
    event = AuditEvent.objects.get()
    assert (event.detail["reason"], event.count) == ("subject_mismatch", 1)


def test_no_number_is_any_number(browser, calls):
    response = browser.post(FETCH, {"channelName": "room-42"})
    assert_refused(response, 403, "policy_denied", reason="subject_mismatch", fields={"uid": ["must be 16"]})


def test_a_number_is_not_its_digits(browser, calls):
    response = browser.post(FETCH, {**JOINING, "uid": "16"})
    assert_refused(response, 403, "policy_denied", reason="subject_mismatch", fields={"uid": ["must be 16"]})


def test_where_users_are_accounts_the_text_must_be_right(browser, calls, user):
    calls.options = {"subject": "account"}
    calls.save()
    refused = browser.post(FETCH, JOINING)
    fields = {"uid": [f'must be "user-{user.pk}"']}
    assert_refused(refused, 403, "policy_denied", reason="subject_mismatch", fields=fields)
    made = browser.post(FETCH, {**JOINING, "uid": f"user-{user.pk}"}).json()
    assert get_provider("agora").inspect(made["token"]).subject == f"user-{user.pk}"


def test_somebody_else_who_claims_this_number_gets_nothing(browser, calls):
    browser.post(FETCH, JOINING)
    IssuedToken.objects.all().delete()
    response = Browser(UserFactory()).post(FETCH, JOINING)
    assert_refused(response, 403, "policy_denied", reason="subject_mismatch", fields={"uid": ["must be 32"]})


def test_a_mismatch_charges_nothing(browser, calls):
    calls.rules.update(limit=1, window=3600)
    browser.post(FETCH, {**JOINING, "uid": 5})
    assert not RuleWindow.objects.filter(used__gt=0).exists()
    assert browser.post(FETCH, JOINING).status_code == 200
    assert_refused_after_one(browser.post(FETCH, JOINING))


def assert_refused_after_one(response):
    assert (response.status_code, response.json()["error"]) == (429, "rate_limited")
    assert response["Retry-After"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"uid": 16}, {"channelName": ["is required"]}),
        ({**JOINING, "channelName": "a\u00e9"}, {"channelName": None}),
        ({**JOINING, "channelName": "x" * 65}, {"channelName": ["must be at most 64 bytes in UTF-8"]}),
        ({**JOINING, "uid": -1}, {"uid": ["must be at least 0"]}),
        ({**JOINING, "uid": 2**32}, {"uid": ["must be at most 4294967295"]}),
        ({**JOINING, "uid": True}, {"uid": ["must be a whole number"]}),
        ({**JOINING, "uid": None}, {"uid": ["must not be null"]}),
        ({**JOINING, "role": 0}, {"role": ["must be at least 1"]}),
        ({**JOINING, "role": 101}, {"role": ["must be at most 2"]}),
        ({**JOINING, "role": "host"}, {"role": ["must be a whole number"]}),
        ({**JOINING, "lifetime": 86400}, {"lifetime": ["unknown field"]}),
        ({**JOINING, "on_behalf_of": 1}, {"on_behalf_of": ["unknown field"]}),
    ],
)
def test_a_bad_field_is_named_as_the_front_end_knows_it(browser, calls, body, fields):
    response = browser.post(FETCH, body)
    assert_refused(response, 400, "invalid_request")
    assert set(response.json()["fields"]) == set(fields)
    assert [texts for texts in fields.values() if texts] in ([], [*response.json()["fields"].values()])


def test_any_channel_is_no_channel_of_theirs(browser, calls):
    response = browser.post(FETCH, {**JOINING, "channelName": ""})
    assert_refused(response, 403, "policy_denied", reason="wildcard_not_granted")


def test_the_samples_content_type_is_taken(browser, calls):
    response = browser.send(FETCH, json.dumps(JOINING), kind="application/json; charset=UTF-8")
    assert response.status_code == 200


# VideoSDK


def test_videosdks_front_end_gets_a_token_for_its_room(browser, rooms, user):
    response = browser.post(GET, {"roomId": "room-1"})
    assert (response.status_code, set(response.json())) == (200, {"token"})
    seen = get_provider("videosdk").inspect(response.json()["token"])
    assert (seen.subject, seen.resource, seen.privileges) == (f"user-{user.pk}", "room-1", frozenset({"allow_join"}))


def test_every_room_takes_a_rule_that_says_so(browser, rooms):
    assert_refused(browser.post(GET), 403, "policy_denied", reason="wildcard_not_granted")
    rooms.rules.update(wildcards=True)
    made = browser.post(GET).json()
    assert get_provider("videosdk").inspect(made["token"]).resource is None


def test_a_participant_that_is_named_is_the_caller(browser, rooms, user):
    refused = browser.post(GET, {"roomId": "room-1", "participantId": "boss"})
    fields = {"participantId": [f'must be "user-{user.pk}"']}
    assert_refused(refused, 403, "policy_denied", reason="subject_mismatch", fields=fields)
    assert browser.post(GET, {"roomId": "room-1", "participantId": f"user-{user.pk}"}).status_code == 200


@pytest.mark.parametrize("name", ["permissions", "roles", "lifetime", "slot", "meetingId"])
def test_nothing_else_can_be_asked_for(browser, rooms, name):
    assert_refused(
        browser.post(GET, {"roomId": "a", name: 1}), 400, "invalid_request", fields={name: ["unknown field"]}
    )


def test_a_good_token_is_valid_in_its_room(browser, rooms):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    told = {"valid": True, "meetingId": "room-1", "roomId": "room-1"}
    assert browser.post(VALIDATE, {"token": token, "meetingId": "room-1"}).json() == told
    assert browser.post(VALIDATE, {"token": token}).json() == told
    assert browser.post(VALIDATE, {"token": token, "meetingId": "room-2"}).json() == {"valid": False}


def test_a_token_for_every_room_is_valid_in_each(browser, rooms):
    rooms.rules.update(wildcards=True)
    token = browser.post(GET).json()["token"]
    assert browser.post(VALIDATE, {"token": token}).json() == {"valid": True}
    told = {"valid": True, "meetingId": "any", "roomId": "any"}
    assert browser.post(VALIDATE, {"token": token, "meetingId": "any"}).json() == told


def test_validating_changes_nothing(browser, rooms):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    before = [*IssuedToken.objects.values()]
    for _ in range(2):
        assert browser.post(VALIDATE, {"token": token}).json()["valid"]
    assert [*IssuedToken.objects.values()] == before
    assert not AuditEvent.objects.exists()


def test_a_revoked_token_is_not_valid(browser, rooms, user):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    revoking.revoke_mine(caller(user), reason="lost", at=timezone.now())
    assert browser.post(VALIDATE, {"token": token}).json() == {"valid": False}


def test_a_replaced_certificate_ends_it(browser, rooms):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    Certificate.objects.update(revoked_at=timezone.now(), reason="leaked")
    assert browser.post(VALIDATE, {"token": token}).json() == {"valid": False}


def test_an_expired_token_is_not_valid(browser, rooms, user):
    at = timezone.now() - timedelta(hours=1)
    made = issuing.issue(caller(user), "rooms", body={"roomId": "a", "lifetime": 60}, at=at)
    assert browser.post(VALIDATE, {"token": made.token.reveal()}).json() == {"valid": False}


def test_an_altered_token_is_not_valid(browser, rooms):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    for text in (token[:-2], token + "A", token.replace(".", "", 1), "", "x" * 9000):
        assert browser.post(VALIDATE, {"token": text}).json() == {"valid": False}


def test_somebody_elses_token_looks_like_none(browser, rooms):
    token = Browser(UserFactory()).post(GET, {"roomId": "room-1"}).json()["token"]
    assert browser.post(VALIDATE, {"token": token}).json() == {"valid": False}


def test_a_token_of_another_application_looks_like_none(browser, rooms):
    other = RuleFactory(application=ApplicationFactory(slug="other", public_id="other")).application
    CertificateFactory(application=other, active=True)
    token = browser.post("compat/other/get-token/", {"roomId": "room-1"}).json()["token"]
    assert browser.post(VALIDATE, {"token": token}).json() == {"valid": False}
    assert browser.post("compat/other/validate-token/", {"token": token}).json()["valid"]


def test_another_applications_twin_does_not_hide_it(browser, rooms):
    token = browser.post(GET, {"roomId": "room-1"}).json()["token"]
    other = ApplicationFactory(slug="other", provider="videosdk", public_id=rooms.public_id)
    twin = IssuedToken.objects.get()
    twin.pk, twin.application, twin.revoked_at = uuid4(), other, timezone.now()
    twin.save(force_insert=True)
    assert browser.post(VALIDATE, {"token": token}).json()["valid"]


def test_one_that_was_signed_elsewhere_is_not_ours(browser, rooms):
    claims = {
        "apikey": rooms.public_id,
        "permissions": ["allow_join"],
        "version": 2,
        "roomId": "a",
        "exp": 2_000_000_000,
    }
    assert browser.post(VALIDATE, {"token": jwt_hs256.encode(claims, key="0" * 64)}).json() == {"valid": False}


@pytest.mark.parametrize("body", [{}, {"token": 5}, {"token": None}, {"token": "x", "room": "a"}])
def test_validating_wants_a_token(browser, rooms, body):
    assert_refused(browser.post(VALIDATE, body), 400, "invalid_request")


# VocalStack


def test_vocalstacks_front_end_gets_a_token_of_the_vendors(browser, speech, vocalstack):
    response = browser.post(AUTHENTICATE)
    assert (response.status_code, set(response.json())) == (200, {"token"})
    assert response.json()["token"] in vocalstack.given
    row = IssuedToken.objects.get()
    assert (row.privileges, (row.expires_at - row.issued_at).total_seconds()) == (["readonly"], 10)


def test_the_options_of_its_sdk_are_asked_for(browser, speech, vocalstack):
    browser.post(AUTHENTICATE, {"access": "readwrite", "lifetime_s": 60, "one_time": True})
    row = IssuedToken.objects.get()
    assert (row.privileges, (row.expires_at - row.issued_at).total_seconds()) == (["readwrite"], 60)


@pytest.mark.parametrize("once", [True, False])
def test_a_token_works_once_or_not_as_is_asked(browser, speech, vocalstack, once):
    browser.post(AUTHENTICATE, {"one_time": once})
    assert IssuedToken.objects.get().one_time is once
    assert [given.one_time for given in vocalstack.given.values()] == [once]


@pytest.mark.parametrize(
    ("body", "name"),
    [({"lifetime_s": 121}, "lifetime_s"), ({"lifetime_s": "60"}, "lifetime_s"), ({"access": "admin"}, "access"),
     ({"lifetime": 60}, "lifetime"), ({"user": "boss"}, "user")],
)  # fmt: skip
def test_nothing_wrong_reaches_the_vendor(browser, speech, vocalstack, body, name):
    response = browser.post(AUTHENTICATE, body)
    assert_refused(response, 400, "invalid_request")
    assert (set(response.json()["fields"]), vocalstack.asked) == ({name}, [])


def test_a_vendor_that_fails_is_told_as_everywhere(browser, speech, vocalstack):
    vocalstack.mode = "fail"
    assert_refused(browser.post(AUTHENTICATE), 502, "vendor_unavailable", reason="failed")


# All of them


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_anything(nobody, calls, rooms, speech, path):
    response = nobody.post(path, body_for(path))
    assert_refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"]


@pytest.mark.parametrize("path", PATHS)
def test_a_session_proves_that_its_own_page_sent_it(browser, calls, rooms, speech, path):
    browser.headers.clear()
    assert_refused(browser.post(path, body_for(path)), 403, "csrf_failed")


@pytest.mark.parametrize("path", PATHS)
def test_plain_http_is_refused(browser, calls, rooms, speech, path):
    response = browser.send(path, json.dumps(body_for(path)), secure=False, Origin="http://testserver")
    assert_refused(response, 403, "insecure_transport")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_a_post_is_answered(browser, calls, rooms, speech, path, method):
    response = browser.client.generic(method, f"/issuer/{path}", secure=True, headers=browser.headers)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert not IssuedToken.objects.exists()


@pytest.mark.parametrize("path", PATHS)
def test_both_spellings_answer(browser, calls, rooms, speech, path):
    assert browser.post(path.rstrip("/"), body_for(path)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_token_in_the_address_is_refused(browser, calls, rooms, speech, path):
    assert_refused(browser.post(f"{path}?token=x", body_for(path)), 400, "invalid_request")


@pytest.mark.parametrize(
    "path",
    ["compat/nowhere/get-token/", "compat/calls/get-token/", "compat/rooms/fetch_rtc_token/", "compat/rooms/GET-TOKEN/",
     "compat/rooms/create-meeting/", "compat/r\u00f6\u00f6ms/get-token/"],
)  # fmt: skip
def test_other_addresses_are_not_there(browser, calls, rooms, speech, path):
    assert_refused(browser.post(path, {}), 404, "not_found")


def test_an_application_that_is_off_hands_out_nothing(browser, calls):
    calls.disabled_at = timezone.now()
    calls.save()
    assert_refused(browser.post(FETCH, JOINING), 403, "application_disabled")


def test_an_application_whose_provider_is_gone_is_not_set_up(browser, rooms, configure):
    configure(PROVIDERS={"remove": ["videosdk"]})
    assert_refused(browser.post(GET, {"roomId": "a"}), 503, "unavailable")


def test_the_audit_knows_who_got_it_and_how_he_came(browser, calls, user):
    browser.post(FETCH, JOINING)
    row = IssuedToken.objects.get()
    assert (row.user, row.origin, row.application, row.subject) == (user, Origin.SESSION, calls, "16")


def test_a_servers_key_opens_its_own_application_only(calls, rooms):
    key, secret = api_key(application=rooms)
    machine = Browser()
    machine.headers["Authorization"] = f"Api-Key {key.public_id}.{secret}"
    assert_refused(machine.post(FETCH, JOINING), 404, "not_found")
    refused = machine.post(GET, {"roomId": "a"})
    assert_refused(refused, 400, "invalid_request")  # nobody is asked for, and a drop-in cannot name anybody


def test_it_costs_one_statement_more_than_the_main_way(browser, rooms):
    with counted(6):
        assert browser.post(GET, {"roomId": "a"}).status_code == 200


# What the papers say


def test_they_are_in_the_document():
    told = {each.path for provider in providers().values() for each in provider.drop_ins}
    assert {path.split("/")[-2] for path in drop_in_paths()} == told
    assert drop_in_paths().keys() <= document()["paths"].keys()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("fetch_rtc_token", JOINING),
        ("fetch_rtc_token", {"channelName": "a", "uid": "user-1", "role": 1}),
        ("get-token", {}),
        ("get-token", {"roomId": "a", "participantId": "b"}),
        ("validate-token", {"token": "x", "meetingId": "a"}),
    ],
)
def test_good_bodies_fit(name, body):
    assert fits(body, f"DropInRequest_{name}")
    assert not fits({**body, "more": 1}, f"DropInRequest_{name}")


def test_real_answers_fit(browser, calls, rooms):
    assert fits(browser.post(FETCH, JOINING).json(), "DropIn_fetch_rtc_token")
    made = browser.post(GET, {"roomId": "a"}).json()
    assert fits(made, "DropIn_get-token")
    for token in (made["token"], "x"):
        assert fits(browser.post(VALIDATE, {"token": token}).json(), "DropIn_validate-token")


def test_the_page_about_them_names_each_and_no_other():
    rows = re.findall(r"^\| \w+ \| `compat/<slug>/([\w-]+)` \| `\{(.*?)\}` \| `\{(.*?)\}` \|$", PAGE, re.MULTILINE)
    told = {path: (words_in(sent), words_in(answer)) for path, sent, answer in rows}
    known = [each for provider in providers().values() for each in provider.drop_ins]
    assert told == {each.path: ({spec.name for spec in specs(each.shapes[0])}, set(each.answers)) for each in known}
    assert set(re.findall(r'"/issuer/compat/\w+/([\w-]+)"', PAGE)) == set(told)


def words_in(text: str) -> set[str]:
    return set(re.findall(r'"([a-zA-Z_]+)"', text))


@pytest.fixture
def elsewhere(settings):
    """A site that has put the drop-ins where its front-end looks."""

    class Urls:
        urlpatterns = [
            path("issuer/", include("token_issuer.urls")),
            path("video/", include("token_issuer.urls.compat")),
        ]

    settings.ROOT_URLCONF = Urls


def test_they_may_stand_elsewhere(elsewhere):
    paths = merge({"openapi": "3.1.0"}, None)["paths"]
    assert "/video/compat/{slug}/get-token/" in paths
    assert not [path for path in paths if path.startswith("/issuer/compat")]
