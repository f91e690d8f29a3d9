"""What every view of ours stands on: nothing of the site's ``REST_FRAMEWORK`` reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import DEFAULTS, APISettings
from rest_framework.views import APIView

from token_issuer.api import errors
from token_issuer.api.authentication import authenticators
from token_issuer.api.callers import caller_of
from token_issuer.api.parsers import IssuerRequest, StrictJSONParser
from token_issuer.api.queries import require_known
from token_issuer.api.refusals import InsecureTransport
from token_issuer.api.rendering import JsonRenderer, OneOfEach
from token_issuer.conf import conf
from token_issuer.providers.scopes import TOKENS_ISSUE

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.views import AsView, GenericView

    from token_issuer.services.callers import Caller

# DRF's own defaults, said as somebody's settings: with none it would read the site's.
_SETTINGS: Final = APISettings(user_settings=DEFAULTS)


class PinnedView(APIView):
    """A view whose every policy is said here. Anybody may ask it; ``IssuerView`` knows its caller."""

    authentication_classes = ()
    content_negotiation_class = OneOfEach
    http_method_names = ["get", "head", "post"]
    metadata_class = None
    pagination_class = None
    parser_classes = (StrictJSONParser,)
    permission_classes = ()  # who may what is policy's business, and the caller's standing is asked in initial()
    renderer_classes = (JsonRenderer,)
    schema = None  # ``schema.py`` describes all of them, from the field specs
    settings = _SETTINGS
    throttle_classes = ()  # a rule's window is the limit
    versioning_class = None

    known_parameters: ClassVar[frozenset[str]] = frozenset()
    at: datetime

    @classmethod
    def as_view(cls, **initkwargs: object) -> AsView[GenericView]:
        """Return the view function: it manages its own transactions and answers 401 itself."""
        view = super().as_view(**initkwargs)
        view.login_required = False  # type: ignore[attr-defined]  # LoginRequiredMiddleware would send a page
        for alias in connections:
            # A use case commits before it answers; within ATOMIC_REQUESTS that could not be promised.
            transaction.non_atomic_requests(using=alias)(view)
        return view

    def initialize_request(self, request: HttpRequest, *args: object, **kwargs: object) -> IssuerRequest:
        """Return the request; whatever is wrong with the settings waits for ``initial``, where errors are answered."""
        return IssuerRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Read the clock once, look at the address, and let DRF do its part."""
        self.at = timezone.now()
        require_known(request._request, self.known_parameters)
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response | None]:
        """Return ours."""
        return errors.handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Put our headers on whatever is answered."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        for name, value in errors.HEADERS.items():
            finished[name] = value
        return finished


class SecureView(PinnedView):
    """A view that answers over HTTPS only."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse plain HTTP."""
        if conf.require_https and not request._request.is_secure():
            msg = "Use HTTPS."
            raise InsecureTransport(msg)
        super().initial(request, *args, **kwargs)


class IssuerView(SecureView):
    """A view for somebody who is signed in, over HTTPS."""

    required_scopes: ClassVar[tuple[str, ...]] = (TOKENS_ISSUE,)
    """What a token or key must be allowed here, one of them; a session has no scopes, and may."""

    caller: Caller
    _misconfigured: ImproperlyConfigured | None = None

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return who may vouch for the caller, as ``AUTHENTICATION_CLASSES`` says now."""
        try:
            return authenticators()
        except ImproperlyConfigured as error:
            # DRF asks before it answers errors; initial() raises it again.
            self._misconfigured = error
            return []

    def get_authenticate_header(self, request: Request) -> str:
        """Return every challenge there is: each class of the list may vouch, not only the first."""
        told = [each.authenticate_header(request) for each in self.get_authenticators()]
        return ", ".join(dict.fromkeys(challenge for challenge in told if challenge))

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse nobody."""
        if self._misconfigured is not None:
            raise self._misconfigured
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)
        self.caller.require_active()
        self.caller.require_scope(*self.required_scopes)
