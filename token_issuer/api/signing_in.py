"""Django's session: whose it is, and starting one for somebody who redeemed a login key that was made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import ImproperlyConfigured

from token_issuer.api.authentication import require_own_page

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


def require_ready(request: HttpRequest) -> None:
    """Refuse what another site's page sent: it could sign its visitors in as somebody else.

    Raises:
        CsrfFailed: the request does not prove that the site's own page sent it.
        ImproperlyConfigured: the site has no sessions.
    """
    if not hasattr(request, "session"):
        msg = "A login key that starts a session needs Django's SessionMiddleware."
        raise ImproperlyConfigured(msg)
    require_own_page(request)


def backend_of(user: AbstractBaseUser) -> str:
    """Return the first authentication backend of the site that knows this user: later requests ask it.

    Raises:
        ImproperlyConfigured: none does.
    """
    for path in settings.AUTHENTICATION_BACKENDS:
        get_user = getattr(auth.load_backend(path), "get_user", None)
        found = get_user(user.pk) if get_user is not None else None
        if found is not None and found.pk == user.pk:
            return path
    msg = "None of AUTHENTICATION_BACKENDS knows the user of this login key."
    raise ImproperlyConfigured(msg)


def signed_in(request: HttpRequest) -> object | None:
    """Return the primary key of whoever has a session in this browser; None for nobody, and without sessions.

    DRF has put its own idea of a user on the request by now, so the session itself is asked.
    """
    return auth.get_user(request).pk if hasattr(request, "session") else None


def sign_in(request: HttpRequest, user: AbstractBaseUser, *, backend: str) -> None:
    """Start the session. Its key is new; whatever somebody else did in this browser's old one is dropped."""
    auth.login(request, user, backend=backend)  # type: ignore[arg-type]  # whatever the site's user model is
