"""Our HS256 codec beside VideoSDK's own server package, which signs by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.peers import random_values
from tests.peers.node import ask
from tests.peers.test_jsonwebtoken import NOW, signed
from tests.providers.test_pushing import PARTICIPANT, SECRET, videosdk_order
from token_issuer.errors import TokenMalformed
from token_issuer.formats import jwt_hs256
from token_issuer.providers.videosdk import VideoSDKProvider

pytestmark = pytest.mark.peers


def question(number: int) -> dict[str, Any]:
    rng = Random(f"sdk {number}")
    return {
        "api_key": random_values.text(rng) + "k",
        "secret": random_values.text(rng) + "s",
        "participant": random_values.text(rng),
        "room": random_values.text(rng),
        "grants": rng.sample(["allow_join", "ask_join", "allow_mod"], rng.randint(0, 3)),
        "api": rng.random() < 0.3,
        "lifetime": rng.randint(1, 86_400),
        "claims": {f"x{place}": random_values.json_value(rng) for place in range(rng.randint(0, 2))},
    }


def expected(one: dict[str, Any]) -> dict[str, Any]:
    """The claims that the package writes for this question, in its order."""
    found = {
        "apikey": one["api_key"],
        # Known default of the package: whoever names no right gets a moderator's.
        "permissions": one["grants"] or ["allow_join", "allow_mod"],
        "version": 2,
        "roles": ["crawler"] if one["api"] else ["rtc"],
        **one["claims"],
    }
    found |= {name: one[key] for name, key in (("participantId", "participant"), ("roomId", "room")) if one[key]}
    return {**found, "iat": NOW, "exp": NOW + one["lifetime"]}


ASKED = [question(number) for number in range(random_values.COUNT)]


def server_sdk(operation: str, questions: list[dict[str, Any]]) -> list[Any]:
    return ask("server_sdk.cjs", [{"op": operation, "now": NOW, **one} for one in questions])


def test_both_write_the_same_text():
    assert [jwt_hs256.encode(expected(one), key=one["secret"]) for one in ASKED] == server_sdk("build", ASKED)


def test_we_read_and_verify_what_they_wrote():
    tokens = server_sdk("build", ASKED)
    assert [jwt_hs256.read(token) for token in tokens] == [
        ({"alg": "HS256", "typ": "JWT"}, expected(one)) for one in ASKED
    ]
    assert all(jwt_hs256.verify(token, key=one["secret"]) for token, one in zip(tokens, ASKED, strict=True))


def test_they_read_and_verify_what_we_wrote():
    found = server_sdk(
        "verify",
        [{"token": jwt_hs256.encode(expected(one), key=one["secret"]), "secret": one["secret"]} for one in ASKED],
    )
    assert found == [expected(one) for one in ASKED]


def test_neither_verifies_with_another_secret():
    token = jwt_hs256.encode(expected(ASKED[0]), key=ASKED[0]["secret"])
    assert server_sdk("verify", [{"token": token, "secret": "other"}]) == [{"error": "Invalid token signature"}]
    assert not jwt_hs256.verify(token, key="other")


@pytest.mark.parametrize(
    ("on_revocation", "method", "body"),
    [
        ("remove", "removeParticipant", {"participantId": "user-1", "roomId": "room-42"}),
        ("end_session", "end", {"roomId": "room-42"}),
    ],
)
def test_a_revocation_is_told_as_the_package_tells_it(on_revocation, method, body):
    order = videosdk_order(on_revocation=on_revocation)
    ours = VideoSDKProvider().push_request(order, replace(PARTICIPANT, for_all=True))
    [theirs] = server_sdk("call", [{"api_key": "key-1", "secret": SECRET, "method": method, "body": body}])
    assert (ours.method, ours.url) == (theirs["method"], theirs["url"])
    assert json.dumps(dict(ours.values), separators=(",", ":")) == theirs["body"]
    (our_header, our_claims), (their_header, their_claims) = (
        jwt_hs256.read(token) for token in (ours.headers["Authorization"], theirs["authorization"])
    )
    # Theirs gives a moderator's rights without need, and lives a day.
    differs = {"permissions", "iat", "exp"}
    assert our_header == their_header
    assert {name: value for name, value in our_claims.items() if name not in differs} == {
        name: value for name, value in their_claims.items() if name not in differs
    }


# Known gaps of the package, version 0.1.1


def test_npm_gives_a_moderators_rights_to_a_token_without_grants():
    [token] = server_sdk("build", [{"api_key": "k", "secret": "s", "lifetime": 60, "api": True}])
    assert jwt_hs256.read(token)[1]["permissions"] == ["allow_join", "allow_mod"]


def test_npm_lives_a_day_by_default():
    [token] = server_sdk("build", [{"api_key": "k", "secret": "s"}])
    assert jwt_hs256.read(token)[1]["exp"] == NOW + 86_400


def test_npm_does_not_read_the_algorithm():
    token = signed('{"alg":"none"}', f'{{"exp":{NOW + 60}}}', "s")
    assert server_sdk("verify", [{"token": token, "secret": "s"}]) == [{"exp": NOW + 60}]
    with pytest.raises(TokenMalformed, match=r"^The token's algorithm is not HS256\.$"):
        jwt_hs256.read(token)


def test_npm_verifies_a_token_without_an_end():
    token = jwt_hs256.encode({"apikey": "k"}, key="s")
    assert server_sdk("verify", [{"token": token, "secret": "s"}]) == [{"apikey": "k"}]
