"""A client of the standard endpoints: no cookies, no session, a form over HTTPS."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus, urlencode

from django.test import Client

FORM = "application/x-www-form-urlencoded"
OAUTH_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def basic(client_id: str, secret: str) -> str:
    """Return the header's value, encoded as RFC 6749 section 2.3.1 wants it."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Machine:
    """Speaks to ``oauth/*``; ``credentials`` are an API key's public id and secret."""

    def __init__(self, *credentials: str) -> None:
        self.client = Client()
        self.headers = {"Authorization": basic(*credentials)} if credentials else {}

    def post(self, path: str, **form: str) -> Any:
        """Send a form."""
        return self.send(path, urlencode(form))

    def send(self, path: str, body: bytes | str, *, kind: str = FORM, secure: bool = True, **headers: str) -> Any:
        """Send a body as it is."""
        address = f"/issuer/oauth/{path}/"
        return self.client.post(address, body, content_type=kind, secure=secure, headers={**self.headers, **headers})

    def refresh(self, text: str, **form: str) -> Any:
        """Refresh."""
        return self.post("token", grant_type="refresh_token", refresh_token=text, **form)


def assert_error(response: Any, status: int, error: str, description: str | None = None) -> None:
    """Fail unless this is the standard's error, with the standard's headers and members."""
    body = response.json()
    assert (response.status_code, body["error"]) == (status, error), body
    assert set(body) == {"error", "error_description"}
    if description is not None:
        assert body["error_description"] == description, body
    assert {name: response[name] for name in OAUTH_HEADERS} == OAUTH_HEADERS
    assert ("WWW-Authenticate" in response) is (status == 401)
