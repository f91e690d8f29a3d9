"""One-time login keys over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from tests.api.browsers import JSON, ORIGIN, Browser
from tests.api.refusals import HEADERS, assert_refused
from tests.api.servers import Server
from tests.api.test_issuing import FIELDS
from tests.api.test_schema import fits
from tests.factories import AT, UserFactory, api_key, caller
from tests.statements import counted
from token_issuer.crypto import digests, opaque
from token_issuer.models import IssuedToken, OneTimeKey, Origin, TokenFamily
from token_issuer.services import refreshing, revoking, verifying

MAKE = "applications/rooms/one-time-keys/"
REDEEM = "one-time-keys/redeem/"
WRONG = "The token is not valid."


@pytest.fixture
def make(browser, rooms):
    def make(**body):
        response = browser.post(MAKE, {"roomId": "room-1", **body})
        assert response.status_code == 201, response.json()
        return response.json()["key"]

    return make


@pytest.fixture
def phone(db):
    """A client that has never been here: no cookie, no origin, no CSRF token."""

    def phone(key, **headers):
        return Client(enforce_csrf_checks=True).post(
            f"/issuer/{REDEEM}", json.dumps({"key": key}), content_type=JSON, secure=True, headers=headers
        )

    return phone


@pytest.fixture
def sessions(configure):
    configure(LOGIN_KEY_SESSIONS=True)


@pytest.fixture
def screen(db):
    """A browser on the site's own sign-in page, which has set the CSRF cookie. Nobody is signed in."""
    browser = Browser()
    browser.client.cookies["csrftoken"] = "a" * 32
    browser.headers["X-CSRFToken"] = "a" * 32
    return browser


def signed_in(browser) -> str | None:
    return browser.client.session.get(SESSION_KEY)


def test_a_person_asks_for_a_key(browser, rooms):
    response = browser.post(MAKE, {"roomId": "room-1", "lifetime": 120, "key_lifetime": 300})
    made = response.json()
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert opaque.passes("til_", made["key"])
    assert {name: made[name] for name in ("application", "resource", "privileges", "lifetime", "expires_in")} == {
        "application": "rooms",
        "resource": "room-1",
        "privileges": ["allow_join"],
        "lifetime": 120,
        "expires_in": 300,
    }
    assert made["key_id"] == str(OneTimeKey.objects.get().pk)
    assert fits(made, "OneTimeKey")


def test_nobody_asks_in_vain(nobody, rooms):
    assert_refused(nobody.post(MAKE, {}), 401, "not_authenticated")


def test_a_wrong_field_is_named(browser, rooms):
    response = browser.post(MAKE, {"roomId": "room-1", "key_lifetime": 5})
    assert_refused(response, 400, "invalid_request", fields={"key_lifetime": ["must be 10 to 600 seconds"]})


def test_its_holder_redeems_it_from_anywhere(make, phone, user):
    response = phone(make())
    made = response.json()
    assert response.status_code == 201, made
    assert {name: response[name] for name in HEADERS} == HEADERS
    assert set(made) == FIELDS | {"session_started"}
    assert (made["subject"], made["resource"], made["session_started"]) == (f"user-{user.pk}", "room-1", False)
    assert fits(made, "Redemption")
    assert not response.cookies


def test_the_row_says_by_which_door_it_left(make, phone, user):
    phone(make(), **{"User-Agent": "phone"})
    row = IssuedToken.objects.get()
    assert (row.origin, row.user, row.ip, row.user_agent) == (Origin.REDEEM, user, "127.0.0.1", "phone")


def test_every_key_that_does_not_do_looks_the_same(make, phone):
    used, revoked, expired = make(), make(), make()
    keys = {text: OneTimeKey.objects.filter(digest=digests.digest(text)) for text in (used, revoked, expired)}
    keys[used].update(consumed_at=timezone.now())
    keys[revoked].update(revoked_at=timezone.now())
    keys[expired].update(created_at=AT, expires_at=AT + timedelta(minutes=1))
    unknown = opaque.new(opaque.LOGIN_KEY).reveal()
    answers = [phone(key, **{"X-Request-ID": "r"}) for key in (used, revoked, expired, unknown, "til_x", "")]
    for answer in answers:
        assert_refused(answer, 401, "invalid_token", WRONG)
    assert len({(answer.content, *sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"key": ["is required"]}),
        ({"key": 1}, {"key": ["must be a text"]}),
        ({"key": None}, {"key": ["must be a text"]}),
        ({"key": "til_", "roomId": "b"}, {"roomId": ["unknown field"]}),
        ({"token": "til_"}, {"token": ["unknown field"], "key": ["is required"]}),
    ],
)
def test_a_body_is_a_key_and_nothing_else(nobody, body, fields):
    assert_refused(nobody.post(REDEEM, body), 400, "invalid_request", fields=fields)


def test_plain_http_is_refused(nobody, configure):
    configure(REQUIRE_HTTPS=True)
    assert_refused(nobody.post(REDEEM, {"key": "til_"}, secure=False), 403, "insecure_transport")


def test_a_denial_tells_why_and_consumes_nothing(make, phone, rooms):
    key = make()
    rooms.rules.all().delete()
    assert_refused(phone(key), 403, "policy_denied", reason="no_rule")
    assert OneTimeKey.objects.get().consumed_at is None


@pytest.mark.parametrize("path", [MAKE, MAKE.rstrip("/")])
def test_both_spellings_of_the_address_answer(browser, rooms, path):
    assert browser.post(path, {"roomId": "room-1"}).status_code == 201


def test_both_spellings_redeem(nobody, make):
    assert nobody.post(REDEEM.rstrip("/"), {"key": make()}).status_code == 201


def test_redeeming_takes_four_statements(make, phone):
    key = make()
    with counted(4):
        assert phone(key).status_code == 201


def test_signing_out_everywhere_ends_what_was_not_redeemed(browser, make, phone):
    key = make()
    assert browser.post("tokens/revoke-mine/").status_code == 200
    assert_refused(phone(key), 401, "invalid_token")


@pytest.mark.parametrize("debug", [True, False])
def test_an_error_report_does_not_hold_the_key(make, settings, mailoutbox, debug):
    """What is on the way when something breaks is in nobody's mail, and on no debug page."""
    settings.DEBUG = debug
    settings.ADMINS = [("Admin", "admin@example.com")]
    key = make()

    def broken(execute, sql, *rest):
        if sql.startswith("UPDATE") and "onetimekey" in sql:
            msg = "the disk is full"
            raise RuntimeError(msg)
        return execute(sql, *rest)

    client = Client(raise_request_exception=False)
    with connection.execute_wrapper(broken):
        answer = client.post(f"/issuer/{REDEEM}", {"key": key}, content_type=JSON, secure=True)
    assert answer.status_code == 500
    assert key not in answer.content.decode()
    assert all(key not in mail.body + str(mail.alternatives) for mail in mailoutbox)
    assert mailoutbox or "the disk is full" in answer.content.decode()


# Whoever else is signed in where a key is redeemed


def test_another_persons_session_gets_the_tokens_of_the_key_alone(make, user):
    other = Browser(UserFactory())
    who = signed_in(other)
    made = other.post(REDEEM, {"key": make()}).json()
    assert made["subject"] == f"user-{user.pk}"
    assert signed_in(other) == who
    assert [row["subject"] for row in other.get("tokens/").json()["results"]] == []


# Starting a session


def test_a_session_needs_the_sites_permission(browser, rooms):
    response = browser.post(MAKE, {"roomId": "room-1", "starts_session": True})
    assert_refused(response, 400, "invalid_request", fields={"starts_session": ["is not allowed on this site"]})


def test_a_token_of_the_sites_own_class_does_not_become_a_session(sessions, configure, nobody, rooms, user):
    configure(AUTHENTICATION_CLASSES=["rest_framework_simplejwt.authentication.JWTAuthentication"])
    bearer = {"Authorization": f"Bearer {AccessToken.for_user(user)}"}
    response = nobody.post(MAKE, {"roomId": "room-1", "starts_session": True}, **bearer)
    assert_refused(response, 400, "invalid_request", fields={"starts_session": ["takes the user's own session"]})
    assert nobody.post(MAKE, {"roomId": "room-1"}, **bearer).status_code == 201


def test_a_screen_is_signed_in(sessions, make, screen, user):
    response = screen.post(REDEEM, {"key": make(starts_session=True)})
    assert (response.status_code, response.json()["session_started"]) == (201, True)
    assert signed_in(screen) == str(user.pk)
    assert get_user_model().objects.get().last_login is not None


def test_the_session_works(sessions, make, screen, rooms):
    screen.post(REDEEM, {"key": make(starts_session=True)})
    screen.headers["X-CSRFToken"] = screen.get("applications/").json()["csrf_token"]
    assert screen.issue().status_code == 201


def test_another_sites_page_signs_nobody_in_and_consumes_nothing(sessions, make, phone, screen):
    """Or it could sign its visitors in as somebody whose account it reads."""
    key = make(starts_session=True)
    assert_refused(phone(key), 403, "csrf_failed")
    assert_refused(screen.post(REDEEM, {"key": key}, Origin="https://evil.test"), 403, "csrf_failed")
    assert OneTimeKey.objects.get().consumed_at is None
    assert screen.post(REDEEM, {"key": key}).status_code == 201


def test_the_session_key_is_a_new_one(sessions, make, screen):
    session = screen.client.session
    session["basket"] = 1
    session.save()
    before = session.session_key
    screen.client.cookies["sessionid"] = before
    screen.post(REDEEM, {"key": make(starts_session=True)})
    after = screen.client.session
    assert after.session_key != before
    assert after["basket"] == 1  # whoever was nobody takes his basket with him, as with every sign-in


def test_nothing_of_another_person_is_left(sessions, make, user):
    other = Browser(UserFactory())
    session = other.client.session
    session["basket"] = 1
    session.save()
    made = other.post(REDEEM, {"key": make(starts_session=True)})
    assert made.json()["session_started"]
    assert signed_in(other) == str(user.pk)
    assert "basket" not in other.client.session


# Pairs


def key_for(browser, slug="own", **body) -> str:
    return browser.post(f"applications/{slug}/one-time-keys/", body).json()["key"]


def test_its_holder_gets_a_pair(own, browser, phone):
    made = phone(key_for(browser)).json()
    assert set(made) == FIELDS | {"session_started", "refresh_token", "refresh_expires_at"}
    assert fits(made, "Redemption")
    refreshed = refreshing.refresh(made["refresh_token"], at=timezone.now())
    assert verifying.verify(refreshed.token, at=timezone.now()).subject == made["subject"]


def test_the_pair_is_made_under_the_epochs_of_the_key(own, browser, phone, user):
    """What was ended since, in the moment before the claim's commit too, is dead in the family as well."""
    revoking.revoke_user(caller(user), user, reason="", at=timezone.now())
    phone(key_for(browser))
    family, token = TokenFamily.objects.get(), IssuedToken.objects.get()
    assert (family.epochs, token.epochs) == (1, 1)
    assert family.password_stamp == OneTimeKey.objects.get().password_stamp


def test_a_browser_that_is_signed_in_by_it_gets_none_in_the_body(sessions, own, browser, screen):
    response = screen.post(REDEEM, {"key": key_for(browser, starts_session=True)})
    assert set(response.json()) == FIELDS | {"session_started"}
    assert not TokenFamily.objects.exists()


def test_where_browsers_may_have_pairs_it_is_in_the_cookie(sessions, own, browser, screen):
    type(own).objects.update(options={"browser_pairs": True})
    response = screen.post(REDEEM, {"key": key_for(browser, starts_session=True)})
    assert set(response.json()) == FIELDS | {"session_started", "refresh_expires_at"}
    cookie = response.cookies["token_issuer_refresh_own"]
    assert cookie["httponly"]
    assert TokenFamily.objects.get().in_cookie


def test_where_no_session_starts_a_key_for_one_gives_no_pair_at_all(configure, own, browser, phone):
    configure(LOGIN_KEY_SESSIONS=True)
    type(own).objects.update(options={"browser_pairs": True})
    key = key_for(browser, starts_session=True)
    configure(LOGIN_KEY_SESSIONS=False)
    assert set(phone(key).json()) == FIELDS | {"session_started"}
    assert not TokenFamily.objects.exists()


# A server that calls with its API key


def server(application) -> Server:
    return Server(*api_key(application=application, scopes=["tokens:issue"]))


def test_a_server_makes_one_for_its_user(own, phone, user):
    response = server(own).post("applications/own/one-time-keys/", {"on_behalf_of": user.pk})
    assert response.status_code == 201, response.json()
    made = phone(response.json()["key"]).json()
    token = IssuedToken.objects.get()
    assert (token.user, token.api_key, token.origin) == (user, own.api_keys.get(), Origin.REDEEM)
    assert made["subject"] == token.subject


def test_a_server_makes_none_for_itself(own, db):
    response = server(own).post("applications/own/one-time-keys/", {})
    assert_refused(
        response, 400, "invalid_request", fields={"on_behalf_of": ["must name the user whom the key is for"]}
    )


def test_a_key_that_starts_no_session_needs_no_proof(sessions, make, phone):
    response = phone(make())
    assert response.status_code == 201
    assert not response.cookies


def test_where_sessions_were_forbidden_since_there_is_only_the_token(configure, make, phone):
    configure(LOGIN_KEY_SESSIONS=True)
    key = make(starts_session=True)
    configure(LOGIN_KEY_SESSIONS=False)
    assert phone(key).json()["session_started"] is False


def test_a_second_backend_does_no_harm(sessions, make, screen, settings, user):
    settings.AUTHENTICATION_BACKENDS = [
        f"{__name__}.Strangers",
        "django.contrib.auth.backends.ModelBackend",
    ]
    screen.post(REDEEM, {"key": make(starts_session=True)})
    assert screen.get("tokens/").status_code == 200


class Strangers:
    """A backend that knows nobody."""

    def get_user(self, user_id):
        return None


def test_without_a_backend_nothing_is_consumed(sessions, make, screen, settings):
    key = make(starts_session=True)
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Strangers"]
    assert_refused(screen.post(REDEEM, {"key": key}), 503, "unavailable")
    assert OneTimeKey.objects.get().consumed_at is None


def test_a_site_without_sessions_starts_none_and_consumes_nothing(sessions, make, settings):
    key = make(starts_session=True)
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    response = Client(headers={"Origin": ORIGIN}).post(
        f"/issuer/{REDEEM}", {"key": key}, content_type=JSON, secure=True
    )
    assert_refused(response, 503, "unavailable")
    assert OneTimeKey.objects.get().consumed_at is None
