"""Public keys as JSON Web Keys."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet, import_key

from token_issuer.crypto import Secret, SigningKey, VerifyingKey, public_jwks, signing_keys
from token_issuer.errors import BadOption
from token_issuer.formats import jws

ALGORITHMS = ("ES256", "EdDSA", "RS256")


def new_key(algorithm: str) -> SigningKey:
    secret = Secret(**signing_keys.new_secret(algorithm))
    return signing_keys.signing_key(secret, part="key", algorithm=algorithm, key_id=f"id-{algorithm}")


KEYS = {algorithm: new_key(algorithm) for algorithm in ALGORITHMS}


def published(algorithm: str) -> dict[str, str]:
    found = public_jwks.public_jwk(KEYS[algorithm])
    assert found is not None
    return found


def spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    ("algorithm", "members"),
    [
        ("ES256", {"kty": "EC", "crv": "P-256", "x": ..., "y": ...}),
        ("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": ...}),
        ("RS256", {"kty": "RSA", "n": ..., "e": "AQAB"}),
    ],
)
def test_a_published_key_has_its_members_and_what_it_is_for(algorithm: str, members: dict[str, Any]) -> None:
    found = published(algorithm)
    for_it = {"kid": f"id-{algorithm}", "use": "sig", "alg": algorithm}
    assert found == {name: found[name] if value is ... else value for name, value in (members | for_it).items()}


def test_an_hs256_key_is_not_published() -> None:
    key = new_key("HS256")
    assert (public_jwks.public_jwk(key), public_jwks.public_jwk(key.verifying_key)) == (None, None)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_published_key_verifies_without_the_secret(algorithm: str) -> None:
    token = jws.encode({"sub": "a"}, key=KEYS[algorithm], typ="at+jwt")
    found = public_jwks.verifying_key(published(algorithm))
    assert (found.algorithm, found.key_id) == (algorithm, f"id-{algorithm}")
    assert jws.verify(token, algorithm=found.algorithm, key=found.key)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_read_is_published_as_it_was(algorithm: str) -> None:
    jwk = published(algorithm)
    assert public_jwks.public_jwk(public_jwks.verifying_key(jwk)) == jwk


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_published_key_is_parsed_once(algorithm: str) -> None:
    jwk = published(algorithm)
    assert public_jwks.verifying_key(jwk).key is public_jwks.verifying_key(dict(reversed(jwk.items()))).key


def test_joserfc_reads_the_whole_set() -> None:
    found = KeySet.import_key_set({"keys": [dict(published(algorithm)) for algorithm in ALGORITHMS]})
    assert [key.thumbprint() for key in found.keys] == [public_jwks.thumbprint(published(name)) for name in ALGORITHMS]


def test_a_small_coordinate_keeps_its_zeros() -> None:
    keys = (ec.derive_private_key(number, ec.SECP256R1()).public_key() for number in range(1, 5_000))
    small = next(key for key in keys if key.public_numbers().x >> 248 == 0)
    jwk = public_jwks.public_jwk(VerifyingKey("ES256", "1", small))
    assert jwk is not None
    assert {len(jwk[name]) for name in ("x", "y")} == {43}
    assert public_jwks.verifying_key(jwk).algorithm == "ES256"


def test_thumbprints_of_the_standards() -> None:
    # RFC 8037 appendix A.3; RFC 7638 section 3.1.
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    rsa_key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
        "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
        "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
        "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert public_jwks.thumbprint(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert public_jwks.thumbprint(rsa_key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_thumbprint_is_the_keys_alone(algorithm: str) -> None:
    jwk = published(algorithm)
    again = {**dict(reversed(jwk.items())), "kid": "other", "use": "enc"}
    assert public_jwks.thumbprint(again) == public_jwks.thumbprint(jwk) == import_key(dict(jwk)).thumbprint()


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "oct", "k": "AA"}, {"kty": "EC", "x": "AA"}, {"kty": "OKP", "crv": 7, "x": "AA"}]
)
def test_what_is_no_public_key_has_no_thumbprint(jwk: dict[str, object]) -> None:
    with pytest.raises(BadOption, match="is not an EC, OKP or RSA key with all its members") as caught:
        public_jwks.thumbprint(jwk)
    assert caught.value.field == "public_jwk"


NOT_PUBLIC: list[tuple[str, dict[str, object]]] = [
    ("ES256", {"d": "AA"}),  # a private key
    ("RS256", {"d": "AA", "p": "AA"}),
    ("EdDSA", {"d": "AA"}),
    ("EdDSA", {"use": "enc"}),
    ("EdDSA", {"kid": ""}),
    ("EdDSA", {"kid": 7}),
    ("EdDSA", {"kid": None}),
    ("EdDSA", {"key_ops": ["verify"]}),
    ("EdDSA", {"x5u": "http://127.0.0.1:1/"}),
    ("EdDSA", {"alg": "none"}),
    ("EdDSA", {"kty": "oct"}),
]
NOT_FITTING: list[tuple[str, dict[str, object]]] = [
    ("EdDSA", {"alg": "ES256"}),
    ("EdDSA", {"alg": "HS256"}),
    ("RS256", {"alg": "PS256"}),
    ("EdDSA", {"crv": "Ed448"}),
    ("EdDSA", {"crv": "X25519"}),
    ("EdDSA", {"x": spelled(bytes(31))}),
    ("EdDSA", {"x": spelled(bytes(33))}),
    ("EdDSA", {"x": spelled(bytes(32)) + "="}),
    ("EdDSA", {"x": "+/"}),
    ("ES256", {"crv": "P-384"}),
    ("ES256", {"x": spelled(bytes(32))}),  # not on the curve
    ("ES256", {"x": "", "y": ""}),
    ("RS256", {"e": "AAEAAQ"}),  # a leading zero
    ("RS256", {"e": spelled(b"\x02")}),
    ("RS256", {"e": "", "n": ""}),
    ("RS256", {"n": "+/"}),
    ("RS256", {"e": "A"}),
    ("RS256", {"n": spelled(b"\xff" * 2049)}),
]


def changed(algorithm: str, change: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**published(algorithm), **change}.items() if value is not None}


@pytest.mark.parametrize(("algorithm", "change"), NOT_PUBLIC[:-2])
def test_a_stored_key_has_its_members_and_no_others(algorithm: str, change: dict[str, object]) -> None:
    with pytest.raises(BadOption, match="is not a public key with its members and kid, use, alg, and no others"):
        public_jwks.verifying_key(changed(algorithm, change))


@pytest.mark.parametrize(("algorithm", "change"), [*NOT_PUBLIC, *NOT_FITTING])
def test_a_stored_key_is_one_for_its_algorithm(algorithm: str, change: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        public_jwks.verifying_key(changed(algorithm, change))


def test_a_small_rsa_key_verifies_nothing() -> None:
    small = VerifyingKey("RS256", "1", rsa.generate_private_key(65537, 1024).public_key())
    jwk = public_jwks.public_jwk(small)
    assert jwk is not None
    with pytest.raises(BadOption, match="is not a public key for its algorithm"):
        public_jwks.verifying_key(jwk)


texts = st.text(max_size=8) | st.sampled_from(
    ["EC", "OKP", "RSA", "sig", "ES256", "EdDSA", "RS256", "P-256", "Ed25519"]
)
values = texts | st.none() | st.integers() | st.lists(texts, max_size=2)


@settings(max_examples=300)
@given(
    st.sampled_from(ALGORITHMS),
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "kid", "use", "alg"]), values),
)
def test_only_bad_option_escapes_from_garbage(algorithm: str, change: dict[str, object]) -> None:
    try:
        public_jwks.verifying_key({**published(algorithm), **change})
    except BadOption:
        return
    assert set(change) <= {"kid", *published(algorithm)}
