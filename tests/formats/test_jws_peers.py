"""Our signed tokens beside others: joserfc signs and verifies the same, and the standards' own examples verify."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import import_key
from jwt.algorithms import get_default_algorithms

from tests.formats.signing import KEYS, Key
from token_issuer.formats import jws

# RFC 9864 names it Ed25519 and deprecates the older name, which is what today's verifiers know.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")

CLAIMS = {"iss": "https://issuer.example", "sub": "user-1", "exp": 1_790_000_600, "name": "Zoë-日本"}

each = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def joserfc_key(key: Key, material: Any) -> Any:
    return import_key(get_default_algorithms()[key.algorithm].to_jwk(material, as_dict=True))


@each
def test_joserfc_verifies_what_was_signed(key):
    token = jws.encode(CLAIMS, key=key, typ="at+jwt")
    found = joserfc_jws.deserialize_compact(token, joserfc_key(key, key.public), algorithms=[key.algorithm])
    assert (found.headers(), json.loads(found.payload or b"")) == jws.read(token)


@each
def test_what_joserfc_signed_verifies(key):
    header = {"alg": key.algorithm, "typ": "at+jwt", "kid": "k1"}
    private = joserfc_key(key, key.key)
    token = joserfc_jws.serialize_compact(header, json.dumps(CLAIMS), private, algorithms=[key.algorithm])
    assert jws.read(token) == (header, CLAIMS)
    assert jws.verify(token, algorithm=key.algorithm, key=key.public)


@each
def test_the_library_reads_the_same(key):
    token = jws.encode(CLAIMS, key=key, typ="at+jwt")
    assert json.loads(jwt.PyJWS().decode(token, key.public, algorithms=[key.algorithm])) == CLAIMS


# Published examples for the algorithms that jws.json has no tokens of.
RFC_EXAMPLES = {
    "RFC 7515 A.2": (
        "RS256",
        {
            "kty": "RSA",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT"
            "-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo"
            "7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs9"
            "1kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        },
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
        "nVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb"
        "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6"
        "_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
        "cN_IoypGlUPQGe77Rw",
    ),
    "RFC 7515 A.3": (
        "ES256",
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"
        "nVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    "RFC 8037 A.4": (
        "EdDSA",
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4"
        "ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
}


@pytest.mark.parametrize(("algorithm", "jwk", "token"), RFC_EXAMPLES.values(), ids=RFC_EXAMPLES)
def test_published_examples_verify(algorithm, jwk, token):
    key = jwt.PyJWK(jwk, algorithm=algorithm).key
    assert jws.verify(token, algorithm=algorithm, key=key)
