"""What vendors are told of a revocation: the bytes that arrive, and how their answers read."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from example_project.standins import pushing as standins
from example_project.standins.server import StandIn
from token_issuer import transport
from token_issuer.crypto import Secret
from token_issuer.errors import BadOption, VendorUnavailable
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import AgoraOptions
from token_issuer.providers.called import CallOrder, RevokedToken, VendorResponse
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.providers.videosdk.pushing import VideoSDKOptions

AT = datetime(2026, 1, 1, tzinfo=UTC)
APP_ID = "0123456789abcdef0123456789ABCDEF"
SECRET = "0f1e2d3c4b5a69780f1e2d3c4b5a6978"
CREDENTIALS = {"customer_id": "aladdin", "customer_secret": "open sesame".replace(" ", "-")}
TOKEN = RevokedToken(subject="16", resource="room-42", privileges=frozenset({"subscriber"}), remaining=600)
PARTICIPANT = replace(TOKEN, subject="user-1", privileges=frozenset({"allow_join"}))

agora, videosdk = AgoraProvider(), VideoSDKProvider()


def agora_order(**options: Any) -> CallOrder:
    made = AgoraOptions(**options)
    return CallOrder(public_id=APP_ID, options=made, at=AT, entropy=bytes(32), secret=Secret(**CREDENTIALS))


def videosdk_order(**options: Any) -> CallOrder:
    made = VideoSDKOptions(**options)
    return CallOrder(public_id="key-1", options=made, at=AT, entropy=bytes(32), secret=Secret(secret=SECRET))


def response(status: int = 200, body: bytes = b"{}") -> VendorResponse:
    return VendorResponse(status=status, reason="whatever", body=body)


# Agora


def test_agora_gets_a_rule_for_this_user_in_this_channel():
    with StandIn(standins.agora) as vendor:
        answer = transport.send(agora.push_request(agora_order(api_url=vendor.url), TOKEN))
    (asked,) = vendor.asked
    agora.read_push(answer)
    assert (asked.method, asked.path) == ("POST", "/dev/v1/kicking-rule")
    # RFC 7617: the pair of its example, with a hyphen.
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"aladdin:open-sesame").decode()
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == (
        b'{"appid":"0123456789abcdef0123456789ABCDEF","cname":"room-42","uid":16,"time_in_seconds":630,'
        b'"privileges":["join_channel"]}'
    )


@pytest.mark.parametrize(("remaining", "seconds"), [(86_400, 86_430), (86_500, 86_430), (1, 31), (-40, 10)])
def test_a_ban_outlives_the_token_by_what_a_clock_may_be_behind(remaining, seconds):
    request = agora.push_request(agora_order(), replace(TOKEN, remaining=remaining))
    assert request.values["time_in_seconds"] == seconds


def test_a_project_may_only_remove():
    request = agora.push_request(agora_order(on_revocation="remove"), TOKEN)
    assert request.values["time_in_seconds"] == 0


def test_a_token_for_any_channel_keeps_its_user_out_of_all():
    request = agora.push_request(agora_order(), replace(TOKEN, resource=""))
    assert "cname" not in request.values
    assert request.values["uid"] == 16


@pytest.mark.parametrize(
    ("subject", "resource", "told"),
    [
        ("16", "room-42", True),
        ("4294967295", "room-42", True),
        ("16", "", True),
        ("4294967296", "room-42", False),
        ("0", "room-42", False),  # a rule for the channel alone would keep everybody out
        ("", "room-42", False),
        ("016", "room-42", False),
        ("alice", "room-42", False),
        ("16", "room-*", False),  # a rule takes "*" for a character
    ],
)
def test_of_whom_agora_is_told(subject, resource, told):
    token = replace(TOKEN, subject=subject, resource=resource)
    assert agora.tells(AgoraOptions(), token) is told


def test_users_that_are_accounts_have_no_uid():
    assert not agora.tells(AgoraOptions(subject="account"), TOKEN)


@pytest.mark.parametrize(
    ("options", "privileges", "out"),
    [
        ({}, {"subscriber"}, True),
        ({}, {"publisher", "rtm"}, False),
        ({}, {"publisher", "chat"}, False),
        ({"on_revocation": "remove"}, {"subscriber"}, False),
    ],
)
def test_what_a_rule_really_ends(options, privileges, out):
    assert agora.keeps_out(AgoraOptions(**options), replace(TOKEN, privileges=frozenset(privileges))) is out


def test_agoras_sentence_says_what_happens():
    assert "keeps them out" in agora.push_sentence(AgoraOptions(), TOKEN)
    assert "can join again" in agora.push_sentence(AgoraOptions(on_revocation="remove"), TOKEN)


def test_agoras_yes():
    agora.read_push(response(body=b'{"status": "success", "id": 1953}'))


@pytest.mark.parametrize(
    ("status", "body", "reason", "final"),
    [
        (400, b'{"message": "invalid appid aladdin:open-sesame"}', "refused", True),
        (404, b"", "refused", True),
        (415, b"", "refused", True),
        (401, b"", "refused", False),  # credentials can be put right while a push waits
        (403, b"", "refused", False),
        (429, b"", "refused", False),
        (500, b"", "failed", False),
        (504, b"", "failed", False),
        (302, b"", "refused", False),
        (200, b"oops", "garbled", False),
        (200, b"[]", "garbled", False),
        (200, b'{"status": "failed"}', "garbled", False),
        (200, b"[" * 100_000, "garbled", False),
    ],
)
def test_agoras_no(status, body, reason, final):
    with pytest.raises(VendorUnavailable) as caught:
        agora.read_push(response(status, body))
    assert (caught.value.reason, caught.value.final) == (reason, final)
    assert "aladdin" not in str(caught.value)


def test_a_refusal_says_what_it_means():
    with pytest.raises(VendorUnavailable, match=r"^Agora answered 401: it does not know the App ID, the customer ID"):
        agora.read_push(response(401))
    with pytest.raises(VendorUnavailable, match=r"^Agora answered 418\.$"):
        agora.read_push(response(418))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("customer_id", ""),
        ("customer_id", "a:b"),
        ("customer_id", "a b"),
        ("customer_id", "ä"),
        ("customer_id", "a\n"),
        ("customer_secret", ""),
        ("customer_secret", "a\tb"),
        ("customer_secret", "x" * 256),
    ],
)
def test_what_cannot_be_agoras_credentials(part, value):
    with pytest.raises(BadOption) as caught:
        agora.check_secret("call", {**CREDENTIALS, part: value})
    assert caught.value.field == part
    assert not value or value not in str(caught.value)


def test_agoras_credentials_are_two():
    agora.check_secret("call", CREDENTIALS)
    agora.check_secret("call", {**CREDENTIALS, "customer_secret": "a:b"})
    for parts in ({}, {"customer_id": "x"}, {**CREDENTIALS, "more": "x"}):
        with pytest.raises(BadOption):
            agora.check_secret("call", parts)


@pytest.mark.parametrize("options_class", [AgoraOptions, VideoSDKOptions])
def test_secrets_go_over_tls(options_class):
    with pytest.raises(BadOption, match=r"^api_url: must begin with https://"):
        options_class(api_url="http://api.example.com")


# VideoSDK


def test_videosdk_removes_the_participant():
    with StandIn(standins.videosdk) as vendor:
        answer = transport.send(videosdk.push_request(videosdk_order(api_url=vendor.url), PARTICIPANT))
    (asked,) = vendor.asked
    videosdk.read_push(answer)
    assert (asked.method, asked.path) == ("POST", "/v2/sessions/participants/remove")
    assert asked.body == b'{"participantId":"user-1","roomId":"room-42"}'
    assert asked.headers["content-type"] == "application/json"


def test_videosdk_gets_a_short_token_as_it_is():
    header = videosdk.push_request(videosdk_order(), PARTICIPANT).headers["Authorization"]
    claims = jwt.decode(header, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims == {
        "apikey": "key-1",
        "permissions": ["allow_join"],
        "version": 2,
        "roles": ["crawler"],
        "iat": 1767225600,
        "exp": 1767225720,
    }


def test_videosdk_may_end_the_session():
    with StandIn(standins.videosdk) as vendor:
        order = videosdk_order(api_url=vendor.url, on_revocation="end_session")
        videosdk.read_push(transport.send(videosdk.push_request(order, replace(PARTICIPANT, for_all=True))))
    (asked,) = vendor.asked
    assert (asked.path, asked.body) == ("/v2/sessions/end", b'{"roomId":"room-42"}')


@pytest.mark.parametrize("on_revocation", ["remove", "end_session"])
def test_the_others_stay_when_it_is_ones_own(on_revocation):
    order = videosdk_order(on_revocation=on_revocation)
    assert videosdk.push_request(order, PARTICIPANT).url.endswith("/participants/remove")
    assert "removes this participant" in videosdk.push_sentence(order.options, PARTICIPANT)


def test_videosdk_is_told_where_there_is_a_room():
    assert videosdk.tells(VideoSDKOptions(), PARTICIPANT)
    assert not videosdk.tells(VideoSDKOptions(), replace(PARTICIPANT, resource=""))


@pytest.mark.parametrize("on_revocation", ["remove", "end_session"])
def test_videosdk_keeps_nobody_out(on_revocation):
    options = VideoSDKOptions(on_revocation=on_revocation)
    assert not videosdk.keeps_out(options, PARTICIPANT)
    assert "until it expires" in videosdk.push_sentence(options, PARTICIPANT)


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [
        (400, "refused", True),
        (401, "refused", False),
        (403, "refused", False),
        (409, "refused", False),
        (429, "refused", False),
        (500, "failed", False),
    ],
)
def test_videosdks_no(status, reason, final):
    with pytest.raises(VendorUnavailable, match=f"^VideoSDK answered {status}") as caught:
        videosdk.read_push(response(status))
    assert (caught.value.reason, caught.value.final) == (reason, final)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_videosdks_yes(status):
    videosdk.read_push(response(status, b""))


@pytest.mark.parametrize("status", [402, 404])
def test_nobody_is_there_to_be_removed(status):
    videosdk.read_push(response(status, b'{"message": "not found"}'))


@pytest.mark.parametrize(("status", "body"), [(402, b""), (404, b"<html>"), (404, b"[]")])
def test_another_servers_page_is_no_answer_of_videosdks(status, body):
    with pytest.raises(VendorUnavailable) as caught:
        videosdk.read_push(response(status, body))
    assert not caught.value.final


@pytest.mark.parametrize(
    "request_",
    [agora.push_request(agora_order(), TOKEN), videosdk.push_request(videosdk_order(), PARTICIPANT)],
    ids=["agora", "videosdk"],
)
def test_no_secret_shows(request_):
    shown = f"{request_} {request_!r} {agora_order()!r} {videosdk_order()!r}"
    for secret in (SECRET, *CREDENTIALS.values(), *request_.headers.values()):
        assert secret not in shown
