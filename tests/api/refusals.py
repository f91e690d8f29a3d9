"""What every refusal looks like."""

from __future__ import annotations

from typing import Any

from token_issuer.models import IssuedToken

HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
MAY_FOLLOW = {"reason", "retry_after", "fields"}


def assert_refused(
    response: Any,
    status: int,
    error: str,
    description: str | None = None,
    *,
    reason: str | None = None,
    fields: dict[str, list[str]] | None = None,
) -> None:
    """Fail unless this is our refusal, in our shape, with our headers, and nothing was minted."""
    body = response.json()
    assert (response.status_code, body["error"]) == (status, error), body
    assert set(body) - MAY_FOLLOW == {"error", "error_description", "request_id"}
    assert body["error_description"]
    if description is not None:
        assert body["error_description"] == description
    assert body.get("reason") == reason
    if fields is not None:
        assert body["fields"] == fields
    assert {name: response[name] for name in HEADERS} == HEADERS
    assert not IssuedToken.objects.exists()
