"""Only the site's own files run and only the site itself is talked to; nothing inline, no frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def strict(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Put the policy on every answer, the admin's too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # A view of the site may know better.
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware
