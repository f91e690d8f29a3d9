"""Our HS256 codec beside npm jsonwebtoken, which VideoSDK's documentation signs with."""

from __future__ import annotations

import base64
import hashlib
import hmac
from random import Random
from typing import Any

import pytest

from tests.peers import random_values
from tests.peers.node import ask
from token_issuer.errors import TokenMalformed
from token_issuer.formats import jwt_hs256

pytestmark = pytest.mark.peers

NOW = 1767225600


def claims(rng: Random) -> dict[str, Any]:
    found: dict[str, Any] = {
        "apikey": random_values.text(rng),
        "permissions": rng.sample(["allow_join", "ask_join", "allow_mod"], rng.randint(1, 3)),
    }
    if rng.random() < 0.7:
        found |= {"version": 2, "roomId": random_values.text(rng), "participantId": random_values.text(rng)}
    found |= {f"x{number}": random_values.json_value(rng) for number in range(rng.randint(0, 3))}
    return {**found, "iat": NOW, "exp": NOW + rng.randint(1, 86_400)}


def question(number: int) -> dict[str, Any]:
    rng = Random(f"jwt {number}")
    return {
        "claims": claims(rng),
        "key": rng.choice(["s", random_values.hexadecimal(rng), random_values.text(rng) + "k"]),
    }


ASKED = [question(number) for number in range(random_values.COUNT)]


def jsonwebtoken(operation: str, questions: list[dict[str, Any]]) -> list[Any]:
    return ask("jsonwebtoken.cjs", [{"op": operation, "now": NOW, **one} for one in questions])


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: str, payload: str, key: str) -> str:
    text = f"{part(header.encode())}.{part(payload.encode())}"
    return f"{text}.{part(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


def test_both_write_the_same_text():
    assert [jwt_hs256.encode(one["claims"], key=one["key"]) for one in ASKED] == jsonwebtoken("sign", ASKED)


def test_we_read_and_verify_what_they_wrote():
    tokens = jsonwebtoken("sign", ASKED)
    assert [jwt_hs256.read(token)[1] for token in tokens] == [one["claims"] for one in ASKED]
    assert all(jwt_hs256.verify(token, key=one["key"]) for token, one in zip(tokens, ASKED, strict=True))


def test_they_read_and_verify_what_we_wrote():
    tokens = [jwt_hs256.encode(one["claims"], key=one["key"]) for one in ASKED]
    found = jsonwebtoken(
        "verify", [{"token": token, "key": one["key"]} for token, one in zip(tokens, ASKED, strict=True)]
    )
    assert [one.get("payload", one) for one in found] == [one["claims"] for one in ASKED]


def test_neither_verifies_with_another_key():
    token = jwt_hs256.encode(ASKED[0]["claims"], key=ASKED[0]["key"])
    assert jsonwebtoken("verify", [{"token": token, "key": "other"}]) == [{"error": "invalid signature"}]
    assert not jwt_hs256.verify(token, key="other")


# Where the package forgives and we do not


def test_npm_signs_without_an_end():
    [token] = jsonwebtoken("sign", [{"claims": {"apikey": "a"}, "key": "s"}])
    assert jwt_hs256.read(token)[1] == {"apikey": "a", "iat": NOW}


def test_npm_takes_the_last_of_two_members():
    token = signed('{"alg":"HS256","typ":"JWT"}', '{"sub":"mine","sub":"other"}', "s")
    [found] = jsonwebtoken("verify", [{"token": token, "key": "s"}])
    assert found["payload"] == {"sub": "other"}
    with pytest.raises(TokenMalformed, match="repeated members"):
        jwt_hs256.read(token)


def test_npm_ignores_an_extension_that_it_does_not_know():
    token = signed('{"alg":"HS256","crit":["new"],"new":1}', "{}", "s")
    [found] = jsonwebtoken("verify", [{"token": token, "key": "s"}])
    assert found["payload"] == {}
    with pytest.raises(TokenMalformed, match=r"^The token's header asks for an extension\.$"):
        jwt_hs256.read(token)
