"""``TokenMiddleware``: whoever presents a good token of ours is ``request.user``; everybody else is left alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async

from token_issuer.services.verified import Kind, Verified
from token_issuer.web import answers
from token_issuer.web.credentials import REUSABLE, credential_of, put_in

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase, JsonResponse

GetResponse = Callable[["HttpRequest"], "HttpResponseBase | Awaitable[HttpResponseBase]"]


class TokenMiddleware:
    """Place it after ``AuthenticationMiddleware``. A subclass may name other ``kinds`` or an ``audience``.

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

    def _look_at(self, request: HttpRequest) -> JsonResponse | None:
        found = credential_of(request, self.kinds, audience=self.audience)
        if isinstance(found, Verified):
            put_in(request, found)
            return None
        return found
