"""Getting a token over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.api.browsers import Browser
from tests.api.refusals import HEADERS
from tests.factories import AGORA_APP_ID, UserFactory
from tests.statements import counted
from token_issuer.models import IssuedToken, Origin, RuleWindow, VendorAccount
from token_issuer.registry import get_provider

FIELDS = {
    "token", "format", "token_id", "application", "provider", "public_id", "subject", "resource", "privileges", "slot",
    "issued_at", "expires_at", "expires_in", "renew_at", "renew_in", "server_time", "one_time", "revocation", "sdk",
    "notices",
}  # fmt: skip


def test_a_signed_in_person_gets_a_token(browser, rooms, user):
    response = browser.issue(roomId="room-1", lifetime=120)
    made = response.json()
    assert response.status_code == 201
    assert set(made) == FIELDS
    assert {name: made[name] for name in ("application", "provider", "subject", "resource", "privileges", "slot")} == {
        "application": "rooms",
        "provider": "videosdk",
        "subject": f"user-{user.pk}",
        "resource": "room-1",
        "privileges": ["allow_join"],
        "slot": 0,
    }
    assert (made["expires_in"], made["renew_at"], made["renew_in"]) == (120, None, None)
    assert made["revocation"] == "at_next_join"


def test_token_row_and_answer_agree(browser, rooms):
    made = browser.issue().json()
    row = IssuedToken.objects.get()
    seen = get_provider("videosdk").inspect(made["token"])
    assert seen.expires_at == row.expires_at == datetime.fromisoformat(made["expires_at"])
    assert seen.issued_at == row.issued_at == datetime.fromisoformat(made["issued_at"])
    assert str(row.pk) == made["token_id"]
    assert row.origin == Origin.SESSION


def test_an_sdk_takes_its_part_as_it_is(browser, calls):
    made = browser.issue("calls", channel="room-42").json()
    assert made["sdk"] == {"appid": AGORA_APP_ID, "channel": "room-42", "token": made["token"], "uid": 16}


def test_a_renewable_token_says_when(browser, calls):
    made = browser.issue("calls", channel="room-42", lifetime=3600).json()
    assert made["renew_in"] == 3570
    assert made["renew_at"] < made["expires_at"]


@pytest.mark.parametrize("once", [True, False])
def test_a_token_says_whether_it_works_once(browser, speech, vocalstack, once):
    assert browser.issue("speech", one_time=once).json()["one_time"] is once
    assert IssuedToken.objects.get().one_time is once


def test_renewing_is_the_same_call_again(browser, calls):
    first, second = (browser.issue("calls", channel="room-42").json() for _ in range(2))
    assert first["subject"] == second["subject"]
    assert first["token_id"] != second["token_id"]


def test_a_slot_is_another_subject(browser, rooms, user):
    assert browser.issue(roomId="room-1", slot=1).json()["subject"] == f"user-{user.pk}:1"


def test_people_read_what_they_should_know(browser, calls):
    (notice,) = browser.issue("calls", channel="room-42").json()["notices"]
    assert "Co-host authentication" in notice


@pytest.mark.parametrize("path", ["applications/rooms/tokens/", "applications/rooms/tokens"])
def test_both_spellings_of_the_address_answer(browser, rooms, path):
    assert browser.post(path, {"roomId": "room-1"}).status_code == 201


def test_the_answer_is_kept_by_nobody(browser, rooms):
    response = browser.issue()
    assert {name: response[name] for name in HEADERS} == HEADERS


def test_no_cookie_holds_the_token(browser, rooms):
    response = browser.issue()
    assert response.json()["token"] not in response.cookies.output()
    assert not response.cookies


def test_no_other_site_may_read_the_answer(browser, rooms):
    response = browser.post("applications/rooms/tokens/", {"roomId": "room-1"})
    assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_what_the_caller_accepts_changes_nothing(browser, rooms):
    response = browser.post("applications/rooms/tokens/", {"roomId": "room-1"}, Accept="text/html, image/*")
    assert (response.status_code, response["Content-Type"]) == (201, "application/json")


def test_texts_of_any_alphabet_come_back(browser, rooms):
    assert browser.issue(roomId="комната").json()["resource"] == "комната"


# Statements, as section 7 of the design counts them: session, user, application + certificate + account, rules, INSERT.


def test_a_session_issues_with_five_statements(browser, rooms):
    with counted(5) as seen:
        assert browser.issue().status_code == 201
    tables = [
        "django_session",
        "auth_user",
        "token_issuer_application",
        "token_issuer_rule",
        "token_issuer_issuedtoken",
    ]
    for table, statement in zip(tables, seen, strict=True):
        assert table in statement


def test_a_window_adds_one(browser, rooms):
    rooms.rules.update(limit=10, window=60)
    RuleWindow.objects.all().delete()
    browser.issue()
    with counted(6):
        assert browser.issue().status_code == 201


def test_the_first_call_in_a_window_adds_two_more(browser, rooms):
    rooms.rules.update(limit=10, window=60)
    with counted(8) as seen:
        assert browser.issue().status_code == 201
    charges = [statement for statement in seen if "token_issuer_rulewindow" in statement]
    assert [statement.split()[0] for statement in charges] == ["UPDATE", "INSERT", "UPDATE"]


def test_an_accounts_number_is_allocated_with_five_more_once(browser, calls):
    with counted(10) as seen:
        assert browser.issue("calls", channel="a").status_code == 201
    # Counting up, reading what it is now, the account, looking for one made by hand, and whose number counts.
    allocation = seen[4:9]
    assert [statement.split()[0] for statement in allocation] == ["UPDATE", "SELECT", "INSERT", "UPDATE", "SELECT"]
    with counted(5):
        assert browser.issue("calls", channel="b").status_code == 201


def test_a_number_is_nobody_elses(calls):
    made = [Browser(UserFactory()).issue("calls", channel="a").json()["sdk"]["uid"] for _ in range(2)]
    assert made == [16, 32]
    assert VendorAccount.objects.count() == 2
