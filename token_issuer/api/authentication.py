"""Who calls, by the site's own session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.middleware.csrf import CsrfViewMiddleware
from rest_framework import authentication

from token_issuer.api.refusals import CsrfFailed
from token_issuer.conf import conf
from token_issuer.errors import NotAuthenticated

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.request import Request

CHALLENGE = 'Session realm="token_issuer"'
"""WWW-Authenticate of a 401; no scheme that a browser knows, or it would open its password dialogue."""


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, with a 401 for nobody, a word of its own for a failed CSRF check, and a word for the deactivated."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the session's user, None for nobody.

        Raises:
            NotAuthenticated: the account is deactivated.
            CsrfFailed: an unsafe method came without the site's CSRF proof.
        """
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        if not user.is_active:
            msg = "This account is not active."
            raise NotAuthenticated(msg)
        self.enforce_csrf(request)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge; without one DRF turns a 401 into a 403."""
        return CHALLENGE

    def enforce_csrf(self, request: Request) -> None:
        """Raise CsrfFailed unless the request proves that the site's own page sent it."""
        require_own_page(request._request)


def require_own_page(request: HttpRequest) -> None:
    """Do Django's own CSRF check, whatever the view is exempt from. Raises CsrfFailed."""
    check = _CsrfCheck(_never_called)
    check.process_request(request)
    reason = check.process_view(request, _never_called, (), {})
    if reason:
        msg = f"CSRF check failed: {reason}"
        raise CsrfFailed(msg)


def authenticators() -> list[BaseAuthentication]:
    """Return who may vouch for a caller: what the site names, else the session alone.

    Raises:
        ImproperlyConfigured: a path of the setting leads nowhere.
    """
    paths = conf.authentication_classes
    if paths is None:
        return [SessionAuthentication()]
    return [conf.resolve("AUTHENTICATION_CLASSES", path)() for path in paths]


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:  # noqa: ANN401  the reason instead of a page
        return reason


def _never_called(request: HttpRequest) -> HttpResponse:
    raise AssertionError("unreachable")
