"""Who calls: by the site's own session, or by a credential of ours in the Authorization header.

The classes for credentials are for a site's own views, too. Each takes its own kinds and answers None to everything
else, so that it stands before or after anybody's: what is ours is known by prefix, type and issuer, before any key is
asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from rest_framework import authentication

from token_issuer.api.challenges import InsufficientScope, InvalidToken, ServiceUnavailable, TokenInAddress
from token_issuer.api.refusals import CsrfFailed
from token_issuer.conf import conf
from token_issuer.errors import NotAuthenticated, ReadOnly, TokenRejected, Unavailable
from token_issuer.services import bearer, consuming, verifying
from token_issuer.services.addresses import address_of
from token_issuer.services.logged import facts
from token_issuer.services.recognising import recognise
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.request import Request

    from token_issuer.crypto import TokenText

logger = logging.getLogger("token_issuer.verify")

CHALLENGE = 'Session realm="token_issuer"'
"""WWW-Authenticate of a 401; no scheme that a browser knows, or it would open its password dialogue."""


class SessionAuthentication(authentication.SessionAuthentication):
    """DRF's, with a 401 for nobody, a word of its own for a failed CSRF check, and a word for the deactivated."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the session's user, None for nobody and for whoever presented a credential of ours.

        Raises:
            NotAuthenticated: the account is deactivated.
            CsrfFailed: an unsafe method came without the site's CSRF proof.
        """
        user = getattr(request._request, "user", None)
        # Something before us may have made the bearer of a token ``user``, and a token is no session: it has scopes.
        if user is None or carries_credential(request._request) or not user.is_authenticated:
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


def carries_credential(request: HttpRequest) -> bool:
    """Whether a credential of ours was found in the request, by a middleware or decorator of ours or by one's own."""
    found = (getattr(request, name, None) for name in (bearer.CREDENTIAL, bearer.LEASE))
    return isinstance(getattr(request, "auth", None), Verified) or any(found)


def require_own_page(request: HttpRequest) -> None:
    """Do Django's own CSRF check, whatever the view is exempt from. Raises CsrfFailed."""
    check = _CsrfCheck(_never_called)
    check.process_request(request)
    reason = check.process_view(request, _never_called, (), {})
    if reason:
        msg = f"CSRF check failed: {reason}"
        raise CsrfFailed(msg)


class CredentialAuthentication(authentication.BaseAuthentication):
    """A credential of ours in the Authorization header, verified without using it up.

    ``request.user`` is whose it is (an AnonymousUser for a server that acts for nobody), ``request.auth`` a
    ``Verified``.
    """

    kinds: ClassVar[frozenset[Kind]]
    scheme: ClassVar[bearer.Scheme] = "bearer"
    audience: ClassVar[str | None] = None
    """Whom an access token must be meant for; None for ``ISSUER``."""
    exact: bool = False
    """Whether the database is asked although ``REVOCATION_CHECK`` lets a cache answer."""

    def authenticate(self, request: Request) -> tuple[Any, Verified] | None:
        """Return the user and what is known, None for what is not of these kinds.

        Raises:
            InvalidToken: it is ours, and not good.
            TokenInAddress: the address holds a token of ours, whatever the header says.
            ServiceUnavailable: the database does not answer.
        """
        if bearer.in_address(value for values in request.query_params.lists() for value in values[1]):
            raise TokenInAddress
        text = bearer.presented(request.META.get("HTTP_AUTHORIZATION", ""), self.scheme)
        try:
            found = None if text is None else self.verified(text, request, at=timezone.now())
        except TokenRejected as error:
            raise InvalidToken(self.scheme) from error
        except Unavailable as error:
            logger.exception("a credential could not be verified", extra=facts("unavailable", reason=error.message))
            raise ServiceUnavailable from error
        return None if found is None else (found.user, found)

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge for nobody; without one DRF turns a 401 into a 403."""
        return bearer.challenge(scheme=self.scheme)

    def verified(self, text: TokenText, request: Request, *, at: datetime) -> Verified | None:
        """Return what is known of a good credential, None for one of another kind."""
        peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
        ip = address_of(peer=peer, forwarded_for=forwarded)
        return verifying.verify_if(text, self.kinds, at=at, audience=self.audience, exact=self.exact, ip=ip)


class AccessTokenAuthentication(CredentialAuthentication):
    """Our access token: ``Authorization: Bearer <token>``."""

    kinds = frozenset({Kind.ACCESS})


class ApiKeyAuthentication(CredentialAuthentication):
    """A server's key and its secret: ``Authorization: Api-Key <public id>.<secret>``."""

    kinds = frozenset({Kind.API_KEY})
    scheme = "api-key"


class SelfSignedAuthentication(CredentialAuthentication):
    """A token that a server signed with its API key's secret: ``Authorization: Bearer <token>``."""

    kinds = frozenset({Kind.SELF_SIGNED})


class OneTimeTokenAuthentication(CredentialAuthentication):
    """Our short token: ``Authorization: Bearer tio_…``, used up when REST framework asks who calls.

    Behind ``token_issuer.web.one_time`` it takes what that has used up already. Without it the view must not run inside
    a transaction: under ATOMIC_REQUESTS it raises OpenTransaction, which names the cure.
    """

    kinds = frozenset({Kind.ONE_TIME})
    application: ClassVar[str | None] = None
    """The slug of the application that the token must be of; None for any."""

    def verified(self, text: TokenText, request: Request, *, at: datetime) -> Verified | None:
        """Return the lease, None for what is no short token.

        Raises:
            InsufficientScope: it may only read, and this is not a safe method; it is not used up.
        """
        if recognise(text) is not Kind.ONE_TIME:
            return None
        lease: Verified | None = getattr(request._request, bearer.LEASE, None)
        if lease is not None and self.application in {None, lease.application_slug}:
            return lease
        safe = request.method in bearer.SAFE_METHODS
        try:
            return consuming.consume(text, at=at, safe=safe, application=self.application)
        except ReadOnly as error:
            raise InsufficientScope from error


def authenticators() -> list[BaseAuthentication]:
    """Return who may vouch for a caller: what the site names, else our access token, our API key and the session.

    What is presented counts before what a browser sends by itself, so our credentials are looked for first, in whatever
    order a site lists them: a session's cookie beside an API key makes no session's call of it. Who may issue tokens
    and end them is asked of the database, never of a cache.

    Raises:
        ImproperlyConfigured: a path of the setting leads nowhere.
    """
    paths = conf.authentication_classes
    if paths is None:
        listed = [AccessTokenAuthentication(), ApiKeyAuthentication(), SessionAuthentication()]
    else:
        listed = [conf.resolve("AUTHENTICATION_CLASSES", path)() for path in paths]
    for each in listed:
        if isinstance(each, CredentialAuthentication):
            each.exact = True
    return sorted(listed, key=lambda each: not isinstance(each, CredentialAuthentication))


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:  # noqa: ANN401  the reason instead of a page
        return reason


def _never_called(request: HttpRequest) -> HttpResponse:
    raise AssertionError("unreachable")
