"""Signed tokens of our own, under each algorithm."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from tests.formats.signing import HMAC_KEY, KEYS, OTHERS, Key, part, signed
from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import jws

CLAIMS = {"iss": "https://issuer.example", "sub": "user-1", "exp": 1_790_000_600, "name": "Zoë-日本"}
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

each = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
ASYMMETRIC = {name: key for name, key in KEYS.items() if name != "HS256"}
letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
claim_sets = st.dictionaries(letters, st.integers(-(2**53), 2**53) | st.booleans() | letters, max_size=4)


def made(key: Key) -> str:
    return jws.encode(CLAIMS, key=key, typ="at+jwt")


def verified(token: str, key: Key) -> bool:
    return jws.verify(token, algorithm=key.algorithm, key=key.public)


@each
def test_what_was_encoded_is_read_and_verifies(key):
    token = made(key)
    assert jws.read(token) == ({"alg": key.algorithm, "typ": "at+jwt", "kid": "k1"}, CLAIMS)
    assert verified(token, key)


@each
@settings(max_examples=20)
@given(claims=claim_sets)
def test_any_claims_come_back(key, claims):
    token = jws.encode(claims, key=key, typ="at+jwt")
    assert jws.read(token)[1] == claims
    assert verified(token, key)


@each
def test_a_parsed_token_is_not_parsed_again(key):
    compact = jws.parse(made(key))
    assert jws.read(compact) == jws.read(made(key))
    assert jws.verify(compact, algorithm=key.algorithm, key=key.public)


@each
def test_the_first_two_parts_never_change(key):
    header = f'{{"alg":"{key.algorithm}","typ":"at+jwt","kid":"k1"}}'
    assert (
        made(key).rpartition(".")[0]
        == f"{part(header)}.{part(json.dumps(CLAIMS, separators=(',', ':'), ensure_ascii=False))}"
    )


@each
def test_another_key_does_not_verify(key):
    assert not verified(made(key), OTHERS[key.algorithm])


@each
def test_every_changed_character_is_refused(key):
    token, passed = made(key), []
    for position, character in enumerate(token):
        altered = token[:position] + ("B" if character != "B" else "C") + token[position + 1 :]
        with contextlib.suppress(TokenMalformed):
            passed += [position] if verified(altered, key) else []
    assert passed == []


@each
def test_every_flipped_bit_of_a_signature_is_refused(key):
    text, _, signature = made(key).rpartition(".")
    data, passed = base64.urlsafe_b64decode(signature + "=="), []
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        passed += [bit] if verified(f"{text}.{part(bytes(altered))}", key) else []
    assert passed == []


@pytest.mark.parametrize("used", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("named", KEYS)
def test_the_header_never_chooses_the_algorithm(used, named):
    # A key verifies what it signed under its own name only, whatever the header says.
    token = signed(f'{{"alg":"{named}"}}', "{}", key=used)
    try:
        taken = verified(token, used)
    except TokenMalformed:
        taken = False
    assert taken is (named == used.algorithm)


@pytest.mark.parametrize(
    "key", [one for one in KEYS.values() if one.algorithm != "HS256"], ids=lambda one: one.algorithm
)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_no_hmac_secret(key, encoding):
    # RFC 8725 section 2.1: an attacker signs with what everybody can read.
    public = key.public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    forged = signed('{"alg":"HS256"}', "{}", key=Key(algorithm="HS256", key=public, public=public))
    assert not verified(forged, key)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "HS384", "hs256", "PS256", "ES256K", "Ed25519", ""]
)
def test_an_algorithm_that_is_none_of_ours(algorithm):
    with pytest.raises(TokenMalformed, match=r"^The token's algorithm is none of HS256, ES256, EdDSA, RS256\.$"):
        jws.parse(signed(json.dumps({"alg": algorithm}), "{}"))


@pytest.mark.parametrize(
    ("algorithm", "length"),
    [("HS256", 31), ("HS256", 33), ("ES256", 63), ("ES256", 65), ("ES256", 70), ("EdDSA", 63), ("EdDSA", 114),
     ("RS256", 255), ("RS256", 2049)],
)  # fmt: skip
def test_a_signature_of_another_length(algorithm, length):
    token = f"{part(json.dumps({'alg': algorithm}))}.{part('{}')}.{part(bytes(length))}"
    with pytest.raises(TokenMalformed, match=r"^The token's signature has not the length that its algorithm gives\.$"):
        jws.parse(token)


def test_an_es256_signature_is_raw_and_not_der():
    key = KEYS["ES256"]
    text = made(key).rpartition(".")[0]
    der = key.key.sign(text.encode(), ec.ECDSA(SHA256()))
    with pytest.raises(TokenMalformed):
        jws.parse(f"{text}.{part(der)}")
    r, s = decode_dss_signature(der)
    assert verified(f"{text}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}", key)


@pytest.mark.parametrize(("r", "s"), [(0, 0), (0, 1), (1, 0), (P256, P256), (1, P256), (2**256 - 1, 1)])
def test_an_es256_signature_outside_its_range_proves_nothing(r, s):
    text = made(KEYS["ES256"]).rpartition(".")[0]
    assert not verified(f"{text}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}", KEYS["ES256"])


@pytest.mark.parametrize("member", ["jku", "x5u"])
@each
def test_addresses_in_the_header_are_never_visited(monkeypatch, key, member):
    def visited(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(socket.socket, "connect", visited)
    monkeypatch.setattr(socket, "getaddrinfo", visited)
    header = json.dumps({"alg": key.algorithm, member: "http://127.0.0.1:1/jwks.json"})
    assert verified(signed(header, "{}", key=key), key)


@pytest.mark.parametrize("member", ["jwk", "x5c", "x5t", "x5t#S256"])
@each
def test_keys_in_the_header_prove_nothing(key, member):
    other = OTHERS[key.algorithm]
    known = get_default_algorithms()[key.algorithm].to_jwk(other.public, as_dict=True)
    header = json.dumps({"alg": key.algorithm, member: known})
    assert not verified(signed(header, "{}", key=other), key)
    assert verified(signed(header, "{}", key=key), key)


NOT_FOR = [
    ("HS256", bytes(31)),
    ("HS256", b""),
    ("HS256", "0123456789abcdef" * 2),
    ("HS256", None),
    ("HS256", KEYS["ES256"].key),
    ("ES256", HMAC_KEY),
    ("ES256", KEYS["RS256"].key),
    ("ES256", KEYS["EdDSA"].key),
    ("ES256", ec.generate_private_key(ec.SECP384R1())),
    ("ES256", ec.generate_private_key(ec.SECP256K1())),
    ("ES256", "-----BEGIN PRIVATE KEY-----"),
    ("EdDSA", KEYS["ES256"].key),
    ("EdDSA", ed448.Ed448PrivateKey.generate()),
    ("EdDSA", HMAC_KEY),
    ("RS256", KEYS["ES256"].key),
    ("RS256", rsa.generate_private_key(65537, 1024)),
    ("RS256", b"-----BEGIN PRIVATE KEY-----"),
    ("RS256", object()),
]


@pytest.mark.parametrize(("algorithm", "key"), NOT_FOR)
def test_only_a_fitting_key_signs(algorithm, key):
    with pytest.raises(BadOption) as caught:
        jws.encode({}, key=Key(algorithm=algorithm, key=key, public=None), typ="at+jwt")
    assert caught.value.field == "key"


@pytest.mark.parametrize(("algorithm", "key"), NOT_FOR)
def test_only_a_fitting_key_verifies(algorithm, key):
    token = made(KEYS[algorithm])
    public = key.public_key() if hasattr(key, "public_key") else key
    if isinstance(key, ed448.Ed448PrivateKey):  # a key of EdDSA to the library; no signature of ours is one of its
        assert not jws.verify(token, algorithm=algorithm, key=public)
        return
    with pytest.raises(BadOption) as caught:
        jws.verify(token, algorithm=algorithm, key=public)
    assert caught.value.field == "key"


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_a_private_key_signs_and_a_public_one_verifies(algorithm):
    key = KEYS[algorithm]
    with pytest.raises(BadOption, match=f"^key: is not a private key for {algorithm}, or too short$"):
        jws.encode({}, key=Key(algorithm=algorithm, key=key.public, public=None), typ="at+jwt")
    with pytest.raises(BadOption, match=f"^key: is not a public key for {algorithm}, or too short$"):
        jws.verify(made(key), algorithm=algorithm, key=key.key)


@pytest.mark.parametrize("algorithm", ["none", "HS512", "", "hs256"])
def test_a_key_for_no_algorithm_of_ours(algorithm):
    with pytest.raises(BadOption, match=r"^algorithm: must be one of HS256, ES256, EdDSA, RS256$"):
        jws.verify(made(KEYS["HS256"]), algorithm=algorithm, key=HMAC_KEY)


def test_a_refusal_does_not_quote_the_key():
    with pytest.raises(BadOption) as caught:
        jws.encode({}, key=Key(algorithm="HS256", key=b"short-secret", public=None), typ="at+jwt")
    assert "short-secret" not in str(caught.value)


@each
def test_nothing_warns(key):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert verified(made(key), key)
    assert caught == []


@each
def test_claims_that_are_not_json(key):
    with pytest.raises(BadGrant, match=r"^claims: must be JSON values: finite numbers, valid Unicode$"):
        jws.encode({"a": float("nan")}, key=key, typ="at+jwt")


@each
def test_a_payload_that_is_no_object_has_no_claims(key):
    token = signed(f'{{"alg":"{key.algorithm}"}}', "[]", key=key)
    with pytest.raises(TokenMalformed):
        jws.read(token)
