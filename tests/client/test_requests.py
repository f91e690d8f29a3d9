"""Requests that carry the access token."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.client.issuer import lose_answer, say
from token_issuer.client import AsyncClient, Client, ConfigurationError, Denied, ServerUnavailable, SignedOut

UNAUTHORIZED = say(401, {"error": "invalid_token"})


@pytest.fixture
def holder(client, issuer):
    return client(refresh_token=issuer.sign_in())


def asked(issuer, path="/api/thing"):
    return [seen.authorization for seen in issuer.calls(path)]


def test_a_request_carries_the_token(holder, issuer):
    answer = holder.request("POST", "/api/thing", json={"a": 1})
    assert answer.json() == {"path": "/api/thing", "body": '{"a":1}'}
    assert asked(issuer) == [f"Bearer {holder.get().reveal()}"]


def test_an_address_is_relative_to_the_base(holder, issuer):
    assert holder.request("POST", "oauth/introspect", data={"token": "x"}).json() == {"active": False}


def test_a_refused_request_is_sent_once_more_with_another_token(holder, issuer):
    holder.get()
    issuer.forget_access_tokens()
    assert holder.request("POST", "/api/thing", content=b"body").json()["body"] == "body"
    first, second = asked(issuer)
    assert first != second


def test_a_request_that_is_refused_again_is_answered_so(holder, issuer):
    issuer.trouble.extend([lambda handler: handler.act(), UNAUTHORIZED, lambda handler: handler.act(), UNAUTHORIZED])
    assert holder.request("GET", "/api/thing").status_code == 401
    assert len(asked(issuer)) == 2


def test_a_server_that_always_refuses_does_not_cost_a_refresh_each_time(holder, issuer, time):
    holder.get()
    for _ in range(4):
        holder_answers(holder, issuer)
    assert len(issuer.refreshes) == 2
    time.pass_by(60)
    holder_answers(holder, issuer)
    assert len(issuer.refreshes) == 3


def holder_answers(holder, issuer):
    """A request to something that accepts nobody."""
    assert holder.request("GET", "/somewhere/else").status_code == 401


def test_without_auto_refresh_a_refusal_is_the_answer(client, issuer):
    holder = client(refresh_token=issuer.sign_in(), auto_refresh=False)
    holder.refresh()
    issuer.forget_access_tokens()
    assert holder.request("GET", "/api/thing").status_code == 401
    assert len(issuer.refreshes) == 1


def test_who_was_revoked_is_signed_out_by_the_refusal(holder, issuer):
    issuer.close(holder.get().refresh.reveal())
    with pytest.raises(SignedOut):
        holder.request("GET", "/api/thing")


def test_a_redirect_is_not_followed(holder, issuer):
    holder.get()
    issuer.trouble.append(say(307, {}, Location="/api/other"))
    assert holder.request("GET", "/api/thing").status_code == 307
    assert issuer.calls("/api/other") == []


def test_no_cookie_is_kept(holder, issuer):
    for _ in range(2):
        holder.request("GET", "/api/thing")
    assert {seen.cookie for seen in issuer.seen} == {""}


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/",
        "http://127.0.0.1:1/",
        "//elsewhere.example/",
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
    ],
)
def test_the_token_does_not_go_elsewhere(holder, issuer, address):
    with pytest.raises(ConfigurationError):
        holder.request("GET", address)
    assert issuer.seen == []


def test_the_token_goes_where_the_program_says(client, issuer, time):
    from tests.client.issuer import Issuer, running

    with running(Issuer()) as other:
        origin = other.address.removesuffix("/issuer/")
        holder = client(refresh_token=issuer.sign_in(), origins=[origin])
        assert holder.request("GET", f"{origin}/somewhere").status_code == 401
        assert other.seen[0].authorization.startswith("Bearer access.")


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "client_secret", "Access_Token"])
def test_a_credential_in_an_address_is_refused_by_its_name(holder, issuer, name):
    with pytest.raises(ConfigurationError, match="never goes into an address"):
        holder.request("GET", "/api/thing", params={name: "x"})
    assert issuer.seen == []


@pytest.mark.parametrize("text", ["tir_abc", "tio_abc", "til_abc", "tis_abc", "ak_0123456789abcdefghijAB.tis_x"])
def test_a_credential_in_an_address_is_refused_by_its_look(holder, text):
    with pytest.raises(ConfigurationError, match="never goes into an address"):
        holder.request("GET", f"/api/thing?q={text}")


def test_other_parameters_pass(holder):
    assert holder.request("GET", "/api/thing?q=tired", params={"page": 2}).status_code == 200


def test_a_server_that_does_not_answer_is_unavailable(holder, issuer):
    holder.get()
    issuer.trouble.append(lose_answer)
    with pytest.raises(ServerUnavailable, match=r"\((RemoteProtocolError|ReadError)\)"):
        holder.request("GET", "/api/thing")


def test_nothing_of_the_token_stays_on_an_answer(holder, issuer):
    holder.get()
    issuer.forget_access_tokens()
    answer = holder.request("GET", "/api/thing")
    requests = [one.request for one in (*answer.history, answer)]
    assert len(requests) == 2
    assert [request.headers.get("Authorization") for request in requests] == [None, None]


def test_a_client_of_httpx_may_use_the_token(issuer, time):
    with (
        Client(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder,
        httpx.Client(auth=holder.auth, base_url=issuer.address) as http,
    ):
        http.get("/../api/thing").raise_for_status()
        issuer.forget_access_tokens()
        assert http.get("/../api/thing").status_code == 200


def test_an_asynchronous_client_of_httpx_may_use_the_token(issuer, time):
    async def main():
        async with (
            AsyncClient(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder,
            httpx.AsyncClient(auth=holder.auth) as http,
        ):
            return (await http.get(issuer.address.replace("issuer", "api"))).status_code

    assert asyncio.run(main()) == 200


def test_a_redirect_that_httpx_follows_leaves_no_token_behind(issuer, time):
    with (
        Client(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder,
        httpx.Client(auth=holder.auth, follow_redirects=True) as http,
    ):
        holder.get()
        issuer.trouble.append(say(302, {}, Location="/api/other"))
        answer = http.get(issuer.address.replace("issuer", "api"))
    assert len(issuer.calls("/api/other")) == 1
    assert "Authorization" not in answer.request.headers


def test_an_exception_of_httpx_has_no_token(issuer, time):
    with (
        Client(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder,
        httpx.Client(auth=holder.auth) as http,
    ):
        holder.get()
        issuer.trouble.append(lose_answer)
        with pytest.raises(httpx.TransportError) as failed:
            http.get(issuer.address.replace("issuer", "api"))
    assert "Authorization" not in failed.value.request.headers


def test_a_streamed_body_is_not_sent_twice(holder, issuer, kind):
    holder.get()
    issuer.forget_access_tokens()
    body = iter([b"a", b"b"]) if kind == "threads" else astream()
    assert holder.request("POST", "/api/thing", content=body, headers={"Content-Length": "2"}).status_code == 401
    assert holder.request("POST", "/api/thing").status_code == 200


async def astream():
    yield b"a"
    yield b"b"


def test_the_auth_of_one_kind_is_not_for_the_other(issuer):
    with Client(issuer.address) as one, httpx.Client() as http:
        with pytest.raises(ConfigurationError, match=r"the auth of a Client\."):
            http.get(issuer.address, auth=AsyncClient(issuer.address).auth)
        with pytest.raises(ConfigurationError, match=r"the auth of an AsyncClient\."):
            one.auth.async_auth_flow(httpx.Request("GET", issuer.address))


def test_a_denied_issue_call_of_a_holder_is_no_sign_out(holder, issuer):
    issuer.trouble.extend([lambda handler: handler.act(), UNAUTHORIZED, lambda handler: handler.act(), UNAUTHORIZED])
    with pytest.raises(Denied, match="invalid_token"):
        holder.issue("rooms")
    assert holder.get().is_valid()
