"""The notes: each kind of token opens what it is meant for, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from example_project.notes.models import LONGEST_TEXT, Note
from tests.example_project.conftest import person
from tests.factories import caller
from token_issuer import issue, revoke
from token_issuer.models import Application
from token_issuer.services import api_keys, login_keys
from token_issuer.services.api_key_drafts import ApiKeyDraft

pytestmark = pytest.mark.django_db(transaction=True)

API, LATEST, UPLOAD, CENSUS = "/notes/api/", "/notes/latest/", "/notes/upload/", "/notes/census/"
READ, COUNT = "notes:read", "notes:count"


@pytest.fixture(autouse=True)
def _demo(demo):
    """The filled site."""


def call(method: str, path: str, authorization: str = "", body: object = None) -> Any:
    """A call without cookies: what it presents is all there is."""
    data = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    headers = {"Authorization": authorization} if authorization else {}
    return Client().generic(method, path, data if body is not None else "", content_type=kind, headers=headers)


def access(name: str = "guest", scope: str = "notes:read notes:write") -> str:
    return f"Bearer {issue(person(name), 'api', scope=scope).token.reveal()}"


def one_time(access: str = "readwrite") -> str:
    return f"Bearer {issue(person('guest'), 'uploads', access=access).token.reveal()}"


def server(*scopes: str, **draft: Any) -> tuple[str, str]:
    """A new API key's public id and secret."""
    terms = ApiKeyDraft(purpose="a test", scopes=scopes, may_sign=True, **draft)
    key, text = api_keys.create(caller(person("admin")), Application.objects.get(slug="api"), terms, at=timezone.now())
    return key.public_id, text.reveal()


def api_key(*scopes: str, **draft: Any) -> str:
    return "Api-Key {}.{}".format(*server(*scopes, **draft))


def self_signed(*scopes: str) -> str:
    public_id, secret = server(*scopes)
    at = int(time.time())
    claims = {"apikey": public_id, "permissions": list(scopes), "iat": at, "exp": at + 60}
    return f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"


def refresh_token() -> str:
    pair = issue(person("guest"), "api", scope=READ).pair
    assert pair is not None
    return f"Bearer {pair.refresh_token.reveal()}"


def login_key() -> str:
    made = login_keys.make(caller(person("guest")), "api", body={"scope": READ}, at=timezone.now())
    return f"Bearer {made.text.reveal()}"


def vendor_token() -> str:
    return f"Bearer {issue(person('guest'), 'rooms', channel='room-42').token.reveal()}"


KINDS: dict[str, tuple[Callable[[], str], dict[str, int]]] = {
    "nothing": (str, {}),
    "an access token": (access, {API: 200, LATEST: 200}),
    "a one-time token": (one_time, {UPLOAD: 200}),
    "an API key": (lambda: api_key(COUNT), {CENSUS: 200, API: 403}),
    "what a server signed": (lambda: self_signed(COUNT), {CENSUS: 200}),
    "a refresh token": (refresh_token, {}),
    "a login key": (login_key, {}),
    "a vendor's token": (vendor_token, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_opens_what_it_is_meant_for_and_nothing_else(kind):
    credential, opens = KINDS[kind]
    found = {path: call("GET", path, credential()).status_code for path in (API, LATEST, UPLOAD, CENSUS)}
    assert found == {API: 401, LATEST: 401, UPLOAD: 401, CENSUS: 401, **opens}


def test_people_see_their_own_notes(demo):
    assert [note["text"] for note in call("GET", API, access("host")).json()] == [
        "Bring the adapter for the projector."
    ]
    assert call("GET", LATEST, access("host")).content == b"Bring the adapter for the projector."
    assert call("GET", LATEST, access("outsider", "notes:read")).content == b""


def test_writing_takes_its_own_scope():
    refused = call("POST", API, access(scope="notes:read"), {"text": "Buy milk"})
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (
        403,
        'Bearer realm="token_issuer", error="insufficient_scope", scope="notes:write"',
    )
    assert call("POST", API, access(scope="notes:write"), {"text": "Buy milk"}).status_code == 201
    assert Note.objects.first() == person("guest").notes.get(text="Buy milk")


def test_reading_takes_its_own_scope():
    assert call("GET", API, access(scope="notes:write")).status_code == 403
    assert call("GET", LATEST, access(scope="notes:write")).status_code == 403


def test_a_session_opens_none_of_it(client):
    client.force_login(person("guest"))
    assert [client.get(path).status_code for path in (API, LATEST, UPLOAD, CENSUS)] == [401] * 4


def test_what_was_ended_opens_nothing():
    issuance = issue(person("guest"), "api", scope="notes:read")
    revoke(issuance.token_id, reason="lost")
    refused = call("GET", API, f"Bearer {issuance.token.reveal()}")
    assert (refused.status_code, 'error="invalid_token"' in refused.headers["WWW-Authenticate"]) == (401, True)


def test_a_server_that_is_nobody_has_no_notes_and_one_that_acts_as_somebody_has_his():
    assert call("GET", API, api_key(READ)).status_code == 403
    assert len(call("GET", API, api_key(READ, acts_as=person("guest"))).json()) == 1


def test_a_server_sees_how_many_notes_everybody_has():
    rows = call("GET", CENSUS, api_key(COUNT)).json()
    assert {row["name"]: row["notes"] for row in rows} == {"host": 1, "guest": 1, "outsider": 0, "admin": 0}
    assert rows[0]["user"] == person(rows[0]["name"]).pk


def test_the_census_takes_its_scope_from_servers_too():
    assert call("GET", CENSUS, api_key("tokens:issue")).status_code == 403
    assert call("GET", CENSUS, self_signed("tokens:issue")).status_code == 403


def test_a_note_is_left_with_a_one_time_token_once():
    token = one_time()
    assert call("POST", UPLOAD, token, "Call back").json() == {"notes": 2}
    assert call("POST", UPLOAD, token, "Call back again").status_code == 401
    assert person("guest").notes.count() == 2


def test_a_readonly_token_leaves_nothing_and_is_not_used_up_by_trying():
    token = one_time("readonly")
    assert call("POST", UPLOAD, token, "Call back").status_code == 403
    assert call("GET", UPLOAD, token).json() == {"notes": 1}


@pytest.mark.parametrize("text", ["", " ", "\0", "x" * (LONGEST_TEXT + 1)])
def test_a_one_time_token_stays_used_when_the_note_is_refused(text):
    token = one_time()
    assert call("POST", UPLOAD, token, text).status_code == 400
    assert call("POST", UPLOAD, token, "Call back").status_code == 401


def test_the_page_is_for_whoever_is_signed_in(client):
    assert client.get("/notes/").headers["Location"] == "/sign-in/?next=/notes/"
    client.force_login(person("guest"))
    assert "notes/page.js" in client.get("/notes/").content.decode()


def test_others_verify_access_tokens_with_the_published_key(client):
    issuer = client.get("/.well-known/oauth-authorization-server").json()
    (key,) = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").json()).keys
    text = access().removeprefix("Bearer ")
    claims = jwt.decode(text, key, algorithms=["EdDSA"], audience=issuer["issuer"], issuer=issuer["issuer"])
    assert claims["scope"] == "notes:read notes:write"
