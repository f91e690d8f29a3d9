"""From an exception to an answer: the only place that knows HTTP statuses.

The list of codes is closed; ``docs/errors.md`` says what each means and what to do.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest, ImproperlyConfigured, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException
from rest_framework import exceptions
from rest_framework.response import Response

from token_issuer.api.authentication import CHALLENGE
from token_issuer.api.callers import request_id_of
from token_issuer.api.texts import shown
from token_issuer.errors import Conflict, FieldError, PolicyDenied, RateLimited, TokenIssuerError, VendorUnavailable
from token_issuer.providers.base import gettext_noop as _
from token_issuer.services.bearer import Scheme, challenge
from token_issuer.services.callers import SCOPE_MISSING
from token_issuer.services.logged import facts

if TYPE_CHECKING:
    from rest_framework.request import Request

logger = logging.getLogger("token_issuer.issue")

STATUSES: Final[Mapping[str, int]] = {
    "invalid_request": 400,
    "malformed_body": 400,
    "not_authenticated": 401,
    "invalid_token": 401,
    "csrf_failed": 403,
    "insecure_transport": 403,
    "policy_denied": 403,
    "application_disabled": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "unsupported_media_type": 415,
    "rate_limited": 429,
    "vendor_unavailable": 502,
    "no_active_certificate": 503,
    "policy_unavailable": 503,
    "unavailable": 503,
}

# Seconds that a caller should wait where nothing better is known; an administrator needs longer than a database.
_WAITS: Final = {"vendor_unavailable": 5, "policy_unavailable": 5, "unavailable": 5, "no_active_certificate": 60}

# What Django, DRF around our views and a site's own authentication classes raise. The first that fits counts.
_KNOWN: Final[Sequence[tuple[tuple[type[Exception], ...], str, str]]] = (
    ((exceptions.NotAuthenticated,), "not_authenticated", _("Sign in first.")),
    ((exceptions.AuthenticationFailed,), "invalid_token", _("The credentials were not accepted.")),
    ((exceptions.PermissionDenied, PermissionDenied), "policy_denied", _("You may not do this.")),
    ((exceptions.NotFound, Http404), "not_found", _("There is no such thing.")),
    (
        (exceptions.MethodNotAllowed,),
        "method_not_allowed",
        _("This address does not answer that method; Allow names those it does."),
    ),
    ((exceptions.UnsupportedMediaType,), "unsupported_media_type", _("The body must be application/json.")),
    (
        (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError, RawPostDataException),
        "malformed_body",
        _("The body could not be read."),
    ),
    ((OperationalError, InterfaceError), "unavailable", _("The service cannot answer now; try again soon.")),
    ((exceptions.APIException,), "invalid_request", _("The request was not accepted.")),
)

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer of ours: it is about one person, may hold a token, and is no page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What an error says to the caller."""

    code: str
    description: str
    reason: str = ""
    retry_after: int | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUSES[self.code]

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the one shape that every error of ours has."""
        told = {
            "reason": self.reason,
            "retry_after": self.retry_after,
            "fields": {name: [shown(text) for text in texts] for name, texts in self.fields.items()},
        }
        return {
            "error": self.code,
            "error_description": self.description,
            **{name: value for name, value in told.items() if value},
            "request_id": request_id,
        }


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception, None for one that is a defect: Django reports those to the site."""
    problem = problem_of(error)
    if problem is None:
        return None
    request: Request = context["request"]
    request_id = request_id_of(request._request)
    if problem.code == "unavailable":
        extra = facts("unavailable", reason=type(error).__name__, request_id=request_id)
        logger.error("the service could not answer", exc_info=error, extra=extra)
    response = Response(problem.body(request_id), status=problem.status)
    if problem.status == STATUSES["not_authenticated"]:
        own = getattr(error, "auth_header", None)
        response["WWW-Authenticate"] = own or context["view"].get_authenticate_header(request) or CHALLENGE
    elif problem.reason == SCOPE_MISSING:
        # A site's own class may have vouched, and has no scheme of ours.
        scheme: Scheme = getattr(request.successful_authenticator, "scheme", "bearer")
        response["WWW-Authenticate"] = challenge("insufficient_scope", scheme=scheme)
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


def problem_of(error: Exception) -> Problem | None:
    """Return what to say of an exception, None when it is nothing that a caller or an operator did."""
    if isinstance(error, TokenIssuerError):
        return _of_ours(error)
    if isinstance(error, ImproperlyConfigured):
        return _simple("unavailable", _cause(error))
    if isinstance(error, exceptions.PermissionDenied) and str(error.detail).startswith("CSRF Failed"):
        # DRF's own session authentication, where a site names that one.
        return _simple("csrf_failed", str(error.detail))
    if isinstance(error, exceptions.Throttled):
        wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
        return Problem(code="rate_limited", description=shown(_("Try again later.")), retry_after=wait)
    if isinstance(error, exceptions.APIException) and error.status_code >= 500:
        return _simple("unavailable", _("The service cannot answer now; try again soon."))
    return next((_simple(code, text) for kinds, code, text in _KNOWN if isinstance(error, kinds)), None)


def _of_ours(error: TokenIssuerError) -> Problem:
    code = error.code if error.code in STATUSES else "invalid_request"
    if isinstance(error, FieldError):
        return Problem(code=code, description=f"{error.field}: {shown(error.reason)}", fields=error.fields)
    return Problem(
        code=code,
        description=shown(error.message),
        reason=error.reason if isinstance(error, Conflict | PolicyDenied | VendorUnavailable) else "",
        retry_after=error.retry_after if isinstance(error, RateLimited) else _WAITS.get(code),
        fields=error.fields if isinstance(error, PolicyDenied) else {},
    )


def _cause(error: ImproperlyConfigured) -> str:
    # These messages name a setting or a key by its id, never a secret; a developer wants them, a visitor does not.
    if settings.DEBUG:
        return str(error)
    return _("The service is not set up completely; the site's log says what is missing.")


def _simple(code: str, description: str) -> Problem:
    return Problem(code=code, description=shown(description), retry_after=_WAITS.get(code))
