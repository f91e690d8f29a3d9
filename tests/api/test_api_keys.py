"""Servers that call with an API key."""

from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from tests.api.refusals import assert_refused
from tests.api.servers import Server
from tests.factories import ApplicationFactory, IssuedTokenFactory, UserFactory, api_key
from tests.statements import counted
from token_issuer.ids import uuid7
from token_issuer.models import ApiKey, ApiKeySecret, AuditEvent, IssuedToken, OneTimeKey, Origin
from token_issuer.services import api_keys
from token_issuer.services.callers import Caller

ISSUE = "applications/rooms/tokens/"
SELF_SIGNED = "token_issuer.api.authentication.SelfSignedAuthentication"


@pytest.fixture
def server(rooms):
    return Server(*api_key(application=rooms))


def of(application, *scopes, **columns):
    """A server with a key of this application."""
    return Server(*api_key(application=application, scopes=list(scopes), **columns))


# Issuing


def test_a_server_issues_on_behalf_of_a_user(server, user):
    answer = server.issue(on_behalf_of=user.pk)
    row = IssuedToken.objects.get()
    assert (answer.status_code, answer.json()["subject"]) == (201, f"user-{user.pk}")
    assert (row.user, row.api_key, row.origin) == (user, ApiKey.objects.get(), Origin.API_KEY)


def test_a_users_key_may_be_sent_as_text(server, user):
    assert server.issue(on_behalf_of=str(user.pk)).status_code == 201


def test_it_needs_no_csrf_token_and_no_cookie(server, user):
    assert server.issue(on_behalf_of=user.pk, **{}).status_code == 201
    assert "sessionid" not in server.client.cookies


def test_a_session_beside_the_key_changes_nothing(server, browser, user):
    """The browser's cookie and no CSRF token: as a session's call it would be refused."""
    other = UserFactory()
    server.client = browser.client
    assert server.issue(on_behalf_of=other.pk).status_code == 201
    assert (IssuedToken.objects.get().user, IssuedToken.objects.get().origin) == (other, Origin.API_KEY)


def test_a_session_does_not_help_a_bad_key(server, browser):
    server.client = browser.client
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_refused(server.get("tokens/"), 401, "invalid_token")


@pytest.mark.parametrize("listed", [["Session", "ApiKey"], ["ApiKey", "Session"]])
def test_the_order_of_the_classes_changes_nothing(server, browser, user, configure, listed):
    configure(AUTHENTICATION_CLASSES=[f"token_issuer.api.authentication.{name}Authentication" for name in listed])
    server.client = browser.client
    assert server.issue(on_behalf_of=user.pk).status_code == 201
    assert IssuedToken.objects.get().origin == Origin.API_KEY


def test_without_naming_anybody_a_vendors_token_is_refused(rooms):
    answer = of(rooms, "tokens:issue").issue()
    assert answer.json()["fields"] == {"on_behalf_of": ["must name the user whom the token is for"]}


@pytest.mark.parametrize("who", [0, "nobody", None, True, [1]])
def test_nobody_is_named(server, rooms, who):
    answer = server.issue(on_behalf_of=who)
    assert_refused(answer, 400, "invalid_request", fields={"on_behalf_of": ["names no active user"]})


def test_a_deactivated_user_looks_like_nobody(server):
    away = UserFactory(is_active=False)
    answer = server.issue(on_behalf_of=away.pk)
    assert answer.json()["fields"] == {"on_behalf_of": ["names no active user"]}


def test_the_users_rules_decide(server, user):
    answer = server.issue(on_behalf_of=user.pk, permissions=["allow_mod"])
    assert_refused(answer, 403, "policy_denied", reason="privilege_not_granted")
    assert AuditEvent.objects.get().detail["by_api_key"] == ApiKey.objects.get().public_id


def test_a_session_names_nobody_else(browser, rooms):
    answer = browser.issue(roomId="room-1", on_behalf_of=UserFactory().pk)
    assert answer.json()["fields"] == {"on_behalf_of": ["unknown field"]}


def test_another_application_is_not_there(server, user):
    ApplicationFactory(slug="halls", ready=True)
    for path in ("applications/halls/tokens/", "applications/halls/tokens/explain/", "applications/nowhere/tokens/"):
        answer = server.post(path, {"roomId": "a", "on_behalf_of": user.pk})
        assert_refused(answer, 404, "not_found", "There is no such application.")


def test_a_login_key_is_made_for_a_user(server, user):
    answer = server.post("applications/rooms/one-time-keys/", {"roomId": "a", "on_behalf_of": user.pk})
    assert answer.status_code == 201
    assert (OneTimeKey.objects.get().user, OneTimeKey.objects.get().api_key) == (user, ApiKey.objects.get())


def test_explaining_tells_no_rules(server, user):
    answer = server.post(f"{ISSUE}explain/", {"roomId": "a", "on_behalf_of": user.pk})
    assert (answer.status_code, answer.json()["allowed"], "steps" in answer.json()) == (200, True, False)


# Acting as a user


def test_a_key_that_acts_as_a_user_is_that_user(rooms, user):
    assert of(rooms, "tokens:issue", acts_as=user).issue().status_code == 201
    assert (IssuedToken.objects.get().user, IssuedToken.objects.get().origin) == (user, Origin.API_KEY)


def test_it_names_no_other(rooms, user):
    answer = of(rooms, "tokens:issue", acts_as=user).issue(on_behalf_of=UserFactory().pk)
    assert answer.json()["fields"] == {"on_behalf_of": ["cannot be named: this key acts as one user"]}


def test_it_is_refused_when_the_user_is_deactivated(rooms, user):
    acting = of(rooms, "tokens:issue", acts_as=user)
    type(user).objects.update(is_active=False)
    assert_refused(acting.issue(), 401, "invalid_token")


def test_it_is_refused_when_the_user_is_deleted(rooms, user):
    acting = of(rooms, "tokens:issue", "allow_join", acts_as=user)
    user.delete()
    assert_refused(acting.issue(), 401, "invalid_token")
    assert_refused(acting.get("tokens/"), 401, "invalid_token")


# A key that is not good


def challenge_of(answer):
    return answer["WWW-Authenticate"]


def test_a_bad_key_is_challenged_in_its_own_scheme(server):
    ApiKeySecret.objects.update(revoked_at=timezone.now())
    answer = server.get("tokens/")
    assert_refused(answer, 401, "invalid_token", "The credentials were not accepted.")
    assert challenge_of(answer) == 'Api-Key realm="token_issuer", error="invalid_token"'


def test_every_refused_key_looks_the_same(rooms, user):
    at = timezone.now()
    unknown = of(rooms)
    ApiKeySecret.objects.all().delete()
    mistyped = of(rooms)
    mistyped.headers["Authorization"] += "x"
    bad = [
        unknown,
        mistyped,
        of(rooms, revoked_at=at),
        of(rooms, expires_at=at),
        of(rooms, networks=["192.0.2.0/24"]),
        of(rooms, acts_as=UserFactory(is_active=False)),
        of(ApplicationFactory(disabled_at=at)),
    ]
    answers = [each.get("tokens/", **{"X-Request-ID": "same"}) for each in bad]
    assert {(answer.status_code, answer.content, challenge_of(answer)) for answer in answers} == {
        (401, answers[0].content, challenge_of(answers[0]))
    }


@pytest.mark.parametrize("value", ["Api-Key prefix.of-another-package", "Api-Key", "Api-Key  ", "Basic YTpi"])
def test_what_is_not_ours_is_nobody(nobody, value):
    answer = nobody.get("tokens/", Authorization=value)
    assert_refused(answer, 401, "not_authenticated")
    assert 'Api-Key realm="token_issuer"' in challenge_of(answer)
    assert 'Session realm="token_issuer"' in challenge_of(answer)


def test_a_key_in_the_address_is_refused(server, nobody):
    credential = server.headers["Authorization"].partition(" ")[2]
    for name in ("after", "key", "x"):
        answer = nobody.get(f"tokens/?{name}={credential}")
        assert answer.status_code == 400
        assert credential not in answer.content.decode()


def test_the_secret_is_in_no_log(server, user, caplog):
    caplog.set_level("DEBUG")
    server.issue(on_behalf_of=user.pk)
    ApiKey.objects.update(revoked_at=timezone.now())
    server.get("tokens/")
    assert not any("tis_" in str(vars(record)) for record in caplog.records)


# Where it comes from


def test_a_trusted_proxy_says_where_the_server_is(rooms, configure):
    bound = of(rooms, "tokens:issue", networks=["198.51.100.0/24"])
    forwarded = {"X-Forwarded-For": "198.51.100.7"}
    assert bound.get("tokens/", **forwarded).status_code == 401
    configure(TRUSTED_PROXIES=["127.0.0.0/8"])
    assert bound.get("tokens/", **forwarded).status_code == 200
    assert bound.get("tokens/", **{"X-Forwarded-For": "198.51.100.7, 203.0.113.1"}).status_code == 401


@pytest.mark.parametrize("kept", ["off", "truncated"])
def test_what_the_audit_keeps_of_an_address_changes_nothing(rooms, configure, kept):
    configure(AUDIT_NETWORK=kept)
    assert of(rooms, "tokens:issue", networks=["127.0.0.1/32"]).get("tokens/").status_code == 200
    assert of(rooms, "tokens:issue", networks=["127.0.0.0/32"]).get("tokens/").status_code == 401


# Scopes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "applications/"),
        ("post", ISSUE),
        ("post", f"{ISSUE}explain/"),
        ("post", "applications/rooms/one-time-keys/"),
        ("get", "tokens/"),
        ("get", "tokens/019aa5c2-5a3e-7c41-9a5e-0f7c1c3c8a11/"),
        ("post", "tokens/019aa5c2-5a3e-7c41-9a5e-0f7c1c3c8a11/revoke/"),
        ("post", "tokens/revoke-mine/"),
    ],
)
def test_every_call_takes_a_scope(rooms, method, path):
    answer = getattr(of(rooms, "tokens:introspect"), method)(path)
    assert_refused(answer, 403, "policy_denied", reason="scope_missing")
    assert challenge_of(answer) == 'Api-Key realm="token_issuer", error="insufficient_scope"'


def test_a_key_that_may_only_revoke_issues_and_lists_nothing(rooms, user):
    revoker = of(rooms, "tokens:revoke")
    answers = [revoker.issue(on_behalf_of=user.pk), revoker.get("tokens/"), revoker.get("applications/")]
    assert [answer.json()["reason"] for answer in answers] == ["scope_missing"] * 3


# What it sees and ends


def test_it_is_shown_its_one_application(server):
    ApplicationFactory(slug="halls", ready=True)
    assert [found["slug"] for found in server.get("applications/").json()["applications"]] == ["rooms"]


@pytest.fixture
def tokens(rooms, server, user):
    """Made by the server; by another key of its application; by a session; in another application."""
    key = ApiKey.objects.get()
    certificate = rooms.certificates.get()
    return {
        "own": IssuedTokenFactory(certificate=certificate, api_key=key, expires_at=timezone.now() + timedelta(days=1)),
        "colleague": IssuedTokenFactory(certificate=certificate, api_key=api_key(application=rooms)[0]),
        "session": IssuedTokenFactory(certificate=certificate, user=user),
        "elsewhere": IssuedTokenFactory(),
    }


def test_it_lists_what_it_issued(server, tokens):
    found = server.get("tokens/").json()["results"]
    assert [row["token_id"] for row in found] == [str(tokens["own"].pk)]
    assert server.get(f"tokens/{tokens['own'].pk}/").status_code == 200


@pytest.mark.parametrize("whose", ["colleague", "session", "elsewhere"])
def test_what_belongs_to_others_is_not_there(server, tokens, whose):
    same = {"X-Request-ID": "same"}
    for pk in (tokens[whose].pk, uuid7()):
        answers = [server.get(f"tokens/{pk}/", **same), server.post(f"tokens/{pk}/revoke/", **same)]
        assert [(answer.status_code, answer.json()["error_description"]) for answer in answers] == [
            (404, "There is no such token.")
        ] * 2
    assert not IssuedToken.objects.filter(revoked_at__isnull=False).exists()


def test_with_the_scope_it_ends_tokens_of_its_application(rooms, tokens):
    revoker = of(rooms, "tokens:revoke")
    statuses = {whose: revoker.post(f"tokens/{row.pk}/revoke/").status_code for whose, row in tokens.items()}
    assert statuses == {"own": 200, "colleague": 200, "session": 200, "elsewhere": 404}


def test_ending_all_ends_what_it_issued(server, tokens):
    assert server.post("tokens/revoke-mine/").json()["live"] == 1
    live = IssuedToken.objects.live(tokens["own"].issued_at)
    assert {row.pk for row in live} == {tokens[whose].pk for whose in ("colleague", "session", "elsewhere")}


# What it costs


def test_a_key_costs_a_select_and_an_update_a_minute(server, user):
    """With the user's own: key, its use, user, application, rules, row."""
    with counted(6):
        server.issue(on_behalf_of=user.pk)
    with counted(5):
        server.issue(on_behalf_of=user.pk)


def test_garbage_costs_nothing(server):
    server.headers["Authorization"] = "Api-Key ak_0000000000000000000000.tis_" + "0" * 49
    with counted(0):
        assert server.get("tokens/").status_code == 401


# Rotating


def test_a_rotation_interrupts_nobody(rooms, user):
    key, old = api_key(application=rooms)
    person = Caller(user=user, origin=Origin.ADMIN)
    new = api_keys.rotate(person, key, overlap=3600, at=timezone.now()).reveal()
    assert [Server(key, secret).get("tokens/").status_code for secret in (old, new)] == [200, 200]
    last = api_keys.rotate(person, key, overlap=0, at=timezone.now()).reveal()
    assert [Server(key, secret).get("tokens/").status_code for secret in (old, new, last)] == [401, 401, 200]


# What a server signs is for the site's own views


@pytest.fixture
def signed(rooms):
    key, secret = api_key(application=rooms, may_sign=True)
    now = int(time.time())
    claims = {"apikey": key.public_id, "permissions": ["tokens:issue"], "iat": now, "exp": now + 60}
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"}


def test_what_a_server_signed_opens_nothing_here(nobody, signed):
    assert_refused(nobody.get("tokens/", **signed), 401, "not_authenticated")


def test_not_even_where_a_site_lists_its_class(nobody, signed, configure):
    configure(AUTHENTICATION_CLASSES=[SELF_SIGNED])
    assert_refused(nobody.get("tokens/", **signed), 401, "invalid_token")
