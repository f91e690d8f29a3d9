"""VocalStack: every recording of the vendor's own package, and what is never sent, read or handed out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from example_project.standins.vocalstack import VocalStack
from tests.providers.orders import order
from tests.vectors import by_id, load_vectors
from token_issuer import transport
from token_issuer.crypto import Secret
from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate, TokenMalformed, VendorUnavailable
from token_issuer.providers import fields
from token_issuer.providers.called import VendorRequest, VendorResponse
from token_issuer.providers.vocalstack import VocalStackGrant, VocalStackOptions, VocalStackProvider
from token_issuer.testing import CalledConformance

RECORDED = load_vectors("vocalstack.json")
BY_ID = {vector["id"]: vector for vector in RECORDED["vectors"]}
CALLS = [vector for vector in RECORDED["vectors"] if vector["kind"] == "generate_token" and vector["request"]]
WRONG = ("vocal-over-max-is-sent", "vocal-bad-access-is-sent")  # the vendor's package sends what the vendor forbids
KEY = "KEY_TEST"
PROVIDER = VocalStackProvider()
GRANT = VocalStackGrant(user="user-1")


def ordered(grant: VocalStackGrant = GRANT, *, lifetime: int = 10, url: str | None = None, key: str = KEY) -> Any:
    options = VocalStackOptions() if url is None else VocalStackOptions(api_url=url)
    return order(grant, public_id="speech", parts={"api_key": key}, options=options, lifetime=lifetime)


def answered(body: object = None, *, status: int = 200, **headers: str) -> VendorResponse:
    """An answer; header names with underscores, and the version of the recordings unless another is given."""
    named = {"x_api_version": "1.1.0", **headers}
    return VendorResponse(
        status=status,
        reason="",
        headers={name.replace("_", "-"): value for name, value in named.items()},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


def recorded_response(vector: dict[str, Any]) -> VendorResponse:
    said = vector["response"]
    return VendorResponse(
        status=said["status"],
        reason="",
        headers={name.lower(): value for name, value in said["headers"].items()},
        body=said["body"].encode(),
    )


def refusal(response: VendorResponse, *, key: str = KEY) -> VendorUnavailable:
    with pytest.raises(VendorUnavailable) as refused:
        PROVIDER.read(ordered(key=key), response)
    return refused.value


# The recordings


def test_every_recording_is_used_here():
    others = {"vocal-browser-refused", "vocal-client-uses-auth-token"}
    assert {vector["id"] for vector in CALLS} | others == BY_ID.keys()
    assert len(BY_ID) == 15


@pytest.mark.parametrize("vector", by_id([vector for vector in CALLS if vector["id"] not in WRONG]))
def test_a_request_is_the_recorded_one(vector):
    """What the recording leaves out is sent as the documented default, which means the same."""
    defaults, options = RECORDED["defaults_documented"], vector["input"]["options"] or {}
    chosen = {**defaults, **options}
    grant = VocalStackGrant(access=chosen["access"], one_time=chosen["one_time"], user="user-1")
    request, recorded = PROVIDER.request(ordered(grant, lifetime=chosen["lifetime_s"])), vector["request"]
    assert (request.method, request.url) == (recorded["method"], RECORDED["production_base_url"] + recorded["path"])
    assert {name.lower(): value for name, value in request.headers.items()} == recorded["headers"]
    assert request.values == {}
    left_out = [(name, value) for name, value in request.query if name not in options]
    assert urlencode([pair for pair in request.query if pair not in left_out]) == recorded["query"]
    assert dict(left_out) == {name: wire(value) for name, value in defaults.items() if name not in options}


def wire(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(("name", "grant"), [("vocal-full", True), ("vocal-readonly-multi-use", False)])
def test_the_whole_query_is_byte_for_byte_the_recorded_one(name, grant):
    options = BY_ID[name]["input"]["options"]
    made = VocalStackGrant(access=options["access"], one_time=options["one_time"], user="user-1")
    assert (
        urlencode(PROVIDER.request(ordered(made, lifetime=options["lifetime_s"])).query)
        == BY_ID[name]["request"]["query"]
    )


def test_the_defaults_and_limits_are_the_documented_ones():
    limits, documented = PROVIDER.lifetimes, RECORDED["defaults_documented"]
    assert [limits.minimum, limits.maximum] == RECORDED["limits_documented"]["lifetime_s"]
    assert (limits.default, GRANT.access, GRANT.one_time) == (
        documented["lifetime_s"],
        documented["access"],
        documented["one_time"],
    )
    assert VocalStackOptions().api_url == RECORDED["production_base_url"]


@pytest.mark.parametrize("name", WRONG)
def test_what_the_vendors_package_sends_unchecked_is_never_sent(name):
    options = dict(BY_ID[name]["input"]["options"])
    lifetime = options.pop("lifetime_s", 10)
    with pytest.raises(BadGrant) as refused:
        PROVIDER.request(ordered(replace(GRANT, **options), lifetime=lifetime))
    assert refused.value.field == {"vocal-over-max-is-sent": "lifetime", "vocal-bad-access-is-sent": "access"}[name]


@pytest.mark.parametrize("vector", by_id([vector for vector in CALLS if vector["result"]["success"]]))
def test_a_recorded_success_is_a_token(vector):
    made = PROVIDER.read(ordered(), recorded_response(vector))
    assert (made.value, made.format, made.expires_at) == (vector["result"]["data"], "vocalstack", None)


TOLD = {
    "vocal-401": ("refused", True, "VocalStack refused: 401 Unauthorized."),
    "vocal-403": ("refused", True, "VocalStack refused: 403 Forbidden."),
    "vocal-no-version-header": ("garbled", False, "VocalStack's answer does not name the version of its API."),
    "vocal-discontinued": (
        "refused",
        True,
        "VocalStack no longer supports version 1.1.0 of its API: a newer django-token-issuer is needed.",
    ),
    "vocal-older-server": (
        "refused",
        True,
        "VocalStack's API is at version 1.0.9, and at least 1.1.0 is expected.",
    ),
    "vocal-status-error": ("failed", False, "VocalStack could not make a token: an error occurred."),
}


@pytest.mark.parametrize("vector", by_id([vector for vector in CALLS if not vector["result"]["success"]]))
def test_a_recorded_failure_is_told_with_its_reason(vector):
    error = refusal(recorded_response(vector))
    assert (error.reason, error.final, error.message) == TOLD[vector["id"]]


def test_the_key_is_not_for_browsers(stand_in):
    """``vocal-browser-refused``: the vendor's package refuses there. Here nothing a page can send reaches the call."""
    assert BY_ID["vocal-browser-refused"]["request"] is None
    preflight = httpx.get(f"{stand_in.url}/security/generate-token", headers={"Origin": "https://site.example"})
    assert "access-control-allow-origin" not in preflight.headers


def test_a_client_uses_the_token_as_recorded(stand_in):
    """``vocal-client-uses-auth-token``: the vendor's package, given ``sdk``, sends this."""
    vector = BY_ID["vocal-client-uses-auth-token"]
    made = PROVIDER.read(
        made_order := ordered(VocalStackGrant(access="readwrite", user="user-1"), url=stand_in.url), asked(made_order)
    )
    recorded = vector["request"]
    headers = {**recorded["headers"], "authorization": f"Bearer {PROVIDER.sdk(made, GRANT)['authToken']}"}
    assert recorded["headers"]["authorization"] == f"Bearer {vector['input']['auth_token']}"
    url = f"{stand_in.url}{recorded['path']}?{recorded['query']}"
    first, second = (httpx.request(recorded["method"], url, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, vector["result"]["status"])
    assert second.status_code == HTTPStatus.UNAUTHORIZED  # it was good once


# The stand-in, over real connections


@pytest.fixture
def stand_in() -> Iterator[VocalStack]:
    with VocalStack(api_key=KEY) as server:
        yield server


def asked(made_order: Any) -> VendorResponse:
    return transport.send(PROVIDER.request(made_order), deadline=2)


def test_a_token_comes_through(stand_in):
    made_order = ordered(url=stand_in.url)
    assert PROVIDER.read(made_order, asked(made_order)).value in stand_in.given


@pytest.mark.parametrize(
    ("mode", "reason"), [("refuse", "refused"), ("fail", "failed"), ("garbage", "garbled"), ("drop", "dropped")]
)
def test_trouble_has_its_word(stand_in, mode, reason):
    stand_in.mode = mode
    made_order = ordered(url=stand_in.url)
    with pytest.raises(VendorUnavailable) as refused:
        PROVIDER.read(made_order, asked(made_order))
    assert (refused.value.reason, len(stand_in.orders)) == (reason, 1)


def test_a_readonly_token_reads_and_does_not_transcribe(stand_in):
    made_order = ordered(replace(GRANT, one_time=False), url=stand_in.url)
    bearer = {"Authorization": f"Bearer {PROVIDER.read(made_order, asked(made_order)).value}"}
    assert httpx.get(f"{stand_in.url}/data", headers=bearer).status_code == HTTPStatus.OK
    assert httpx.post(f"{stand_in.url}/async/transcribe/url", headers=bearer).status_code == HTTPStatus.FORBIDDEN


def test_the_stand_in_takes_one_key(stand_in):
    made_order = ordered(url=stand_in.url, key="another-key")
    assert refusal(asked(made_order), key="another-key").message == "VocalStack refused: 401 Unauthorized."


# What it makes of other answers


@pytest.mark.parametrize("version", ["1.1.0", "1.1.1", "1.2.0", "2.0.0", "1.10.0", " 1.1.0 "])
def test_this_version_and_later_ones_are_read(version):
    assert PROVIDER.read(ordered(), answered({"status": "done", "data": "tok"}, x_api_version=version)).value == "tok"


@pytest.mark.parametrize(("version", "reason"), [("1.0.99", "refused"), ("0.9.0", "refused"), ("0.99.99", "refused")])
def test_earlier_ones_are_not(version, reason):
    assert refusal(answered({"status": "done", "data": "tok"}, x_api_version=version)).reason == reason


@pytest.mark.parametrize(
    "version", ["", "1.1", "v1.1.0", "1.1.0-beta", "1.1.0, 1.1.0", "\u0662.\u0660.\u0660", "9" * 4400 + ".0.0"]
)
def test_a_version_that_is_none(version):
    assert refusal(answered({"status": "done", "data": "tok"}, x_api_version=version)).reason == "garbled"


@pytest.mark.parametrize(
    "body", [{"data": {"status": "done", "data": "tok"}}, {"status": "done", "data": {"status": "done", "data": "tok"}}]
)
def test_the_nested_shape_is_read_too(body):
    assert PROVIDER.read(ordered(), answered(body)).value == "tok"


@pytest.mark.parametrize("body", [{"status": "error"}, {"data": {"status": "error", "data": "tok"}}])
def test_an_error_at_either_level_is_one(body):
    assert refusal(answered(body)).reason == "failed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"<html>",
        b"[" * 100_000,
        None,
        [],
        "tok",
        {},
        {"data": "tok"},
        {"status": "processing", "data": "tok"},
        {"status": "done"},
        {"status": "done", "data": None},
        {"status": "done", "data": 7},
        {"status": "done", "data": ["tok"]},
        {"status": "done", "data": {"data": {"status": "done", "data": "tok"}}},
        {"status": "done", "data": ""},
        {"status": "done", "data": "two words"},
        {"status": "done", "data": "line\n"},
        {"status": "done", "data": "tök"},
        {"status": "done", "data": "\ud800"},
        {"status": "done", "data": "x" * 4097},
        {"status": "done", "data": KEY},
        {"status": "done", "data": f"tok_{KEY}"},
    ],
    ids=range(23),
)
def test_an_answer_without_a_token_is_garbled_and_not_quoted(body):
    error = refusal(answered(body))
    assert (error.reason, error.__context__, error.__cause__) == ("garbled", None, None)
    assert not any(word in error.message for word in (KEY, "two words", "html", "xxx"))


def test_the_longest_token_is_taken():
    assert len(PROVIDER.read(ordered(), answered({"status": "done", "data": "x" * 4096})).value) == 4096


@pytest.mark.parametrize(
    ("status", "reason", "final"),
    [(302, "garbled", False), (304, "garbled", False), (400, "refused", True), (404, "refused", True),
     (408, "refused", False), (429, "refused", False), (499, "refused", True), (500, "failed", False),
     (503, "failed", False), (599, "failed", False)],
)  # fmt: skip
def test_a_status_that_is_no_success(status, reason, final):
    error = refusal(answered({"status": "done", "data": "tok"}, status=status))
    assert (error.reason, error.final) == (reason, final)
    assert str(status) in error.message


# What is never sent


@pytest.mark.parametrize("lifetime", [-1, 0, 121, 86_400])
def test_a_lifetime_outside_the_limits_is_not_sent(lifetime):
    with pytest.raises(BadGrant, match=r"^lifetime: must be 1 to 120 seconds$"):
        PROVIDER.request(ordered(lifetime=lifetime))


@pytest.mark.parametrize("lifetime", [1, 120])
def test_the_limits_themselves_are(lifetime):
    assert ("lifetime_s", str(lifetime)) in PROVIDER.request(ordered(lifetime=lifetime)).query


@pytest.mark.parametrize(
    "body", [{"access": "admin"}, {"one_time": "true"}, {"one_time": 1}, {"user": "user-2"}, {"lifetime_s": 5}]
)
def test_a_body_that_is_none_is_refused(body):
    with pytest.raises(BadGrant):
        fields.parse(VocalStackGrant, body)


def test_without_a_subject_nothing_is_sent():
    with pytest.raises(BadGrant, match="must be filled in"):
        PROVIDER.request(ordered(VocalStackGrant()))


def test_without_a_key_nothing_is_sent():
    with pytest.raises(NoActiveCertificate, match="'call'"):
        PROVIDER.request(replace(ordered(), secret=None))


@pytest.mark.parametrize("key", ["", "short", "x" * 513, "two words", "newline\n", "clé-clé-clé", "key\0key\0"])
def test_a_key_that_cannot_be_sent_is_not_entered(key):
    with pytest.raises(BadOption, match=r"^api_key: must be 8 to 512 printable ASCII") as refused:
        PROVIDER.check_secret("call", {"api_key": key})
    assert not key or key not in str(refused.value)


@pytest.mark.parametrize(
    ("purpose", "parts"), [("sign", {"api_key": KEY}), ("call", {}), ("call", {"api_key": KEY, "more": "x"})]
)
def test_a_secret_of_another_kind_is_not_entered(purpose, parts):
    with pytest.raises(BadOption):
        PROVIDER.check_secret(purpose, parts)


@pytest.mark.parametrize("name", ["", "two words", "é", "x" * 256])
def test_a_name_that_is_none(name):
    with pytest.raises(BadOption, match=r"^public_id: "):
        PROVIDER.check_public_id(name)


@pytest.mark.parametrize("url", ["http://api.vocalstack.com", "https://a.example/?key=1", "", "https://a.example/"])
def test_a_stand_in_answers_over_https_or_on_this_machine(url):
    with pytest.raises(BadOption, match=r"^api_url: "):
        VocalStackOptions(api_url=url)


def test_the_key_is_no_part_of_what_is_shown():
    request = PROVIDER.request(ordered())
    assert KEY not in f"{request!r} {request.url} {request.query}"


# What it says of a token


@pytest.mark.parametrize("grant", [GRANT, replace(GRANT, one_time=False)])
def test_a_token_that_works_more_than_once_needs_its_own_word(grant):
    assert grant.privileges == ({"readonly"} if grant.one_time else {"readonly", "reusable"})
    assert PROVIDER.is_one_time(grant) is grant.one_time


def test_readwrite_implies_readonly():
    assert PROVIDER.implied(frozenset({"readwrite"})) == {"readwrite", "readonly"}


def test_the_text_says_nothing():
    with pytest.raises(TokenMalformed, match="say nothing"):
        PROVIDER.inspect("tok_TEST")
    with pytest.raises(TokenMalformed, match="say nothing"):
        PROVIDER.verify("tok_TEST", secrets=[("ours", Secret(api_key=KEY))], expected=None)


class TestConformance(CalledConformance):
    provider = PROVIDER
    public_id = "speech"
    secret = {"api_key": "the-api-key-of-this-site"}
    other_secret = {"api_key": "another-api-key-of-this-site"}
    subject, other_subject = "user-1", "user-2"
    narrowest = frozenset({"readonly"})
    grants = (
        VocalStackGrant(),
        VocalStackGrant(access="readwrite"),
        VocalStackGrant(access="readwrite", one_time=False),
    )
    refusals = (
        answered({"message": "no"}, status=401),
        answered({"status": "error", "data": None}),
        answered({"status": "done", "data": "tok"}, x_api_version="1.0.9"),
    )

    def answer(self, request: VendorRequest) -> VendorResponse:
        return answered({"status": "done", "data": "tok_TEST"})
