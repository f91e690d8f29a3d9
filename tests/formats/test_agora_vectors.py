"""Both Agora codecs against the known answers of the vendor's own test suites."""

from __future__ import annotations

import base64
import string
import zlib
from typing import Any

import pytest

from tests.formats.agora_values import published_006, published_007
from tests.vectors import by_id, load_vectors
from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import agora006, agora007

VECTORS = load_vectors("agora.json")
POSITIVE: dict[str, dict[str, Any]] = {vector["id"]: vector for vector in VECTORS["vectors"]}
SIGNED_007 = [one for one in VECTORS["vectors"] if one["version"] == "007" and one["compare"] != "parse"]
ALL_007 = [one for one in VECTORS["vectors"] if one["version"] == "007"]
ALL_006 = [one for one in VECTORS["vectors"] if one["version"] == "006"]
NEGATIVE: dict[str, list[dict[str, Any]]] = {
    operation: [one for one in VECTORS["negative"] if one["op"] == operation]
    for operation in ("build", "parse", "verify")
}
STANDARD = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


def changed(text: str, position: int) -> str:
    """Put the next character of the alphabet at a position."""
    index = (STANDARD.find(text[position]) + 1) % len(STANDARD)
    return text[:position] + STANDARD[index] + text[position + 1 :]


def build(version: str, inputs: dict[str, Any]) -> str:
    if version == "007":
        return agora007.encode(**published_007(inputs))
    return agora006.encode(**published_006(inputs))


@pytest.mark.parametrize("vector", by_id(SIGNED_007))
def test_007_encodes_the_payload(vector):
    token = agora007.encode(**published_007(vector["inputs"]))
    assert agora007.decode(token).payload.hex() == vector["expected_payload_hex"]


@pytest.mark.parametrize("vector", by_id([one for one in SIGNED_007 if one["compare"] == "token"]))
def test_007_encodes_the_whole_text(vector):
    assert agora007.encode(**published_007(vector["inputs"])) == vector["expected_token"]


@pytest.mark.parametrize("vector", by_id(ALL_007))
def test_007_decodes_the_payload(vector):
    assert agora007.decode(vector["expected_token"]).payload.hex() == vector["expected_payload_hex"]


@pytest.mark.parametrize("vector", by_id(ALL_007))
def test_007_decodes_every_value(vector):
    wanted = published_007(vector["inputs"])
    found = agora007.decode(vector["expected_token"])
    assert {
        "app_id": found.app_id,
        "certificate": wanted["certificate"],
        "issued_ts": found.issued_ts,
        "lifetime": found.lifetime,
        "salt": found.salt,
        "services": list(found.services),
    } == {**wanted, "services": sorted(wanted["services"], key=lambda one: one.number)}
    assert found.unread is None


@pytest.mark.parametrize("vector", by_id(SIGNED_007))
def test_007_verifies(vector):
    assert agora007.verify(vector["expected_token"], vector["inputs"]["app_certificate"].encode())


@pytest.mark.parametrize("vector", by_id(SIGNED_007))
def test_007_refuses_every_changed_character(vector):
    """Deflate has bits that mean nothing, so some texts inflate to the very same payload; those alone may pass."""
    token, certificate = vector["expected_token"], vector["inputs"]["app_certificate"].encode()
    for position in range(len(token)):
        try:
            found = agora007.decode(changed(token, position))
        except TokenMalformed:
            continue
        assert not agora007.verify(found, certificate) or found.payload.hex() == vector["expected_payload_hex"]


@pytest.mark.parametrize("vector", by_id(SIGNED_007))
def test_007_refuses_every_changed_byte_of_the_payload(vector):
    payload, certificate = bytes.fromhex(vector["expected_payload_hex"]), vector["inputs"]["app_certificate"].encode()
    passed = []
    for position in range(len(payload)):
        altered = bytearray(payload)
        altered[position] ^= 1
        token = "007" + base64.b64encode(zlib.compress(bytes(altered))).decode()
        try:
            passed += [position] if agora007.verify(token, certificate) else []
        except TokenMalformed:
            continue
    assert passed == []


@pytest.mark.parametrize("vector", by_id(ALL_006))
def test_006_encodes_the_whole_text(vector):
    assert agora006.encode(**published_006(vector["inputs"])) == vector["expected_token"]


@pytest.mark.parametrize("vector", by_id(ALL_006))
def test_006_decodes_what_the_text_holds(vector):
    wanted = published_006(vector["inputs"])
    found = agora006.decode(vector["expected_token"])
    assert (found.app_id, found.salt, found.ends_ts) == (wanted["app_id"], wanted["salt"], wanted["ends_ts"])
    assert found.privileges == wanted["privileges"]


@pytest.mark.parametrize("vector", by_id(ALL_006))
def test_006_verifies_for_its_channel_and_uid(vector):
    wanted = published_006(vector["inputs"])
    assert agora006.verify(
        vector["expected_token"], wanted["certificate"], channel=wanted["channel"], uid=wanted["uid"]
    )


@pytest.mark.parametrize("vector", by_id(ALL_006))
def test_006_refuses_every_changed_character(vector):
    token, wanted = vector["expected_token"], published_006(vector["inputs"])
    passed = []
    for position in range(len(token)):
        try:
            good = agora006.verify(
                changed(token, position), wanted["certificate"], channel=wanted["channel"], uid=wanted["uid"]
            )
        except TokenMalformed:
            continue
        passed += [position] if good else []
    assert passed == []


@pytest.mark.parametrize("vector", by_id(NEGATIVE["build"]))
def test_what_must_not_be_built_is_refused_by_name(vector):
    base = "007-rtc-int-uid" if vector["version"] == "007" else "006-join-int-uid"
    inputs = {**POSITIVE[base]["inputs"], **vector["mutate"]}
    names = {"app_id": "app_id", "app_certificate": "certificate", "services": "services"}
    with pytest.raises((BadGrant, BadOption)) as caught:
        build(vector["version"], inputs)
    assert [caught.value.field] == [names[name] for name in vector["mutate"]]


@pytest.mark.parametrize("vector", by_id(NEGATIVE["parse"]))
def test_what_must_not_be_read_is_refused(vector):
    with pytest.raises(TokenMalformed):
        agora007.decode(vector["token"])


@pytest.mark.parametrize("vector", by_id(NEGATIVE["verify"]))
def test_another_certificate_does_not_verify(vector):
    token = POSITIVE[vector["token_of"]]["expected_token"]
    assert agora007.verify(token, vector["app_certificate"].encode()) is False
