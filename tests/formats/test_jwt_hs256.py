from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import warnings
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import jwt_hs256

KEY = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
HEADER = '{"alg":"HS256","typ":"JWT"}'
NOT_AN_OBJECT = "The token's claims is not one JSON object without repeated members."

letters = st.characters(exclude_categories=["Cs"])
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(letters, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(letters), inner),
    max_leaves=8,
)
claim_sets = st.dictionaries(st.text(letters, max_size=20), json_values, max_size=6)


def part(data: str | bytes) -> str:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str | bytes, claims: str | bytes, key: str = KEY) -> str:
    """Whatever is handed in, well signed."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


GOOD = signed(HEADER, '{"apikey":"a"}')


@given(claim_sets)
def test_what_was_encoded_is_read_and_verifies(claims):
    token = jwt_hs256.encode(claims, key=KEY)
    assert jwt_hs256.read(token) == ({"alg": "HS256", "typ": "JWT"}, claims)
    assert jwt_hs256.verify(token, key=KEY)


@given(claim_sets)
def test_the_library_reads_the_same(claims):
    token = jwt_hs256.encode(claims, key=KEY)
    assert json.loads(jwt.PyJWS().decode(token, KEY, algorithms=["HS256"])) == claims


def test_claims_keep_their_order_and_their_letters():
    token = jwt_hs256.encode({"roomId": "Zoë-日本", "apikey": "a"}, key=KEY)
    assert token == signed(HEADER, '{"roomId":"Zoë-日本","apikey":"a"}')


def test_further_headers_stand_between():
    header, _ = jwt_hs256.read(jwt_hs256.encode({}, key=KEY, headers={"kid": "k1"}))
    assert list(header.items()) == [("alg", "HS256"), ("kid", "k1"), ("typ", "JWT")]


def test_a_short_secret_signs_without_a_warning():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert jwt_hs256.verify(jwt_hs256.encode({"a": 1}, key="s"), key="s")
    assert caught == []


def test_another_key_does_not_verify():
    assert jwt_hs256.verify(GOOD, key=KEY.upper()) is False


@pytest.mark.parametrize("position", range(len(GOOD)))
def test_every_changed_character_is_refused(position):
    other = "B" if GOOD[position] != "B" else "C"
    with contextlib.suppress(TokenMalformed):
        assert not jwt_hs256.verify(GOOD[:position] + other + GOOD[position + 1 :], key=KEY)


@pytest.mark.parametrize(
    "claims", [{"a": float("nan")}, {"a": float("inf")}, {"a": b"bytes"}, {"a": {1, 2}}, {"a": "\ud800"}]
)
def test_claims_that_are_not_json(claims):
    with pytest.raises(BadGrant) as caught:
        jwt_hs256.encode(claims, key=KEY)
    assert str(caught.value) == "claims: must be JSON values: finite numbers, valid Unicode"


def test_claims_too_long():
    with pytest.raises(BadGrant, match=r"^claims: must fit a token of 16,384 characters$"):
        jwt_hs256.encode({"a": "x" * 13_000}, key=KEY)


@pytest.mark.parametrize("headers", [{"alg": "none"}, {"crit": "b64"}, {"b64": "x"}, {"kid": 1}])
def test_headers_that_are_decided_here(headers):
    with pytest.raises(BadGrant, match=r"^headers: must be texts, and not alg, crit or b64$"):
        jwt_hs256.encode({}, key=KEY, headers=headers)


@pytest.mark.parametrize("key", ["", None, b"bytes"])
def test_a_key_is_a_text(key):
    with pytest.raises(BadOption, match=r"^key: must be a text that is not empty$"):
        jwt_hs256.encode({}, key=key)


@pytest.mark.parametrize(
    "key", ["-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----", "ssh-rsa AAAA", "\ud800"]
)
def test_a_key_of_another_kind(key):
    with pytest.raises(BadOption) as caught:
        jwt_hs256.verify(GOOD, key=key)
    assert str(caught.value) == "key: must be a shared secret in valid Unicode, not a PEM or SSH key"


@pytest.mark.parametrize("token", [None, GOOD.encode(), GOOD + "A" * 16_384])
def test_longer_than_the_limit_or_no_text(token):
    with pytest.raises(TokenMalformed, match=r"^The token is not a text of at most 16,384 characters\.$"):
        jwt_hs256.read(token)


@pytest.mark.parametrize(
    "token",
    ["", "..", "a.b", GOOD + ".a", GOOD + "=", GOOD + "\n", " " + GOOD, GOOD.replace(".", "\uff0e"), GOOD[:-2] + "+/"],
)
def test_not_three_parts_of_the_alphabet(token):
    with pytest.raises(TokenMalformed, match=r"^The token is not three parts of base64url\.$"):
        jwt_hs256.read(token)


def test_parts_that_are_not_base64url():
    with pytest.raises(TokenMalformed, match=r"^The token is not base64url\.$"):
        jwt_hs256.read("A" + GOOD[GOOD.index(".") :])
    with pytest.raises(TokenMalformed, match=r"^The token is not canonical base64url\.$"):
        jwt_hs256.read(GOOD[:-1] + ("B" if GOOD[-1] != "B" else "C"))


def test_signature_of_another_length():
    with pytest.raises(TokenMalformed, match=r"^The token's signature is not 32 bytes\.$"):
        jwt_hs256.read(GOOD.rpartition(".")[0] + "." + part(bytes(31)))


@pytest.mark.parametrize("algorithm", ['"none"', '"HS512"', '"hs256"', '""'])
def test_another_algorithm(algorithm):
    with pytest.raises(TokenMalformed, match=r"^The token's algorithm is not HS256\.$"):
        jwt_hs256.read(signed(f'{{"alg":{algorithm}}}', "{}"))


@pytest.mark.parametrize("member", ['"crit":["exp"]', '"crit":[]', '"b64":false', '"b64":true'])
def test_an_extension(member):
    with pytest.raises(TokenMalformed, match=r"^The token's header asks for an extension\.$"):
        jwt_hs256.read(signed(f'{{"alg":"HS256",{member}}}', "{}"))


def test_a_key_id_of_another_type():
    with pytest.raises(TokenMalformed, match=r"^The token's key id is not a text\.$"):
        jwt_hs256.read(signed('{"alg":"HS256","kid":7}', "{}"))


@pytest.mark.parametrize(
    "claims",
    [
        "[]",
        "null",
        "1",
        '"text"',
        "not json",
        "{} trailing",
        '{"sub":"a","sub":"b"}',
        '{"deep":{"a":1,"a":2}}',
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        '{"a":1e400}',
        '{"a":' + "1" * 5_000 + "}",
        '{"a":"\\ud800"}',
        '{"\\ud800":1}',
        "\ufeff{}",
        b"\xff{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":' + "[" * 5_000 + "]" * 5_000 + "}",
        '{"a":"\ud800"}',
    ],
)
def test_claims_that_are_not_one_plain_object(claims):
    with pytest.raises(TokenMalformed) as caught:
        jwt_hs256.read(signed(HEADER, claims))
    assert str(caught.value) == NOT_AN_OBJECT


def test_a_header_that_is_not_one_plain_object():
    with pytest.raises(TokenMalformed, match=r"^The token's header is not one JSON object without repeated members\.$"):
        jwt_hs256.read(signed('{"alg":"none","alg":"HS256"}', "{}"))


@given(st.text(max_size=200) | st.tuples(st.binary(), st.binary()).map(lambda pair: signed(*pair)))
def test_only_malformed_escapes_from_garbage(token):
    with pytest.raises(TokenMalformed):
        jwt_hs256.verify(token, key=KEY)


def test_a_signed_payload_without_claims_is_malformed_whoever_signed():
    with pytest.raises(TokenMalformed):
        jwt_hs256.verify(signed(HEADER, "[]"), key=KEY)


def test_a_key_can_be_checked_before_it_signs():
    jwt_hs256.check_key(KEY)
    with pytest.raises(BadOption):
        jwt_hs256.check_key("")


def test_nothing_of_the_callers_is_changed():
    claims: dict[str, Any] = {"b": 1, "a": 2}
    headers = {"kid": "k"}
    jwt_hs256.encode(claims, key=KEY, headers=headers)
    assert (claims, headers) == ({"b": 1, "a": 2}, {"kid": "k"})
