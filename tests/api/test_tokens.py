"""One's own tokens: seen, paged, ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from example_project.standins import pushing as standins
from example_project.standins.server import StandIn, in_json
from tests.api.browsers import Browser
from tests.api.test_schema import fits
from tests.factories import IssuedTokenFactory, UserFactory
from tests.pushes import told
from tests.statements import counted
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, IssuedToken

FIELDS = {
    "token_id", "application", "provider", "format", "fingerprint", "subject", "resource", "privileges", "slot",
    "temporary", "standing", "issued_at", "expires_at", "revoked_at", "revocation",
    "push",
}  # fmt: skip
UNKNOWN = "There is no such token."


@pytest.fixture
def certificate(rooms):
    return rooms.certificates.get()


@pytest.fixture
def token(user, certificate):
    return IssuedTokenFactory(user=user, certificate=certificate, issued_at=timezone.now())


@pytest.fixture
def foreign(certificate):
    return IssuedTokenFactory(user=UserFactory(), certificate=certificate, issued_at=timezone.now())


def ids(response):
    return [row["token_id"] for row in response.json()["results"]]


def test_a_person_sees_his_own_tokens_newest_first(browser, rooms, foreign):
    made = [browser.issue().json()["token_id"] for _ in range(3)]
    response = browser.get("tokens/")
    assert ids(response) == made[::-1]
    assert response.json()["next"] is None
    assert {frozenset(row) for row in response.json()["results"]} == {frozenset(FIELDS)}


def test_a_list_never_holds_a_token(browser, rooms):
    text = browser.issue().json()["token"]
    assert text not in browser.get("tokens/").content.decode()


def test_a_temporary_token_says_so(browser, token):
    assert browser.get("tokens/").json()["results"][0]["temporary"] is False
    IssuedToken.objects.update(temporary=True)
    assert browser.get("tokens/").json()["results"][0]["temporary"] is True
    assert browser.get(f"tokens/{token.pk}/").json()["temporary"] is True


def test_pages_follow_each_other(browser, user, certificate):
    made = [
        str(IssuedTokenFactory(user=user, certificate=certificate, issued_at=timezone.now()).pk) for _ in range(120)
    ]
    seen, path = [], "tokens/?standing=live"
    while path:
        response = browser.get(path.removeprefix("/issuer/"))
        seen += ids(response)
        path = response.json()["next"]
    assert seen == made[::-1]


def test_a_page_stays_in_its_place_when_tokens_come(browser, user, certificate):
    rows = [IssuedTokenFactory(user=user, certificate=certificate) for _ in range(51)]
    path = browser.get("tokens/").json()["next"]
    IssuedTokenFactory(user=user, certificate=certificate)
    assert ids(browser.get(path.removeprefix("/issuer/"))) == [str(rows[0].pk)]


def test_only_the_live_ones(browser, user, certificate, token):
    expired = IssuedTokenFactory(user=user, certificate=certificate, issued_at=timezone.now() - timedelta(days=1))
    revoked = IssuedTokenFactory(
        user=user, certificate=certificate, issued_at=timezone.now(), revoked_at=timezone.now()
    )
    assert ids(browser.get("tokens/?standing=live")) == [str(token.pk)]
    standings = {row["token_id"]: row["standing"] for row in browser.get("tokens/").json()["results"]}
    assert standings == {str(token.pk): "live", str(expired.pk): "expired", str(revoked.pk): "revoked"}


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("standing=dead", "standing", "must be live, or absent"),
        ("standing=", "standing", "must be live, or absent"),
        ("after=x", "after", "must be what next said"),
        ("after=", "after", "must be what next said"),
        ("after=%7B0197a0b0-0000-7000-8000-000000000000%7D", "after", "must be what next said"),
    ],
)
def test_a_list_is_asked_in_its_own_words(browser, query, field, message):
    response = browser.get(f"tokens/?{query}")
    assert (response.status_code, response.json()["fields"]) == (400, {field: [message]})


def test_a_list_takes_three_statements(browser, rooms):
    browser.issue()
    with counted(3):  # session, user, page
        browser.get("tokens/")


def test_a_person_sees_one_of_his_tokens(browser, rooms):
    made = browser.issue().json()
    seen = browser.get(f"tokens/{made['token_id']}/").json()
    assert {name: seen[name] for name in FIELDS & made.keys()} == {name: made[name] for name in FIELDS & made.keys()}
    assert (seen["standing"], seen["revoked_at"]) == ("live", None)


@pytest.mark.parametrize("call", ["tokens/{}/", "tokens/{}/revoke/"])
def test_somebody_elses_token_is_as_unknown_as_any(browser, rooms, foreign, call):
    ask = browser.post if "revoke" in call else browser.get
    answers = [ask(call.format(word)) for word in (foreign.pk, uuid7(), "x", f"urn:uuid:{foreign.pk}", "%00", "0" * 32)]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["error_description"] for answer in answers} == {UNKNOWN}
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


# Ending


def test_a_person_ends_his_token_and_is_told_when_that_counts(browser, rooms):
    made = browser.issue().json()
    response = browser.post(f"tokens/{made['token_id']}/revoke/")
    answer = response.json()
    assert response.status_code == 200
    assert (answer["token_id"], answer["revocation"]) == (made["token_id"], "at_next_join")
    assert answer["ends_at"] == made["expires_at"]
    assert "join" in answer["sentence"]
    assert browser.get(f"tokens/{made['token_id']}/").json()["standing"] == "revoked"


def test_a_reason_is_kept(browser, token):
    browser.post(f"tokens/{token.pk}/revoke/", {"reason": "lost my phone"})
    assert IssuedToken.objects.get().reason == "lost my phone"
    assert AuditEvent.objects.get(kind=AuditKind.TOKEN_REVOKED).detail == {"reason": "lost my phone"}


def test_without_a_reason_one_is_said(browser, token):
    browser.post(f"tokens/{token.pk}/revoke")
    assert IssuedToken.objects.get().reason == "revoked by its owner"


@pytest.mark.parametrize("path", ["tokens/{}/revoke/", "tokens/revoke-mine/"])
@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"reason": 7}, "reason", "must be a text"),
        ({"reason": None}, "reason", "must be a text"),
        ({"reason": ""}, "reason", "must be 1 to 200 characters"),
        ({"reason": "x" * 201}, "reason", "must be 1 to 200 characters"),
        ({"at": "yesterday"}, "at", "unknown field"),
    ],
)
def test_nothing_but_a_reason_is_taken(browser, token, path, body, field, message):
    response = browser.post(path.format(token.pk), body)
    assert (response.status_code, response.json()["fields"]) == (400, {field: [message]})
    assert not AuditEvent.objects.exists()


def test_a_hostile_reason_is_kept_harmless(browser, token):
    browser.post(f"tokens/{token.pk}/revoke/", {"reason": "a\x00b\r\nc\x1b[31m"})
    assert IssuedToken.objects.get().reason == "a b  c [31m"


def test_ending_twice_is_ending_once(browser, token):
    first, second = (browser.post(f"tokens/{token.pk}/revoke/").json() for _ in range(2))
    assert first["token_id"] == second["token_id"]
    assert AuditEvent.objects.filter(kind=AuditKind.TOKEN_REVOKED).count() == 1


NO_PUSHES = {"pushed": 0, "waiting": 0, "failed": 0, "left_out": 0}


def test_a_person_ends_all_his_tokens_at_once(browser, rooms, foreign):
    made = [browser.issue(roomId="a", lifetime=lifetime).json() for lifetime in (60, 120)]
    answer = browser.post("tokens/revoke-mine/", {"reason": "signing out everywhere"}).json()
    assert answer == {"live": 2, "more": False, "last_ends_at": made[1]["expires_at"], "pushes": NO_PUSHES}
    assert ids(browser.get("tokens/?standing=live")) == []
    assert ids(Browser(foreign.user).get("tokens/?standing=live")) == [str(foreign.pk)]


def test_ending_nothing_is_fine(browser):
    assert browser.post("tokens/revoke-mine").json() == {
        "live": 0,
        "more": False,
        "last_ends_at": None,
        "pushes": NO_PUSHES,
    }


def test_a_token_outlives_its_provider_in_the_list(browser, token, configure):
    configure(PROVIDERS={"remove": ["videosdk"]})
    seen = browser.get(f"tokens/{token.pk}/").json()
    assert (seen["provider"], seen["revocation"]) == ("videosdk", "at_expiry")
    assert browser.post(f"tokens/{token.pk}/revoke/").json()["sentence"] == ""


def test_instants_are_utc(browser, token, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    seen = browser.get(f"tokens/{token.pk}/").json()
    assert seen["issued_at"].endswith("Z")
    assert datetime.fromisoformat(seen["expires_at"]) - token.expires_at < timedelta(milliseconds=1)


# Telling the vendor


@pytest.fixture
def vendor(rooms):
    with StandIn(standins.videosdk) as vendor:
        told(rooms, vendor.url)
        yield vendor


def test_a_vendor_that_was_told_is_part_of_the_answer(browser, vendor):
    made = browser.issue().json()
    answer = browser.post(f"tokens/{made['token_id']}/revoke/").json()
    assert (answer["revocation"], answer["push"]) == ("pushed", {"state": "pushed", "reason": None})
    assert answer["sentence"].startswith("VideoSDK removes this participant")
    seen = browser.get(f"tokens/{made['token_id']}/").json()
    assert (seen["revocation"], seen["push"]) == ("pushed", {"state": "pushed", "reason": None})
    assert fits(answer, "Ending")
    assert fits(seen, "Token")


@pytest.mark.parametrize(
    ("status", "push"),
    [(401, {"state": "waiting", "reason": "refused"}), (400, {"state": "failed", "reason": "refused"})],
)
def test_a_vendor_that_does_not_know_us_is_administrators_business(browser, vendor, status, push):
    vendor.answer = lambda _asked: in_json({"message": "API key abc"}, status=status)
    made = browser.issue().json()
    answer = browser.post(f"tokens/{made['token_id']}/revoke/")
    assert (answer.status_code, answer.json()["revocation"], answer.json()["push"]) == (200, "at_next_join", push)
    assert answer.json()["ends_at"] == made["expires_at"]
    assert browser.get("tokens/").json()["results"][0]["push"] == push


def test_a_list_with_pushes_costs_no_more(browser, vendor):
    for _ in range(3):
        made = browser.issue().json()
        browser.post(f"tokens/{made['token_id']}/revoke/")
    with counted(3):  # session, user, page
        assert [row["push"]["state"] for row in browser.get("tokens/").json()["results"]] == ["pushed"] * 3


def test_ending_all_says_of_how_many_the_vendor_is_told(browser, vendor):
    for number in range(7):
        browser.issue(roomId=str(number))
    browser.issue(roomId="0")  # told of with the other one
    answer = browser.post("tokens/revoke-mine/").json()
    assert answer["pushes"] == {"pushed": 5, "waiting": 2, "failed": 0, "left_out": 0}
    assert fits(answer, "SetEnding")
