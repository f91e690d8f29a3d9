"""Tokens of applications, and what an API key can do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.client.issuer import API_KEY, API_SECRET, LOGIN_KEY, lose_answer, say
from token_issuer.client import (
    BadRequest,
    ConfigurationError,
    Denied,
    KeyRefused,
    MemoryStore,
    RateLimited,
    ServerUnavailable,
    SignedOut,
)

KEY = {"api_key": API_KEY, "api_secret": API_SECRET}
ROOMS = "/issuer/applications/rooms/tokens/"


@pytest.fixture
def server(client):
    """A client with an API key."""
    return client(**KEY)


def test_a_token_is_issued_for_the_api_key(server, issuer):
    token = server.issue("rooms", channel="room-42", on_behalf_of="17")
    (seen,) = issuer.calls(ROOMS)
    assert seen.authorization == f"Api-Key {API_KEY}.{API_SECRET}"
    assert json.loads(seen.body) == {"channel": "room-42", "on_behalf_of": "17"}
    assert issuer.is_good(token.reveal())


def test_durations_and_sets_are_written_as_the_server_reads_them(server, issuer):
    server.issue("rooms", lifetime=timedelta(minutes=10), permissions={"b", "a"}, nested={"slots": frozenset({1})})
    assert json.loads(issuer.seen[0].body) == {
        "lifetime": 600, "nested": {"slots": [1]}, "permissions": ["a", "b"],
    }  # fmt: skip


@pytest.mark.parametrize("value", [object(), float("nan"), b"bytes", {object()}])
def test_what_json_cannot_say_is_refused(server, issuer, value):
    with pytest.raises(ConfigurationError, match="A grant's values"):
        server.issue("rooms", channel=value)
    assert issuer.seen == []


def test_an_application_is_one_part_of_the_path(server, issuer):
    server.issue("a/../b?c#d")
    assert issuer.seen[0].path == "/issuer/applications/a%2F..%2Fb%3Fc%23d/tokens/"


def test_what_the_answer_tells_is_there(server):
    token = server.issue("rooms", channel="room-42")
    assert token.sdk == {"token": token.reveal(), "channel": "room-42"}
    assert token.details["application"] == "rooms"
    assert token.scope == {"a", "b"}
    assert token.details.keys().isdisjoint({"token", "sdk", "refresh_token"})


@pytest.mark.parametrize(
    ("privileges", "scope"), [(["join", "talk"], {"join", "talk"}), (None, set()), ("join", set())]
)
def test_where_there_are_no_scopes_privileges_are_told(server, issuer, privileges, scope):
    issuer.extra = {"scope": None, "privileges": privileges}
    assert server.issue("rooms").scope == scope


def test_what_sdk_gives_is_the_callers(server):
    token = server.issue("rooms", channel="room-42")
    token.sdk["channel"] = "another"
    token.details["application"] = "another"
    assert (token.sdk["channel"], token.details["application"]) == ("room-42", "rooms")


def test_an_end_that_the_server_tells_is_told(server, issuer):
    issuer.extra = {"expires_at": "2026-11-21T10:00:00Z", "refresh_expires_at": "2026-12-21T12:00:00+02:00"}
    token = server.issue("own")
    assert token.expires_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert token.refresh_expires_at == datetime(2026, 12, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize("told", ["soon", "2026-11-21T10:00:00", 5, None])
def test_an_end_that_makes_no_sense_is_counted(server, issuer, told):
    issuer.extra = {"expires_at": told}
    assert server.issue("rooms").expires_at > datetime(2026, 9, 21, 15, tzinfo=UTC)


def test_the_end_of_a_refresh_token_is_counted_where_only_its_life_is_told(server, issuer):
    issuer.extra = {"refresh_expires_in": 7200}
    token = server.issue("own")
    assert token.refresh_expires_at - token.expires_at == timedelta(hours=1)


def test_a_token_without_a_refresh_token_has_none(server):
    token = server.issue("rooms")
    assert (token.refresh, token.refresh_expires_at) == (None, None)


def test_a_holder_issues_with_the_access_token(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    holder.issue("rooms")
    assert issuer.calls(ROOMS)[0].authorization == f"Bearer {holder.get().reveal()}"


def test_a_holders_refused_call_is_made_once_more_with_another_token(client, issuer):
    holder = client(refresh_token=issuer.sign_in())
    holder.get()
    issuer.forget_access_tokens()
    assert holder.issue("rooms").is_valid()
    assert len(issuer.calls(ROOMS)) == 2


def test_who_signs_in_with_a_pair_has_its_access_token_too(client, issuer, server):
    holder = client()
    pair = server.issue("own")
    holder.sign_in(pair)
    assert holder.get().reveal() == pair.reveal()
    assert issuer.refreshes == []


def test_what_somebody_signed_in_with_is_refreshed(client, issuer, server, time):
    holder = client()
    pair = server.issue("own")
    holder.sign_in(pair)
    time.pass_by(3600)
    assert holder.get().refresh.reveal() == pair.refresh.reveal().replace(".0", ".1")


def test_a_login_key_begins_a_holder(client, issuer):
    holder = client()
    holder.sign_in(holder.redeem(LOGIN_KEY))
    assert holder.request("GET", "/api/thing").status_code == 200


def test_a_login_key_is_redeemed_as_nobody(server, issuer):
    with pytest.raises(Denied, match="invalid_token"):
        server.redeem("til_another")
    assert issuer.seen[0].authorization == ""


def test_a_login_key_is_not_sent_again(client, issuer):
    issuer.trouble.append(lose_answer)
    with pytest.raises(ServerUnavailable):
        client().redeem(LOGIN_KEY)
    assert len(issuer.seen) == 1


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (400, {"error": "malformed_body"}, BadRequest, "malformed_body", r"\(malformed_body\)"),
        (401, {"error": "invalid_token"}, KeyRefused, "invalid_client", "API key"),
        (401, "who are you", KeyRefused, "invalid_client", "API key"),
        (403, {"error": "policy_denied", "reason": "not a member!"}, Denied, "policy_denied", "not a member!"),
        (403, {"error": "application_disabled"}, Denied, "application_disabled", "says no: application_disabled"),
        (403, {"error": "insecure_transport"}, Denied, "insecure_transport", "insecure_transport"),
        (403, {"error": "csrf_failed"}, Denied, "csrf_failed", "csrf_failed"),
        (403, "forbidden", Denied, "http_403", "http_403"),
        (404, {"error": "not_found"}, BadRequest, "not_found", "not_found"),
        (404, "<html>", BadRequest, "invalid_request", r"\(404\)"),
        (429, {"error": "rate_limited", "retry_after": 7}, RateLimited, "rate_limited", "Too many"),
        (500, "oops", ServerUnavailable, "unavailable", r"\(500\)"),
        (502, {"error": "vendor_unavailable"}, ServerUnavailable, "vendor_unavailable", "vendor_unavailable"),
        (503, {"error": "no_active_certificate"}, ServerUnavailable, "no_active_certificate", "no_active_certificate"),
        (302, "moved", ServerUnavailable, "redirected", r"\(302\).*base address"),
        (200, "<html>", ServerUnavailable, "unexpected_answer", "not a token"),
        (201, [1], ServerUnavailable, "unexpected_answer", "not a token"),
        (201, "[" * 100_000, ServerUnavailable, "unexpected_answer", "not a token"),
    ],
)
def test_a_refusal_is_a_typed_error(server, issuer, status, body, kind, code, message):
    issuer.trouble.append(say(status, body))
    with pytest.raises(kind, match=message) as refused:
        server.issue("rooms")
    assert type(refused.value) is kind
    assert refused.value.code == code


def test_a_denial_has_its_reason(server, issuer):
    issuer.trouble.append(say(403, {"error": "policy_denied", "reason": "not_a_member", "request_id": "r-1"}))
    with pytest.raises(Denied) as refused:
        server.issue("rooms")
    assert (refused.value.reason, refused.value.request_id) == ("not_a_member", "r-1")


def test_wrong_fields_are_named_and_their_sentences_kept(server, issuer):
    told = {"channel": ["too long"], "?": "odd"}
    issuer.trouble.append(say(400, {"error": "invalid_request", "fields": told, "error_description": "No."}))
    with pytest.raises(BadRequest, match=r"wrong: \?, channel\.") as refused:
        server.issue("rooms")
    assert refused.value.fields == {"channel": ["too long"], "?": ["odd"]}
    assert refused.value.description == "No."


@pytest.mark.parametrize("request_id", ["x" * 65, "a b", 5, None, ["r"]])
def test_a_request_id_that_is_none_is_left_out(server, issuer, request_id):
    issuer.trouble.append(say(503, {"error": "unavailable", "request_id": request_id}))
    with pytest.raises(ServerUnavailable) as refused:
        server.issue("rooms")
    assert refused.value.request_id == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"token": ""},
        {"token": 5},
        {"token": "two words"},
        {"token": "line\nbreak"},
        {"token": "t", "expires_in": 0},
        {"token": "t", "expires_in": -1},
        {"token": "t", "expires_in": True},
        {"token": "t", "expires_in": "3600"},
        {"token": "t", "expires_in": 5, "refresh_token": 1},
        {"token": "t", "expires_in": 5, "renew_in": "1"},
        {"token": "t"},
    ],
)
def test_an_answer_that_is_no_token_is_none(server, issuer, fields):
    issuer.trouble.append(say(201, fields))
    with pytest.raises(ServerUnavailable, match="not a token"):
        server.issue("rooms")


@pytest.mark.parametrize("life", ["NaN", "Infinity", "1e999"])
def test_a_life_without_end_is_no_life(server, issuer, life):
    issuer.trouble.append(say(201, f'{{"token": "t", "expires_in": {life}}}'))
    with pytest.raises(ServerUnavailable, match="not a token"):
        server.issue("rooms")


def test_an_answer_that_is_too_big_is_none(server, issuer):
    issuer.trouble.append(say(201, " " * 1_100_000))
    with pytest.raises(ServerUnavailable, match="did not answer"):
        server.issue("rooms")


# -------------------------------------------------------------------------------------------------------- sources


def test_a_source_asks_again_when_its_token_is_due(server, issuer, time):
    rooms = server.source("rooms", channel="room-42")
    assert rooms.get() is rooms.get()
    time.pass_by(3570)
    rooms.get()
    assert [json.loads(seen.body) for seen in issuer.calls(ROOMS)] == [{"channel": "room-42"}] * 2


def test_a_source_of_what_cannot_be_renewed_asks_when_it_has_ended(server, issuer, time):
    once = server.source("once")
    token = once.get()
    time.pass_by(3599)
    assert once.get() is token
    time.pass_by(1)
    assert once.get() is not token


def test_a_source_whose_token_comes_with_a_refresh_token_refreshes(server, issuer, time):
    own = server.source("own")
    own.get()
    time.pass_by(3600)
    own.get()
    assert len(issuer.calls("/issuer/applications/own/tokens/")) == 1
    assert issuer.refreshes[0].authorization.startswith("Basic ")


def test_a_source_begins_anew_when_its_family_has_ended(server, issuer, time):
    own = server.source("own")
    issuer.close(own.get().refresh.reveal())
    time.pass_by(3600)
    assert own.get().is_valid()
    assert len(issuer.calls("/issuer/applications/own/tokens/")) == 2


def test_a_source_of_a_holder_asks_with_the_access_token(client, issuer):
    rooms = client(refresh_token=issuer.sign_in()).source("rooms")
    assert rooms.get().is_valid()
    assert len(issuer.refreshes) == 1


def test_a_source_of_who_is_signed_out_has_nothing(client):
    with pytest.raises(SignedOut):
        client().source("rooms").get()


def test_a_source_keeps_its_token_where_it_is_told(server, client, issuer):
    store = MemoryStore()
    token = server.source("rooms", store=store, channel="a").get()
    assert client(**KEY).source("rooms", store=store, channel="a").get().reveal() == token.reveal()
    with pytest.raises(ConfigurationError, match="another server, API key or application"):
        server.source("rooms", store=store, channel="b").get()


# ------------------------------------------------------------------------------------------------------- API keys


def test_an_api_key_gets_its_own_access_token(client, issuer):
    token = client(**KEY, scopes=["tokens:issue", "reports"]).get()
    assert issuer.refreshes[0].form == {"grant_type": "client_credentials", "scope": "reports tokens:issue"}
    assert (issuer.is_good(token.reveal()), token.refresh) == (True, None)


def test_an_api_keys_token_is_asked_for_again(server, issuer, time):
    server.get()
    time.pass_by(3570)
    server.get()
    assert [seen.form["grant_type"] for seen in issuer.refreshes] == ["client_credentials"] * 2


def test_a_server_may_hold_somebodys_refresh_token(client, issuer):
    token = client(**KEY, refresh_token=issuer.sign_in()).get()
    assert token.refresh is not None
    assert issuer.refreshes[0].authorization.startswith("Basic ")


def test_a_wrong_secret_is_told(client):
    with pytest.raises(KeyRefused, match="API key"):
        client(api_key=API_KEY, api_secret="tis_wrong").get()


def test_introspection_asks_the_server(server, issuer):
    token = server.issue("rooms")
    assert server.introspect(token) == {"active": True}
    assert server.introspect("unknown") == {"active": False}


def test_introspection_needs_an_api_key(client):
    with pytest.raises(ConfigurationError, match="Introspection needs"):
        client().introspect("x")


def test_an_introspection_that_says_nothing_is_an_error(server, issuer):
    issuer.trouble.append(say(200, {"active": "yes"}))
    with pytest.raises(ServerUnavailable, match="not an introspection"):
        server.introspect("x")


@pytest.mark.parametrize("form", [lambda token: token, lambda token: token.reveal()], ids=["token", "text"])
def test_a_token_is_revoked(server, issuer, form):
    token = server.issue("rooms")
    server.revoke(form(token))
    assert not issuer.is_good(token.reveal())


def test_a_refresh_token_is_revoked_with_its_family(server, issuer):
    token = server.issue("own")
    server.revoke(token.refresh)
    assert not issuer.is_good(token.reveal())


@pytest.mark.parametrize("thing", [None, 5, b"x"])
def test_what_is_no_token_is_not_sent(server, issuer, thing):
    with pytest.raises(TypeError, match="a token is a text or something that reveals one, not"):
        server.revoke(thing)
    assert issuer.seen == []
