"""``POST tokens/inspect/``: what a token is, for administrators and for servers about their own application's."""

from __future__ import annotations

import base64
import json
import logging
import sys
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.signals import got_request_exception
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.api.browsers import Browser
from tests.api.servers import Server
from tests.api.test_form_secrecy import breaks_at_look, report_of
from tests.api.test_schema import fits
from tests.factories import ApplicationFactory, UserFactory, api_key, caller
from token_issuer.models import IssuedToken, Origin, TokenFamily
from token_issuer.services import consuming, issuing, refreshing, revoking

INSPECT = "tokens/inspect/"


@pytest.fixture
def admin(db):
    someone = UserFactory()
    someone.user_permissions.add(Permission.objects.get(codename="inspect_issuedtoken"))
    return Browser(someone)


@pytest.fixture
def made(rooms, user):
    return issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=timezone.now())


@pytest.fixture
def text(made):
    return made.token.reveal()


def inspected(who, token, **asked):
    response = who.post(INSPECT, {"token": token, **asked})
    assert response.status_code == 200, response.content
    assert fits(response.json(), "TokenInspection")
    return response.json()


def assert_refused(response, status, error, *, reason=None, fields=None):
    """Refused in these words; tokens that are asked about are there all the time."""
    told = response.json()
    assert (response.status_code, told["error"], told.get("reason")) == (status, error, reason), told
    assert fields is None or told["fields"] == fields


def words(answer):
    return {each["word"]: each["text"] for each in answer["findings"]}


def test_a_token_is_told_with_its_row(admin, text, made, rooms, user):
    answer = inspected(admin, text)
    told = {name: answer[name] for name in answer.keys() - {"findings", "details", "server_time", "certificate"}}
    assert told == {
        "kind": "vendor",
        "valid": True,
        "verdict": None,
        "application": "rooms",
        "provider": "videosdk",
        "format": "videosdk-jwt",
        "public_id": rooms.public_id,
        "subject": f"user-{user.pk}",
        "resource": "a",
        "privileges": ["allow_join"],
        "issued_at": made.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expires_at": made.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "token_id": str(made.token_id),
        "standing": "live",
        "temporary": False,
        "one_time": False,
        "errors": [],
    }
    certificate = rooms.certificates.get()
    assert answer["certificate"] == {
        "application": "rooms",
        "key_id": certificate.key_id,
        "fingerprint": certificate.fingerprint,
        "state": "active",
    }
    assert {"name": "roomId", "value": "a"} in answer["details"]
    assert words(answer).keys() == {"good", "expires", "signed_by_active"}


def test_the_token_is_not_in_the_answer(admin, text):
    assert text not in admin.post(INSPECT, {"token": text}).content.decode()
    assert text.rpartition(".")[2] not in admin.post(INSPECT, {"token": text}).content.decode()


def test_what_was_expected(admin, text, user):
    assert inspected(admin, text, channel="a", subject=f"user-{user.pk}")["valid"]
    answer = inspected(admin, text, channel="b", subject=7)
    assert (answer["valid"], answer["verdict"], answer["standing"]) == (False, "resource_differs", "live")
    assert words(answer)["resource_differs"] == "channel differs: the token is for a, you expect b"
    assert words(answer)["subject_differs"].endswith("you expect 7")


def test_a_vendors_error_is_explained_beside(admin, text):
    (error,) = inspected(admin, text, code=4022)["errors"]
    assert (error["provider"], error["code"], error["meaning"]) == (
        "videosdk",
        "4022",
        "Token is not for this meeting",
    )


def test_a_revoked_one_says_why(admin, text, made, user):
    revoking.revoke_any(caller(user), made.token_id, reason="lost", at=timezone.now())
    answer = inspected(admin, text)
    assert (answer["verdict"], answer["standing"]) == ("revoked", "revoked")
    assert words(answer)["revoked"].endswith("because: lost")


def test_what_works_once_still_does_afterwards(admin, once, user):
    text = issuing.issue(caller(user), "once", body={"lifetime": 120}, at=timezone.now()).token.reveal()
    for _ in range(2):
        assert (inspected(admin, text)["valid"], inspected(admin, text)["one_time"]) == (True, True)
    assert IssuedToken.objects.get().consumed_at is None
    assert consuming.consume(text, at=timezone.now(), safe=True).one_time


def test_a_refresh_token_is_recognised_and_still_good(admin, own, user):
    made = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=timezone.now())
    assert made.pair is not None
    text = made.pair.refresh_token.reveal()
    answer = inspected(admin, text)
    assert (answer["kind"], answer["valid"], answer["application"], answer["token_id"]) == (
        "refresh",
        True,
        "own",
        None,
    )
    assert TokenFamily.objects.get().generation == 0
    assert refreshing.refresh(text, at=timezone.now()).pair is not None


def test_an_api_key_is_recognised(admin, rooms):
    key, secret = api_key(application=rooms)
    answer = inspected(admin, f"Api-Key {key.public_id}.{secret}")
    assert (answer["kind"], answer["public_id"]) == ("api_key", key.public_id)
    assert secret not in str(answer)


@pytest.mark.parametrize("garbage", ["", "hello", "x" * 16_000, "eyJ" + "A" * 16_000, "\x00", "tökn" * 1000])
def test_garbage_is_an_answer(admin, garbage):
    answer = inspected(admin, garbage)
    assert (answer["kind"], answer["valid"], answer["verdict"]) == ("unknown", False, "not_a_token")


# Who may ask


def test_without_the_permission_nobody_learns_anything(browser, text):
    response = browser.post(INSPECT, {"token": text})
    assert_refused(response, 403, "policy_denied", reason="inspection_not_permitted")


def test_strangers_are_asked_to_sign_in(nobody, text):
    assert nobody.post(INSPECT, {"token": text}).status_code in {401, 403}
    assert Client().post(f"/issuer/{INSPECT}", "{}", content_type="application/json", secure=True).status_code == 401


def test_a_servers_key_with_the_scope_learns_of_its_own_application(text, rooms):
    server = Server(*api_key(application=rooms, scopes=["tokens:introspect"]))
    assert inspected(server, text)["valid"]
    other = ApplicationFactory(slug="other", public_id="other", ready=True)
    stranger = Server(*api_key(application=other, scopes=["tokens:introspect"]))
    unknown = {**inspected(stranger, "hello"), "server_time": None}
    assert {**inspected(stranger, text), "server_time": None} == unknown


def test_a_servers_key_without_the_scope(text, rooms):
    server = Server(*api_key(application=rooms, scopes=["tokens:issue", "tokens:revoke"]))
    assert_refused(server.post(INSPECT, {"token": text}), 403, "policy_denied", reason="scope_missing")


def test_an_access_token_is_no_administrators(admin, own, text):
    someone = UserFactory(is_superuser=True)
    made = issuing.issue(
        caller(someone, origin=Origin.BEARER), "own", body={"scope": "tokens:issue"}, at=timezone.now()
    )
    response = Browser().post(INSPECT, {"token": text}, Authorization=f"Bearer {made.token.reveal()}")
    assert_refused(response, 403, "policy_denied", reason="scope_missing")


def test_it_needs_the_proof_that_the_sites_own_page_sent_it(admin, text):
    admin.headers.clear()
    assert_refused(admin.post(INSPECT, {"token": text}), 403, "csrf_failed")


# Bodies


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"token": ["is required"]}),
        ({"token": 7}, {"token": ["must be a text"]}),
        ({"token": None}, {"token": ["must be a text"]}),
        ({"token": "x", "channel": 7}, {"channel": ["must be a text"]}),
        ({"token": "x", "subject": True}, {"subject": ["must be a text"]}),
        ({"token": "x", "subject": "x" * 256}, {"subject": ["must be at most 255 characters"]}),
        ({"token": "x", "kind": "y"}, {"kind": ["unknown field"]}),
        (
            {"token": "x", "channel": "a", "resource": "a"},
            {"channel": ["is another word for resource: name one of them"]},
        ),
    ],
)
def test_what_does_not_fit_is_named(admin, body, fields):
    assert_refused(admin.post(INSPECT, body), 400, "invalid_request", fields=fields)


def test_a_token_in_the_address_is_refused(admin, text):
    response = admin.post(f"{INSPECT}?token={text}", {"token": text})
    assert_refused(response, 400, "invalid_request")
    assert text not in response.content.decode()


def test_it_is_not_read_with_get(admin):
    assert admin.get(INSPECT).status_code == 405


# Secrecy


def test_nothing_is_logged_of_it(admin, text, caplog):
    with caplog.at_level(logging.DEBUG):
        inspected(admin, text)
        inspected(admin, "tir_" + "x" * 60)
        inspected(admin, text[:-4] + "AAAA")
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert text[:-4] not in told
    assert "x" * 60 not in told


def test_an_error_report_does_not_hold_it(text, rooms):
    key, secret = api_key(application=rooms, scopes=["tokens:introspect"])
    client = Client(raise_request_exception=False)
    reports: list[str] = []

    def note(**_: object) -> None:
        reports.append(report_of(sys.exc_info()))

    def breaks(execute, sql, *rest):
        return breaks_at_look(execute, sql, *rest) if "issuedtoken" in sql else execute(sql, *rest)

    got_request_exception.connect(note)
    try:
        with connection.execute_wrapper(breaks):
            answer = client.post(
                f"/issuer/{INSPECT}",
                json.dumps({"token": text}),
                content_type="application/json",
                secure=True,
                headers={"Authorization": f"Api-Key {key.public_id}.{secret}"},
            )
    finally:
        got_request_exception.disconnect(note)
    assert answer.status_code == 500
    assert "breaks_at_look" in reports[0]
    assert text not in reports[0]


def test_time_is_told_in_words(admin, made, text):
    IssuedToken.objects.update(issued_at=made.issued_at - timedelta(hours=1))
    assert words(inspected(admin, text))["expires"] in {"expires in 10 min", "expires in 9 min"}


HOSTILE = ["a\x00b", "\ud800", "\u202e", "<b>", "x" * 5000]


@pytest.mark.parametrize("claim", ["apikey", "roomId", "participantId", "other"])
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_claims_that_no_database_and_no_answer_can_hold(admin, rooms, claim, value):
    claims = {"apikey": rooms.public_id, "permissions": ["allow_join"], "iat": 1, "exp": 2, claim: value}
    answer = inspected(admin, handmade(claims))
    assert (answer["kind"], answer["valid"]) == ("unknown" if value == "\ud800" else "vendor", False)


def handmade(claims):
    """A token as nobody's library writes it: its claims are JSON with escapes."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, "A" * 43])
