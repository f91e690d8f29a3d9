"""Calls to Voximplant's Management API beside those of its own client for Node.js."""

from __future__ import annotations

import base64
from email import message_from_bytes
from email.policy import HTTP
from random import Random
from typing import Any

import pytest

from tests.peers.node import ask, version
from tests.providers.management_key import ACCOUNT_ID, KEY_ID, NOW, call_order, parsed, private_key
from token_issuer.formats import jws
from token_issuer.providers.called import VendorRequest
from token_issuer.providers.voximplant import VoximplantProvider

pytestmark = pytest.mark.peers

LETTERS = "aB3$:|&=+%\"';ä漢😀"
CREDENTIALS: dict[str, object] = {"account_email": "a@b.example", "account_id": int(ACCOUNT_ID), "key_id": KEY_ID}

voximplant = VoximplantProvider()


def test_the_profile_is_this_versions():
    assert version("@voximplant/apiclient-nodejs") == "4.11.0"


def question(number: int) -> dict[str, Any]:
    rng = Random(f"node {number}")
    create = number % 2 == 0
    name, password = f"user-{number}", "".join(rng.choices(LETTERS, k=rng.randint(8, 40)))
    request: dict[str, object] = {"userName": name, "userPassword": password}
    request |= {"userDisplayName": name} if create else {}
    request |= {"applicationId": number} if rng.random() < 0.5 else {"applicationName": "someapplication"}
    return {"command": "addUser" if create else "setUserInfo", "request": request}


ASKED = [question(number) for number in range(1, 21)]


@pytest.fixture(scope="module")
def theirs() -> list[dict[str, Any]]:
    credentials = {**CREDENTIALS, "private_key": private_key()}
    return ask("voximplant_apiclient.cjs", [{"credentials": credentials, "now": NOW, **one} for one in ASKED])


def ours(one: dict[str, Any]) -> VendorRequest:
    request = one["request"]
    order = call_order(api_profile="node", application_id=request.get("applicationId"))
    return voximplant.provision_request(
        order, subject=request["userName"], password=request["userPassword"], create=one["command"] == "addUser"
    )


def fields(answer: dict[str, Any]) -> dict[str, str]:
    head = f"Content-Type: {answer['type']}\r\n\r\n".encode()
    message: Any = message_from_bytes(head + base64.b64decode(answer["body"]), policy=HTTP)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


def test_both_say_the_same_of_themselves(theirs: list[dict[str, Any]]):
    tokens = [answer["authorization"].removeprefix("Bearer ") for answer in theirs]
    our_tokens = [ours(one).headers["Authorization"].removeprefix("Bearer ") for one in ASKED]
    assert [jws.read(token) for token in our_tokens] == [jws.read(token) for token in tokens]
    # RS256 is deterministic (RFC 8017 section 8.2) and we write the header in the order of this client.
    assert our_tokens == tokens


def test_our_key_verifies_their_tokens(theirs: list[dict[str, Any]]):
    key = parsed().verifying_key.key
    assert all(
        jws.verify(answer["authorization"].removeprefix("Bearer "), algorithm="RS256", key=key) for answer in theirs
    )


def test_both_send_the_same_form_to_the_same_place(theirs: list[dict[str, Any]]):
    our_requests = [ours(one) for one in ASKED]
    assert [(request.method, request.url) for request in our_requests] == [
        (answer["method"].upper(), answer["url"]) for answer in theirs
    ]
    assert [{name: str(value) for name, value in request.values.items()} for request in our_requests] == [
        fields(answer) for answer in theirs
    ]
