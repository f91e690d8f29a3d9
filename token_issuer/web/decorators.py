"""``token_required``: a view that wants a token, and nothing else will do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.utils.decorators import classonlymethod

from token_issuer.services.verified import Kind, Verified
from token_issuer.web import answers
from token_issuer.web.credentials import REUSABLE, credential_of, put_in, refusal

if TYPE_CHECKING:
    from django.http import HttpRequest, JsonResponse

View = TypeVar("View", bound=Callable[..., Any])
Check = Callable[["HttpRequest"], "JsonResponse | None"]


@overload
def token_required(view: View) -> View: ...
@overload
def token_required(
    *, scopes: Collection[str] = (), kinds: Collection[Kind] = REUSABLE, audience: str | None = None
) -> Callable[[View], View]: ...
def token_required(
    view: View | None = None,
    *,
    scopes: Collection[str] = (),
    kinds: Collection[Kind] = REUSABLE,
    audience: str | None = None,
) -> View | Callable[[View], View]:
    """Let only requests in that carry a good token of these kinds with all of these scopes.

    For functions, classes with ``as_view`` and asynchronous views of both sorts. The view finds ``request.user`` (an
    AnonymousUser for a server that acts for nobody) and ``request.auth``, a ``Verified``; a session does not count, so
    there is no CSRF to check and no sign-in page to send anybody to.

    Args:
        kinds: a one-time token is never taken here, whatever this says: use ``one_time``.
        audience: whom an access token must be meant for; None for ``ISSUER``.

    Raises:
        TypeError: ``scopes`` is a text instead of a collection of them.
    """
    if isinstance(scopes, str):
        raise TypeError("scopes is a collection of texts")
    check = partial(_checked, scopes=frozenset(scopes), kinds=frozenset(kinds), audience=audience)
    decorate: Callable[[Any], Any] = partial(guarded, check=check)
    return decorate if view is None else decorate(view)


def _checked(
    request: HttpRequest, *, scopes: frozenset[str], kinds: frozenset[Kind], audience: str | None
) -> JsonResponse | None:
    found = credential_of(request, kinds, audience=audience)
    if found is None:
        return answers.missing(scopes)
    if not isinstance(found, Verified):
        return found
    put_in(request, found)
    return refusal(request, found, scopes)


def guarded(view: Any, *, check: Check) -> Any:  # noqa: ANN401  a function or a class, and the same again
    """Return the view behind a check, which answers instead of it or not at all."""
    if isinstance(view, type):
        return _guarded_class(view, check=check)
    done: Any = _guarded_async(view, check) if iscoroutinefunction(view) else _guarded_sync(view, check)
    done.csrf_exempt = True  # no cookie opens this view
    done.login_required = False  # LoginRequiredMiddleware would send a page
    return done


def _guarded_class(view: Any, *, check: Check) -> Any:  # noqa: ANN401
    inner = view.as_view.__func__
    # Before the view is even set up; whether it is asynchronous is known only of what as_view returns.
    view.as_view = classonlymethod(lambda cls, **kwargs: guarded(inner(cls, **kwargs), check=check))
    return view


def _guarded_sync(view: Callable[..., Any], check: Check) -> Callable[..., Any]:
    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  any response
        answer = check(request)
        return answer if answer is not None else answers.varying(view(request, *args, **kwargs))

    return checked


def _guarded_async(view: Callable[..., Any], check: Check) -> Callable[..., Any]:
    @wraps(view)
    async def checked(request: HttpRequest, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  any response
        answer = await sync_to_async(check)(request)
        return answer if answer is not None else answers.varying(await view(request, *args, **kwargs))

    return checked
