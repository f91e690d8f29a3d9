"""Keys that sign: parsed once, and only the right ones."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from token_issuer.crypto import Secret, SigningKey, signing_keys
from token_issuer.errors import BadOption

RSA_2048 = rsa.generate_private_key(65537, 2048)


def pem(key: signing_keys.PrivateKey | dsa.DSAPrivateKey, password: bytes | None = None) -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


KEYS = {
    "RS256": pem(RSA_2048),
    "ES256": pem(ec.generate_private_key(ec.SECP256R1())),
    "EdDSA": pem(ed25519.Ed25519PrivateKey.generate()),
}


def made(text: str, algorithm: str) -> SigningKey:
    return signing_keys.signing_key(Secret(secret=text), part="secret", algorithm=algorithm, key_id="1")


def test_an_hs256_key_is_the_texts_bytes() -> None:
    found = made("0123456789abcdef" * 2, "HS256")
    assert (found.algorithm, found.key_id, found.key) == ("HS256", "1", b"0123456789abcdef" * 2)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_private_key_is_parsed_once(algorithm: str) -> None:
    assert made(KEYS[algorithm], algorithm).key is made(KEYS[algorithm], algorithm).key


@pytest.mark.parametrize(
    ("algorithm", "text", "message"),
    [
        ("HS256", "", "at least 32 bytes"),
        ("HS256", "0123456789abcdef012345678901234", "at least 32 bytes"),
        ("HS256", "x" * 64, "is one byte repeated"),
        ("HS256", KEYS["RS256"], "is PEM or JSON"),
        ("HS256", '{"kty": "oct", "k": "0123456789abcdef0123456789abcdef"}', "is PEM or JSON"),
        ("none", "0123456789abcdef" * 2, "there is no algorithm 'none'"),
        ("RS256", "nonsense", "is not a private key in PEM"),
        ("RS256", pem(RSA_2048, b"password"), "is not a private key in PEM without a password"),
        ("RS256", pem(dsa.generate_private_key(1024)), "is not a private key in PEM"),
        ("RS256", pem(rsa.generate_private_key(65537, 1024)), "is not a key for RS256"),
        ("RS256", KEYS["ES256"], "is not a key for RS256"),
        ("ES256", KEYS["RS256"], "is not a key for ES256"),
        ("ES256", pem(ec.generate_private_key(ec.SECP384R1())), "is not a key for ES256"),
        ("EdDSA", KEYS["ES256"], "is not a key for EdDSA"),
        ("ES256", KEYS["EdDSA"], "is not a key for ES256"),
    ],
)
def test_only_the_right_key_is_taken(algorithm: str, text: str, message: str) -> None:
    with pytest.raises(BadOption, match=message) as caught:
        made(text, algorithm)
    assert caught.value.field == "secret"
    assert text == "" or text not in str(caught.value)
