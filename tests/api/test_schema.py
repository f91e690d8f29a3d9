"""The OpenAPI document says what is true: it is valid, it is committed, and real bodies and answers fit it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.machines import FORM, Machine
from tests.factories import ApplicationFactory, RuleFactory, api_key, caller
from token_issuer.api.errors import STATUSES
from token_issuer.api.oauth_errors import CODES
from token_issuer.api.schema import document, drop_in_paths
from token_issuer.api.spellings import MEDIA_TYPE
from token_issuer.models import Origin
from token_issuer.registry import providers
from token_issuer.services import issuing
from token_issuer.urls import urlpatterns

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def fits(value: object, component: str) -> bool:
    found = document()
    schema = {"$ref": f"#/components/schemas/{component}", "components": found["components"]}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(value)


def test_it_is_valid():
    OpenAPIV31SpecValidator(document()).validate()


def test_it_is_the_committed_one():
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == document()


def test_every_address_is_in_it():
    ours = {str(pattern.pattern).replace("<str:", "{").replace(">", "}") for pattern in urlpatterns if pattern.name}
    assert {path.removeprefix("/") for path in document()["paths"].keys() - drop_in_paths().keys()} == ours


def test_every_method_is_in_it():
    for pattern in urlpatterns:
        if pattern.name:
            path = "/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}")
            methods = {name for name in ("get", "post") if hasattr(vars(pattern.callback)["cls"], name)}
            assert set(document()["paths"][path]) == methods


def calls_of(oauth: bool) -> dict:
    """The paths of the standard endpoints, or the others."""
    return {path: item for path, item in document()["paths"].items() if path.startswith("/oauth/") is oauth}


def test_every_code_is_in_it():
    found = document()
    assert found["components"]["schemas"]["Error"]["properties"]["error"]["enum"] == [*STATUSES]
    told = {
        (int(status), code)
        for item in calls_of(oauth=False).values()
        for call in item.values()
        for status, answer in call["responses"].items()
        if int(status) >= 400
        for code in answer["description"].split(", ")
    }
    assert told <= {(status, code) for code, status in STATUSES.items()}
    assert {code for _, code in told} == set(STATUSES)


def test_every_call_wants_a_credential_and_every_change_of_a_session_its_proof():
    paths = calls_of(oauth=False)
    redeeming = paths.pop("/one-time-keys/redeem/")
    assert redeeming["post"]["security"] == [{}, {"csrf": []}]
    for item in paths.values():
        for method, call in item.items():
            session: dict[str, list] = {"session": [], "csrf": []} if method == "post" else {"session": []}
            assert call["security"] == [session, {"access_token": []}, {"api_key": []}]


def test_the_standard_endpoints_speak_the_standards_words():
    codes = document()["components"]["schemas"]["OAuthError"]["properties"]["error"]["enum"]
    assert codes == sorted(CODES)
    calls = [item["post"] for item in calls_of(oauth=True).values()]
    told = {
        code
        for call in calls
        for status, answer in call["responses"].items()
        if status != "200"
        for code in answer["description"].split(", ")
    }
    assert told == CODES
    assert all([*call["requestBody"]["content"]] == [FORM] for call in calls)


def test_nobody_introspects_without_credentials():
    assert document()["paths"]["/oauth/introspect/"]["post"]["security"] == [{"client": []}]


def test_real_answers_of_the_standard_endpoints_fit(own, user):
    key, secret = api_key(application=own, scopes=["tokens:issue", "tokens:introspect"])
    server = Machine(key.public_id, secret)
    made = server.post("token", grant_type="client_credentials").json()
    assert fits(made, "OAuthToken")
    pair = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=timezone.now())
    assert pair.pair is not None
    text = pair.pair.refresh_token.reveal()
    assert fits(Machine().refresh(text).json(), "OAuthToken")
    for token in (made["access_token"], text, "x"):
        assert fits(server.post("introspect", token=token).json(), "Introspection")
    assert fits(server.post("introspect").json(), "OAuthError")
    server.headers["Accept"] = MEDIA_TYPE
    assert fits(server.post("token", grant_type="client_credentials").json(), "LoginTokens")


def test_a_pair_fits(own, browser):
    own.options = {"browser_pairs": True}
    own.save()
    answer = browser.post("applications/own/tokens/", {}).json()
    assert "refresh_expires_at" in answer
    assert fits(answer, "Issuance")


def test_a_body_is_one_of_closed_kinds_and_none_is_told_apart_by_a_field():
    schemas = document()["components"]["schemas"]
    kinds = [kind["$ref"].rpartition("/")[2] for kind in schemas["TokenRequest"]["anyOf"]]
    assert kinds == [f"TokenRequest_{name}" for name in sorted(providers())]
    assert all(schemas[kind]["additionalProperties"] is False for kind in kinds)
    assert "discriminator" not in json.dumps(schemas)
    assert "oneOf" not in json.dumps(schemas)


def test_without_a_provider_no_body_fits(configure):
    configure(PROVIDERS={"remove": [*providers()]})
    OpenAPIV31SpecValidator(document()).validate()
    assert not fits({}, "TokenRequest")


@pytest.mark.parametrize(
    ("body", "component"),
    [
        ({"channel": "a", "role": "publisher", "lifetime": 600, "slot": 3}, "TokenRequest"),
        ({"roomId": "a", "permissions": ["ask_join"], "lifetime": "10m"}, "TokenRequest"),
        ({"scope": "tokens:issue", "lifetime": "1h"}, "TokenRequest"),
        ({"access": "readwrite", "one_time": False, "lifetime": 120}, "TokenRequest"),
        ({"login_key": "k"}, "TokenRequest"),
        ({}, "TokenRequest"),
        ({}, "RevocationRequest"),
        ({"reason": "lost"}, "RevocationRequest"),
    ],
)
def test_good_bodies_fit(body, component):
    assert fits(body, component)


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "a", "uid": 7},
        {"channel": "a", "roomId": "a"},
        {"channel": "a", "lifetime": 0},
        {"channel": "a", "lifetime": True},
        {"channel": "a", "slot": 16},
        {"roomId": "a", "participantId": "b"},
        {"scope": "a", "sub": "b"},
        {"scope": " a"},
        {"scope": "a  b"},
        {"scope": "a", "access": "readonly"},
        {"access": "readonly", "lifetime": 121},
        {"login_key": "k", "lifetime": 300},
        {"login_key": "k", "slot": 0},
    ],
)
def test_bad_bodies_do_not(body):
    assert not fits(body, "TokenRequest")


def test_real_answers_fit(browser, nobody, rooms, calls):
    rooms.rules.update(limit=5, window=60)
    RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant"), privileges=["login"])
    made = [browser.issue().json(), browser.issue("calls", channel="a").json()]
    for answer in made:
        assert fits(answer, "Issuance")
    token_id = made[0]["token_id"]
    assert fits(browser.get("applications/").json(), "Applications")
    assert fits(browser.post("applications/rooms/tokens/explain/", {"roomId": "a"}).json(), "Explanation")
    assert fits(browser.post("applications/rooms/tokens/explain/", {}).json(), "Explanation")
    assert fits(browser.get("tokens/").json(), "Tokens")
    assert fits(browser.get(f"tokens/{token_id}/").json(), "Token")
    assert fits(browser.post(f"tokens/{token_id}/revoke/").json(), "Ending")
    assert fits(browser.get(f"tokens/{token_id}/").json(), "Token")
    assert fits(browser.post("tokens/revoke-mine/").json(), "SetEnding")


def test_real_refusals_fit_and_are_announced(browser, nobody, rooms):
    ApplicationFactory(slug="closed", ready=True)
    refused = [
        ("/applications/{slug}/tokens/", "post", nobody.issue()),
        ("/applications/{slug}/tokens/", "post", browser.issue("closed")),
        ("/applications/{slug}/tokens/", "post", browser.issue(room="a")),
        ("/applications/{slug}/tokens/", "post", browser.issue("nowhere")),
        ("/applications/{slug}/tokens/", "post", browser.send("applications/rooms/tokens/", "[")),
        ("/applications/{slug}/tokens/", "post", browser.send("applications/rooms/tokens/", "a", kind="text/plain")),
        ("/tokens/", "get", browser.get("tokens/?standing=dead")),
        ("/tokens/{token_id}/", "get", browser.get("tokens/x/")),
        ("/tokens/revoke-mine/", "post", browser.get("tokens/revoke-mine/")),
    ]
    for path, method, response in refused:
        assert fits(response.json(), "Error")
        announced = document()["paths"][path][method]["responses"]
        assert response.json()["error"] in announced[str(response.status_code)]["description"].split(", ")
