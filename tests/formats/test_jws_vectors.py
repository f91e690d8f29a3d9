"""The published tokens for JSON Web Signature, through the decoder of our own tokens: every decided one."""

from __future__ import annotations

import base64
import json
import socket
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from tests.formats.signing import HMAC_KEY, Key, part, signed
from tests.vectors import by_id, load_vectors
from token_issuer.errors import TokenIssuerError, TokenMalformed
from token_issuer.formats import compact_jws, jws, jwt_claims

SET = load_vectors("jws.json")
JWS: list[dict[str, Any]] = SET["jws"]
OCT_JWK: list[dict[str, Any]] = SET["oct_jwk"]
RECIPES: list[dict[str, Any]] = SET["recipes"]
NOW: int = SET["fixed_verification_time_unix"]

# The generator's baseline says whom its tokens are from and for.
ISSUER, AUDIENCE = "https://issuer.example", "token-issuer"

# Two are copies of a valid token, whose altered character was lost; one has a set of mixed keys, which we never have.
UNDECIDED = {"wp-jws-367", "wp-jws-370", "wp-jwk-1"}


def key_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def accepted(token: str, key: bytes, *, layer: str) -> bool:
    """Whether a strict decoder takes it: the signature alone, or the claims of our profile as well."""
    try:
        compact = compact_jws.parse(token)
        if not jws.verify(compact, algorithm="HS256", key=key):
            return False
        claims: Mapping[str, object] = compact.claims() if layer == "jwt" else {}
    except TokenIssuerError:  # whatever else it raised would escape to a caller, and fail here
        return False
    return layer == "jws" or not jwt_claims.problems(claims, issuer=ISSUER, audience=AUDIENCE, at=NOW)


def accepted_from_set(vector: dict[str, Any]) -> bool:
    """The same, with the key that the token names: ids are unique here, and an unknown one is refused."""
    keys = vector["jwk_set"]["keys"]
    by_kid = {key["kid"]: key for key in keys}
    try:
        key = by_kid.get(compact_jws.parse(vector["jws"]).header.get("kid"))
    except TokenMalformed:
        return False
    if len(by_kid) < len(keys) or key is None or key["alg"] != "HS256":
        return False
    return accepted(vector["jws"], key_of(key["k"]), layer="jws")


def judged(vector: dict[str, Any]) -> bool:
    if "jwk_set" in vector:
        return accepted_from_set(vector)
    return accepted(vector["jws"], key_of(vector["key_b64u"]), layer=vector["layer"])


DECIDED = [vector for vector in [*JWS, *OCT_JWK] if vector["expect"] in {"accept", "reject"}]
NO_NETWORK = [vector for vector in JWS if vector["expect"] == "no_network"]


def test_every_vector_is_executed_or_undecided():
    assert (len(JWS), len(OCT_JWK), len(RECIPES)) == (150, 13, 4)
    assert (len(DECIDED), len(NO_NETWORK)) == (158, 2)
    executed = {vector["id"] for vector in [*DECIDED, *NO_NETWORK]}
    assert {vector["id"] for vector in [*JWS, *OCT_JWK]} - executed == UNDECIDED


@pytest.mark.parametrize("vector", by_id(DECIDED))
def test_a_decided_vector_is_judged_as_decided(vector):
    assert judged(vector) is (vector["expect"] == "accept")


@pytest.mark.parametrize("vector", by_id(NO_NETWORK))
def test_a_header_with_an_address_is_judged_without_going_there(vector, monkeypatch):
    def visited(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(socket.socket, "connect", visited)
    monkeypatch.setattr(socket, "getaddrinfo", visited)
    assert judged(vector)


HEADER = '{"alg":"HS256"}'
KEY = Key(algorithm="HS256", key=HMAC_KEY, public=HMAC_KEY)
MADE = {
    "big-payload": lambda: signed(HEADER, json.dumps({"a": "x" * 2 * 1024 * 1024}), key=KEY),
    "big-header": lambda: "A" * 8 * 1024 * 1024 + "." + part("{}") + "." + part(bytes(32)),
    "deep-nest": lambda: signed(HEADER, "[" * 100_000 + "]" * 100_000, key=KEY),
    "many-dots": lambda: "." * 10 * 1024 * 1024,
}


def test_every_recipe_is_made():
    assert {recipe["id"] for recipe in RECIPES} == MADE.keys()


@pytest.mark.parametrize("recipe", by_id(RECIPES))
def test_what_is_made_by_a_recipe_is_refused_before_it_costs_anything(recipe):
    token = MADE[recipe["id"]]()
    tracemalloc.start()
    with pytest.raises(TokenMalformed):
        jws.verify(token, algorithm="HS256", key=HMAC_KEY)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 65_536  # bytes; a copy of the shortest of these tokens would be 200 kB
