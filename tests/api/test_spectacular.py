"""A site's own OpenAPI document has this API in it."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.validation import validate_schema

from token_issuer.api.schema import document, drop_in_paths
from token_issuer.api.spectacular import merge


@pytest.fixture
def made():
    """The document of a site whose only API is ours, by OpenAPI version."""

    def made(version: str) -> dict[str, Any]:
        hooks = ["token_issuer.api.spectacular.merge"]
        spectacular_settings.apply_patches({"POSTPROCESSING_HOOKS": hooks, "OAS_VERSION": version})
        try:
            return SchemaGenerator().get_schema(request=None, public=True)
        finally:
            spectacular_settings.clear_patches()

    return made


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_the_merged_document_is_valid(made, version):
    found = made(version)
    assert found["openapi"] == version
    validate_schema(found)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_our_paths_stand_where_the_site_put_them(made, version):
    theirs = document()["paths"].keys() - drop_in_paths().keys()  # which this site leaves out
    assert set(made(version)["paths"]) == {f"/issuer{path}" for path in theirs}


def test_our_names_are_ours(made):
    found = made("3.1.0")
    assert all(name.startswith("TokenIssuer") for named in found["components"].values() for name in named)
    body = found["paths"]["/issuer/applications/{slug}/tokens/"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/TokenIssuerTokenRequest"}


def test_what_3_0_cannot_say_is_said_otherwise(made):
    schemas = made("3.0.3")["components"]["schemas"]
    room = schemas["TokenIssuerTokenRequest_videosdk"]["properties"]["roomId"]
    assert (room["type"], room["nullable"]) == ("string", True)
    lifetime = schemas["TokenIssuerTokenRequest_agora"]["properties"]["lifetime"]
    assert lifetime["anyOf"] == [{"type": "integer"}, {"type": "string"}]


def test_a_site_without_our_addresses_keeps_its_document(settings):
    settings.ROOT_URLCONF = "tests.api.no_urls"
    assert merge({"openapi": "3.1.0"}, None) == {"openapi": "3.1.0"}


def test_what_the_site_has_stays():
    theirs = {"openapi": "3.1.0", "paths": {"/own/": {}}, "components": {"schemas": {"Token": {"type": "string"}}}}
    found = merge(theirs, None)
    assert found["paths"]["/own/"] == {}
    assert found["components"]["schemas"]["Token"] == {"type": "string"}
    assert "TokenIssuerToken" in found["components"]["schemas"]
