"""The gate: what is no compact token, whatever signed it."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.signing import part, signed
from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.formats import compact_jws

HEADER = '{"alg":"HS256","typ":"at+jwt"}'
GOOD = signed(HEADER, '{"sub":"a"}')
NOT_AN_OBJECT = "The token's {} is not one JSON object without repeated members."

NOT_OBJECTS = [
    "[]",
    "null",
    "1",
    '"text"',
    "not json",
    "{} trailing",
    '{"sub":"a","sub":"b"}',
    '{"deep":[{"a":1,"a":2}]}',
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":1e400}',
    '{"a":' + "1" * 5_000 + "}",
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    "\ufeff{}",
    b"\xff{}",
    '{"a":1}'.encode("utf-16"),
    '{"a":"\ud800"}',
]


def nested(depth: int, inner: str = "1") -> str:
    """An object that is ``depth`` levels deep."""
    return '{"a":' + "[" * (depth - 1) + inner + "]" * (depth - 1) + "}"


def claims_of(payload: str | bytes) -> dict[str, object]:
    return compact_jws.parse(signed(HEADER, payload)).claims()


def test_a_token_is_read_without_a_key():
    compact = compact_jws.parse(GOOD)
    assert (compact.header, compact.algorithm, compact.claims()) == (json.loads(HEADER), "HS256", {"sub": "a"})
    text, _, signature = GOOD.rpartition(".")
    assert (compact.signed, part(compact.signature)) == (text.encode(), signature)


def test_a_payload_may_be_any_bytes_until_claims_are_asked_for():
    compact = compact_jws.parse(signed(HEADER, b"\xff\x00foo"))
    assert compact.payload == b"\xff\x00foo"
    with pytest.raises(TokenMalformed):
        compact.claims()


def test_what_is_read_does_not_show_payload_and_signature():
    shown = repr(compact_jws.parse(GOOD))
    assert not any(piece in shown for piece in ("sub", *GOOD.split(".")))


@pytest.mark.parametrize("token", [None, GOOD.encode(), GOOD + "A" * 16_384, "." * 10_000_000])
def test_longer_than_the_limit_or_no_text(token):
    with pytest.raises(TokenMalformed, match=r"^The token is not a text of at most 16,384 characters\.$"):
        compact_jws.parse(token)


def test_the_longest_token_is_read_and_written():
    claims = {"a": "x" * 12_235}
    token = compact_jws.write({"alg": "x"}, claims, lambda data: bytes(32))
    assert len(token) == 16_384
    assert compact_jws.parse(token).claims() == claims


@pytest.mark.parametrize(
    "token",
    ["", "..", "a.b", GOOD + ".a", GOOD + ".", "." + GOOD, GOOD + "=", GOOD + "\n", " " + GOOD, "Bearer " + GOOD,
     GOOD.replace(".", "\uff0e"), GOOD[:-2] + "+/", GOOD[:-1] + "\u0661", json.dumps({"signature": GOOD})],
)  # fmt: skip
def test_not_three_parts_of_the_alphabet(token):
    with pytest.raises(TokenMalformed, match=r"^The token is not three parts of base64url\.$"):
        compact_jws.parse(token)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_every_part_is_canonical_base64url(which):
    parts = [part('{"alg":"x"}'), part("{}"), part(b"\x00")]  # each leaves unused bits
    compact_jws.parse(".".join(parts))
    parts[which] = parts[which][:-1] + chr(ord(parts[which][-1]) + 1)
    with pytest.raises(TokenMalformed, match=r"^The token is not canonical base64url\.$"):
        compact_jws.parse(".".join(parts))


@pytest.mark.parametrize("payload", NOT_OBJECTS)
def test_claims_that_are_not_one_plain_object(payload):
    with pytest.raises(TokenMalformed) as caught:
        claims_of(payload)
    assert str(caught.value) == NOT_AN_OBJECT.format("claims")


@pytest.mark.parametrize("header", NOT_OBJECTS)
def test_a_header_that_is_not_one_plain_object(header):
    with pytest.raises(TokenMalformed) as caught:
        compact_jws.parse(signed(header, "{}"))
    assert str(caught.value) == NOT_AN_OBJECT.format("header")


@pytest.mark.parametrize(
    "text", ['{"a":1.5e3}', '{"a":"\\u00e9"}', '{"a":"\\ud83d\\ude00"}', '{"a":"é日"}', '{ "a" :\n"b" }']
)
def test_escapes_and_blanks_that_are_good_json(text):
    assert claims_of(text) == json.loads(text)


@pytest.mark.parametrize("inner", ["1", "[]", "{}"])
def test_claims_up_to_32_levels_are_read(inner):
    depth = 32 if inner == "1" else 31
    assert claims_of(nested(depth, inner))


@pytest.mark.parametrize("payload", [nested(33), nested(32, "[]"), nested(32, "{}"), nested(900)])
def test_claims_deeper_than_32_levels(payload):
    with pytest.raises(TokenMalformed, match=r"^The token's claims is more than 32 levels deep\.$"):
        claims_of(payload)


def test_brackets_in_a_text_are_no_levels():
    assert claims_of(json.dumps({"a": "[{" * 100, "b": [[]] * 50}))


def test_nesting_beyond_any_recursion_limit():
    with pytest.raises(TokenMalformed):
        claims_of(nested(6_000))


@pytest.mark.parametrize("algorithm", ["", ',"alg":null', ',"alg":7', ',"alg":["HS256"]', ',"alg":{}'])
def test_an_algorithm_is_a_text(algorithm):
    with pytest.raises(TokenMalformed, match=r"^The token names no algorithm\.$"):
        compact_jws.parse(signed('{"typ":"at+jwt"' + algorithm + "}", "{}"))


@pytest.mark.parametrize("member", ['"crit":["exp"]', '"crit":[]', '"crit":"exp"', '"b64":false', '"b64":true'])
def test_an_extension(member):
    with pytest.raises(TokenMalformed, match=r"^The token's header asks for an extension\.$"):
        compact_jws.parse(signed('{"alg":"HS256",' + member + "}", "{}"))


@pytest.mark.parametrize(("member", "what"), [("kid", "key id"), ("typ", "type")])
@pytest.mark.parametrize("value", ["7", "null", '["k"]', "{}", "true"])
def test_a_key_id_and_a_type_are_texts(member, what, value):
    with pytest.raises(TokenMalformed, match=rf"^The token's {what} is not a text\.$"):
        compact_jws.parse(signed(f'{{"alg":"HS256","{member}":{value}}}', "{}"))


def test_members_keep_their_order_and_their_letters():
    token = compact_jws.write({"alg": "x", "kid": "Zoë"}, {"b": "日本", "a": 1}, lambda signed: b"signature")
    assert token.split(".") == [part('{"alg":"x","kid":"Zoë"}'), part('{"b":"日本","a":1}'), part(b"signature")]


def test_what_is_signed_is_the_first_two_parts():
    token = compact_jws.write({"alg": "HS256"}, {}, lambda data: hmac.digest(bytes(32), data, hashlib.sha256))
    text, _, signature = token.rpartition(".")
    assert signature == part(hmac.digest(bytes(32), text.encode(), hashlib.sha256))


@pytest.mark.parametrize("claims", [{"a": float("nan")}, {"a": b"x"}, {"a": "\ud800"}, {1: object()}])
def test_claims_that_are_not_json(claims):
    with pytest.raises(BadGrant, match=r"^claims: must be JSON values: finite numbers, valid Unicode$"):
        compact_jws.write({"alg": "x"}, claims, lambda signed: b"")


def test_claims_too_long():
    with pytest.raises(BadGrant, match=r"^claims: must fit a token of 16,384 characters$"):
        compact_jws.write({"alg": "x"}, {"a": "x" * 13_000}, lambda signed: bytes(32))


@given(st.text(max_size=200) | st.tuples(st.binary(), st.binary(), st.binary()).map(lambda it: ".".join(map(part, it))))
def test_only_malformed_escapes_from_garbage(token):
    with pytest.raises(TokenMalformed):
        compact_jws.parse(token)


@given(st.binary(max_size=200))
def test_only_malformed_escapes_from_garbage_claims(payload):
    try:
        assert isinstance(claims_of(payload), dict)
    except TokenMalformed:
        return


@given(st.binary(min_size=1, max_size=60))
def test_a_payload_is_its_own_bytes(payload):
    assert compact_jws.parse(signed(HEADER, payload)).payload == payload
