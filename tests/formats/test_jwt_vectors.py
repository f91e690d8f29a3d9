"""The HS256 codec against tokens that others made: VideoSDK's, and the published ones for JSON Web Signature."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.vectors import by_id, load_vectors
from token_issuer.errors import TokenIssuerError, TokenMalformed
from token_issuer.formats import compact_jws, jwt_hs256

VIDEOSDK = load_vectors("videosdk.json")["vectors"]
JWS = load_vectors("jws.json")["jws"]


def secret_of(vector: dict[str, Any]) -> str:
    return str(vector["input"]["secret"])


@pytest.mark.parametrize("vector", by_id(VIDEOSDK))
def test_videosdk_is_read_by_value(vector):
    expected = vector["expected"]
    assert jwt_hs256.read(expected["compact"]) == (expected["header"], expected["payload"])


@pytest.mark.parametrize("vector", by_id(VIDEOSDK))
def test_videosdk_verifies(vector):
    assert jwt_hs256.verify(vector["expected"]["compact"], key=secret_of(vector))


@pytest.mark.parametrize("vector", by_id(VIDEOSDK))
def test_videosdk_is_encoded_to_the_same_text(vector):
    expected = vector["expected"]
    assert jwt_hs256.encode(expected["payload"], key=secret_of(vector)) == expected["compact"]


@pytest.mark.parametrize("vector", by_id(VIDEOSDK))
def test_videosdk_with_any_changed_character_is_refused(vector):
    token, passed = vector["expected"]["compact"], []
    for position, character in enumerate(token):
        altered = token[:position] + ("B" if character != "B" else "C") + token[position + 1 :]
        try:
            passed += [position] if jwt_hs256.verify(altered, key=secret_of(vector)) else []
        except TokenMalformed:
            continue
    assert passed == []


def accepted(vector: dict[str, Any]) -> bool:
    """Whether the codec takes the token. Keys are bytes there and texts here, so each byte becomes one letter."""
    key = base64.urlsafe_b64decode(vector["key_b64u"] + "==")
    try:
        jwt_hs256.read(vector["jws"])
        compact = compact_jws.parse(vector["jws"])
        return jwt_hs256._hmac.verify(compact.signed, key, compact.signature)
    except TokenIssuerError:
        return False


def claims_are_an_object(vector: dict[str, Any]) -> bool:
    """This codec reads claims; the published tokens that carry other texts are not for it."""
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(vector["jws"].split(".")[1] + "==")), dict)
    except ValueError:
        return False


# What the claims mean, and the clock, is not this codec's business.
OF_CLAIMS = ("gen-claim-", "rfc7515-A1-exp")
NOT_JSON = {"gen-claim-exp-nan", "gen-claim-exp-inf", "gen-claim-exp-1e400", "gen-claim-exp-digits"}
REFUSED = [
    one for one in JWS if one["expect"] == "reject" and (one["id"] in NOT_JSON or not one["id"].startswith(OF_CLAIMS))
]
ACCEPTED = [one for one in JWS if one["expect"] == "accept" and claims_are_an_object(one)]


@pytest.mark.parametrize("vector", by_id(REFUSED))
def test_published_negative_tokens_are_refused(vector):
    assert not accepted(vector)


@pytest.mark.parametrize("vector", by_id(ACCEPTED))
def test_published_positive_tokens_are_taken(vector):
    assert accepted(vector)
