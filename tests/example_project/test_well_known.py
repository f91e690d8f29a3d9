"""A generic client finds its way from the example site's address alone."""

from __future__ import annotations


def test_the_metadata_leads_to_the_endpoints(client, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://rooms.example"}
    found = client.get("/.well-known/oauth-authorization-server", secure=True).json()
    assert found["token_endpoint"] == "https://rooms.example/issuer/oauth/token/"
    assert found["jwks_uri"] == "https://rooms.example/.well-known/jwks.json"
