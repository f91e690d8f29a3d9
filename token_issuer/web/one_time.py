"""``one_time``: a view that wants a short token, and uses it up before its work begins.

The token stays used whatever the view answers or raises, also under ``ATOMIC_REQUESTS``: it is claimed and committed
first, and only then the transactions begin in which Django would have run the view. What the view wrote is rolled back
as ever. Once it has begun, its work is not disturbed by the token's expiry: ``request.auth`` is the lease.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from contextlib import ExitStack
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, overload

from asgiref.sync import iscoroutinefunction
from django.db import connections, transaction
from django.utils import timezone
from django.utils.decorators import classonlymethod

from token_issuer.errors import ReadOnly, TokenRejected, Unavailable
from token_issuer.services import bearer, consuming
from token_issuer.services.logged import facts
from token_issuer.services.verified import Kind, Verified
from token_issuer.web import answers
from token_issuer.web.credentials import put_in
from token_issuer.web.decorators import Check, guarded

if TYPE_CHECKING:
    from django.http import HttpRequest, JsonResponse

logger = logging.getLogger("token_issuer.verify")

View = TypeVar("View", bound=Callable[..., Any])

_NON_ATOMIC: Final = "_non_atomic_requests"  # where Django's own decorator notes it


@overload
def one_time(view: View) -> View: ...
@overload
def one_time(*, application: str | None = None) -> Callable[[View], View]: ...
def one_time(view: View | None = None, *, application: str | None = None) -> View | Callable[[View], View]:
    """Let only requests in that carry a good short token, and use it up; put this decorator outermost.

    For functions, classes with ``as_view`` (REST framework's too), ``@api_view`` and asynchronous views. The view finds
    ``request.user`` and ``request.auth``, a ``Verified``. A ``readonly`` token is refused for methods that change
    something, and is not used up by that; one that is good until it expires is only verified. The token comes in the
    header ``Authorization: Bearer`` alone; a session does not count, so there is no CSRF to check.

    Args:
        application: the slug of the application that the token must be of; None for any.
    """
    decorate: Callable[[Any], Any] = partial(_using_up, application=application)
    return decorate if view is None else decorate(view)


class OneTimeMixin:
    """The same for class-based views; name it first among the bases."""

    token_application: ClassVar[str | None] = None
    """The slug of the application that the token must be of; None for any."""

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Any:  # noqa: ANN401  as Django's
        """Return the view function, which uses the token up first."""
        view: Any = super().as_view(**initkwargs)  # type: ignore[misc]  # the view class beside it has one
        return _using_up(view, application=cls.token_application)


def _using_up(view: Any, *, application: str | None) -> Any:  # noqa: ANN401  a function or a class, and the same again
    if isinstance(view, type):
        inner = view.as_view.__func__  # type: ignore[attr-defined]  # a view class
        made = classonlymethod(lambda cls, **kwargs: _using_up(inner(cls, **kwargs), application=application))
        view.as_view = made  # type: ignore[attr-defined]
        return view
    outside: frozenset[str] = frozenset(getattr(view, _NON_ATOMIC, ()))
    check: Check = partial(_taken, application=application, forced=not _asks_for_it(view))
    if iscoroutinefunction(view):
        work, check = view, _unless_atomic(check, outside)
    else:
        work = _in_transactions(view, outside)
    done: Any = guarded(work, check=check)
    # The set that was copied from the view is the view's own.
    done.__dict__.pop(_NON_ATOMIC, None)
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(done)
    return done


def _asks_for_it(view: Any) -> bool:  # noqa: ANN401
    """Whether it is a REST view with an authentication class for short tokens, which takes the lease by itself."""
    cls, given = getattr(view, "cls", None), getattr(view, "initkwargs", {})
    classes = given.get("authentication_classes", getattr(cls, "authentication_classes", ()))
    return any(Kind.ONE_TIME in getattr(each, "kinds", ()) for each in classes)


def _taken(request: HttpRequest, *, application: str | None, forced: bool) -> JsonResponse | None:
    """Use up what the request carries; an answer where it is refused."""
    if bearer.in_address(value for _name, values in request.GET.lists() for value in values):
        return answers.in_address()
    text = bearer.presented(request.META.get("HTTP_AUTHORIZATION", ""))
    if text is None:
        return answers.missing()
    safe = request.method in bearer.SAFE_METHODS
    try:
        found = consuming.consume(text, at=timezone.now(), safe=safe, application=application)
    except TokenRejected:
        return answers.invalid()
    except ReadOnly:
        return answers.insufficient()
    except Unavailable as error:
        logger.exception("a token could not be used up", extra=facts("unavailable", reason=error.message))
        return answers.unavailable()
    _lease(request, found, forced=forced)
    return None


def _lease(request: Any, found: Verified, *, forced: bool) -> None:  # noqa: ANN401  a request has no ``auth``
    put_in(request, found)
    setattr(request, bearer.LEASE, found)
    if forced:
        # REST framework asks its authenticators anew: one that does not know our token would refuse it, or take the
        # user for a session's. This is where its own ``force_authenticate`` says who it is.
        request._force_auth_user, request._force_auth_token = found.user, found


def _in_transactions(view: Callable[..., Any], outside: Container[str]) -> Callable[..., Any]:
    """Return the view as Django's handler runs it: inside a transaction of each database with ATOMIC_REQUESTS."""

    @wraps(view)
    def inside(request: HttpRequest, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  any response
        with ExitStack() as blocks:
            for alias in _atomic_aliases(outside):
                blocks.enter_context(transaction.atomic(using=alias))
            return view(request, *args, **kwargs)

    return inside


def _unless_atomic(check: Check, outside: Container[str]) -> Check:
    """Refuse what Django refuses, before the token is used up: an asynchronous view has no transaction to be in."""

    def checked(request: HttpRequest) -> JsonResponse | None:
        if _atomic_aliases(outside):
            msg = (
                "You cannot use ATOMIC_REQUESTS with async views. Put @transaction.non_atomic_requests below @one_time."
            )
            raise RuntimeError(msg)
        return check(request)

    return checked


def _atomic_aliases(outside: Container[str]) -> list[str]:
    return [alias for alias in connections if connections.settings[alias]["ATOMIC_REQUESTS"] and alias not in outside]
