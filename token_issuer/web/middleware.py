"""``TokenMiddleware``: a good token of ours is told in ``request.auth``; ``request.user`` stays the session's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async

from token_issuer.services.verified import Kind, Verified
from token_issuer.web import answers
from token_issuer.web.credentials import REUSABLE, credential_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase, JsonResponse

GetResponse = Callable[["HttpRequest"], "HttpResponseBase | Awaitable[HttpResponseBase]"]


class TokenMiddleware:
    """Place it after ``AuthenticationMiddleware``. A subclass may name other ``kinds`` or an ``audience``.

    ``request.auth`` is a ``Verified``, None for everybody else. ``request.user`` is left alone: a token with few scopes
    must not pass for its user's session, before the admin, ``login_required`` or any view that asks ``request.user``
    alone. A view that wants the token's user says so, by ``token_required`` or by asking ``request.auth``.

    A token of ours that is not good gets 401 here, since its bearer did not mean to come as somebody else. Tokens of
    others, and one-time tokens, pass unseen. What a view allows is the view's business.
    """

    sync_capable = True
    async_capable = True
    kinds: ClassVar[frozenset[Kind]] = REUSABLE
    audience: ClassVar[str | None] = None

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response: Any = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:  # noqa: ANN401  a response, or one to wait for
        """Look at the credential, then let the site answer."""
        if iscoroutinefunction(self):
            return self._later(request)
        refused = self._look_at(request)
        return refused if refused is not None else answers.varying(self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        refused = await sync_to_async(self._look_at)(request)
        return refused if refused is not None else answers.varying(await self.get_response(request))

    def _look_at(self, request: Any) -> JsonResponse | None:  # noqa: ANN401  a request has no ``auth`` of Django's own
        found = credential_of(request, self.kinds, audience=self.audience)
        if found is not None and not isinstance(found, Verified):
            return found
        request.auth = found
        return None
