"""The codecs against the answers that this repository ships; ``tests/peers/shipped_vectors.py`` asked for them."""

from __future__ import annotations

import pytest

from tests.formats.agora_values import for_006, for_007
from tests.vectors import by_id, own_vectors
from token_issuer.formats import agora006, agora007, jwt_hs256, packing

AGORA_007 = by_id(own_vectors("agora007.json")["vectors"])
AGORA_006 = by_id(own_vectors("agora006.json")["vectors"])
JWT_HS256 = by_id(own_vectors("jwt_hs256.json")["vectors"])


@pytest.mark.parametrize("vector", AGORA_007)
def test_007_encodes_the_payload(vector):
    token = agora007.encode(**for_007(vector["arguments"]))
    assert agora007.decode(token).payload.hex() == vector["payload"]


@pytest.mark.parametrize("vector", AGORA_007)
def test_007_decodes_and_verifies(vector):
    wanted = for_007(vector["arguments"])
    found = agora007.decode(vector["token"])
    assert list(found.services) == sorted(wanted["services"], key=lambda one: one.number)
    assert agora007.verify(found, wanted["certificate"])


@pytest.mark.parametrize("vector", AGORA_006)
def test_006_encodes_the_whole_text(vector):
    assert agora006.encode(**for_006(vector["arguments"])) == vector["token"]


@pytest.mark.parametrize("vector", AGORA_006)
def test_006_verifies(vector):
    asked = vector["arguments"]
    assert agora006.verify(
        vector["token"], asked["certificate"].encode(), channel=asked["channel"], uid=packing.uid_text(asked["uid"])
    )


@pytest.mark.parametrize("vector", JWT_HS256)
def test_jwt_encodes_the_whole_text(vector):
    assert jwt_hs256.encode(vector["claims"], key=vector["key"]) == vector["token"]


@pytest.mark.parametrize("vector", JWT_HS256)
def test_jwt_is_read_and_verifies(vector):
    assert jwt_hs256.read(vector["token"])[1] == vector["claims"]
    assert jwt_hs256.verify(vector["token"], key=vector["key"])
