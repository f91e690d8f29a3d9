"""What plain views of a site answer to a credential that does not do: JSON, a challenge, and nothing to be cached.

The shape is the API's own (``docs/errors.md``). What is wrong with a token is never told.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from django.http import JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext

from token_issuer.providers.base import gettext_noop as _
from token_issuer.services.bearer import Problem, challenge

if TYPE_CHECKING:
    from django.http import HttpResponseBase

_WAIT: Final = 5  # seconds


def missing(scopes: Collection[str] = ()) -> JsonResponse:
    """401: nothing was presented that this view takes."""
    return _answer(401, "not_authenticated", _("Send a token."), challenge=challenge(scopes=scopes))


def invalid() -> JsonResponse:
    """401: a token of ours that is not good, whatever is wrong with it."""
    return _refusal(401, "invalid_token", _("The credentials were not accepted."))


def in_address() -> JsonResponse:
    """400: a token came in the address, where logs and histories keep it."""
    return _refusal(400, "invalid_request", _("A token belongs into the Authorization header, never into the address."))


def insufficient(scopes: Collection[str] = (), description: str = _("The token does not allow this.")) -> JsonResponse:
    """403: a good token that may not do this."""
    return _refusal(403, "insufficient_scope", description, scopes=scopes)


def unavailable() -> JsonResponse:
    """503: the database does not answer, so nothing can be said of the token."""
    response = _answer(503, "unavailable", _("The service cannot answer now; try again soon."), retry_after=_WAIT)
    response["Retry-After"] = str(_WAIT)
    return response


def varying(response: HttpResponseBase) -> HttpResponseBase:
    """Return an answer marked as one to this credential: a cache must not show it to another's."""
    patch_vary_headers(response, ["Authorization"])
    return response


def _refusal(status: int, problem: Problem, description: str, *, scopes: Collection[str] = ()) -> JsonResponse:
    return _answer(status, problem, description, challenge=challenge(problem, scopes=scopes))


def _answer(
    status: int, code: str, description: str, *, challenge: str | None = None, retry_after: int | None = None
) -> JsonResponse:
    body = {"error": code, "error_description": gettext(description)}
    response = JsonResponse(body | ({"retry_after": retry_after} if retry_after else {}), status=status)
    response["Cache-Control"] = "no-store"
    if challenge:
        response["WWW-Authenticate"] = challenge
    varying(response)
    return response
