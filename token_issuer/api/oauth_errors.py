"""What ``oauth/*`` answer to an exception: the codes of RFC 6749 section 5.2 and RFC 6750 section 3.1, no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rest_framework.response import Response

from token_issuer.api import errors
from token_issuer.api.refusals import OtherGrantType
from token_issuer.errors import FieldError, PolicyDenied

if TYPE_CHECKING:
    from token_issuer.api.errors import Problem

CHALLENGE: Final = 'Basic realm="token_issuer", charset="UTF-8"'
"""RFC 6749 section 5.2: the scheme that the client used; RFC 7617 for its parameters."""

ANSWERS: Final[Mapping[str, tuple[int, str]]] = {
    "invalid_request": (400, "invalid_request"),
    "malformed_body": (400, "invalid_request"),
    "unsupported_media_type": (400, "invalid_request"),
    "insecure_transport": (400, "invalid_request"),
    "csrf_failed": (403, "invalid_request"),
    "not_authenticated": (401, "invalid_client"),
    "invalid_token": (400, "invalid_grant"),
    # RFC 6749 section 4.1.2.1: "the resource owner or authorization server denied the request".
    "policy_denied": (400, "access_denied"),
    "application_disabled": (400, "unauthorized_client"),
    "not_found": (400, "unauthorized_client"),
    "method_not_allowed": (405, "invalid_request"),
    "rate_limited": (429, "temporarily_unavailable"),
    "vendor_unavailable": (503, "temporarily_unavailable"),
    "no_active_certificate": (503, "temporarily_unavailable"),
    "policy_unavailable": (503, "temporarily_unavailable"),
    "unavailable": (503, "temporarily_unavailable"),
}
"""By the code that the same exception has everywhere else."""

CODES: Final = frozenset({code for _, code in ANSWERS.values()}) | {
    "invalid_scope",
    "insufficient_scope",
    "unsupported_grant_type",
}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception, None for one that is a defect."""
    answer = errors.handle(error, context)
    problem = errors.problem_of(error)
    if answer is None or problem is None:
        return None
    status, code = _of(error, problem)
    response = Response({"error": code, "error_description": _plain(problem.description)}, status=status)
    if code == "invalid_client":
        response["WWW-Authenticate"] = CHALLENGE
    if "Retry-After" in answer:
        response["Retry-After"] = answer["Retry-After"]
    return response


def _of(error: Exception, problem: Problem) -> tuple[int, str]:
    if isinstance(error, OtherGrantType):
        return 400, "unsupported_grant_type"
    if isinstance(error, PolicyDenied) and error.reason == "scope_missing":
        return 403, "insufficient_scope"
    if isinstance(error, FieldError) and error.field == "scope":
        return 400, "invalid_scope"
    return ANSWERS[problem.code]


def _plain(text: str) -> str:
    # RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E.
    return "".join(mark if " " <= mark <= "~" and mark not in '"\\' else "'" for mark in text)
