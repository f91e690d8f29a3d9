"""Keys that sign: parsed once, and only the right ones."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from token_issuer.crypto import Secret, SigningKey, VerifyingKey, signing_keys
from token_issuer.errors import BadOption
from token_issuer.formats import jws

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


ALGORITHMS = ("HS256", "ES256", "EdDSA", "RS256")


@pytest.fixture(scope="module")
def generated() -> dict[str, SigningKey]:
    """A key of each algorithm, from a secret that we made."""
    found = {name: Secret(**signing_keys.new_secret(name)) for name in ALGORITHMS}
    return {
        name: signing_keys.signing_key(secret, part="key", algorithm=name, key_id="1") for name, secret in found.items()
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_new_secret_signs_and_its_other_half_verifies(generated: dict[str, SigningKey], algorithm: str) -> None:
    key = generated[algorithm]
    token = jws.encode({"sub": "a"}, key=key, typ="at+jwt")
    other = key.verifying_key
    assert (other.algorithm, other.key_id) == (algorithm, "1")
    assert jws.verify(token, algorithm=other.algorithm, key=other.key)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA"])
def test_two_new_secrets_differ(algorithm: str) -> None:
    assert signing_keys.new_secret(algorithm) != signing_keys.new_secret(algorithm)


def test_a_new_hs256_secret_is_32_random_bytes() -> None:
    assert len(bytes.fromhex(signing_keys.new_secret("HS256")["key"])) == 32


def test_a_new_rsa_key_has_3072_bits(generated: dict[str, SigningKey]) -> None:
    key = generated["RS256"].key
    assert isinstance(key, rsa.RSAPrivateKey)
    assert (key.key_size, key.public_key().public_numbers().e) == (3072, 65_537)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_new_private_key_is_pkcs8_in_pem(algorithm: str) -> None:
    text = signing_keys.new_secret(algorithm)["key"]
    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")
    load_pem_private_key(text.encode(), password=None)


def test_a_new_secret_has_the_part_that_was_named() -> None:
    assert list(signing_keys.new_secret("HS256", part="secret")) == ["secret"]


@pytest.mark.parametrize("algorithm", ["none", "HS512", "ES384", ""])
def test_there_is_no_new_secret_for_other_algorithms(algorithm: str) -> None:
    with pytest.raises(BadOption, match=r"there is no algorithm .* here; use HS256, ES256, EdDSA or RS256"):
        signing_keys.new_secret(algorithm)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_public_key_is_made_once(algorithm: str) -> None:
    assert made(KEYS[algorithm], algorithm).verifying_key.key is made(KEYS[algorithm], algorithm).verifying_key.key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_show_their_algorithm_and_id_only(generated: dict[str, SigningKey], algorithm: str) -> None:
    key = generated[algorithm]
    assert (f"{key}", f"{key.verifying_key!r}") == (f"<SigningKey {algorithm} 1>", f"<VerifyingKey {algorithm} 1>")


def test_a_verifying_key_cannot_be_changed() -> None:
    key = VerifyingKey("HS256", "1", bytes(32))
    with pytest.raises(AttributeError, match="is immutable"):
        key.algorithm = "none"
