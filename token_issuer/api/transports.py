"""How a refresh token travels: in a body, or in a cookie that no script can read.

One door for issuing, refreshing and revoking. A browser's pair (application option ``browser_pairs``) lives in a cookie
of its own application, which is sent to ``oauth/`` alone and, since browsers send it by themselves, counts only beside
Django's CSRF proof. Whoever has a session gets no refresh token in a body, ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.core.validators import slug_re
from django.urls import reverse

from token_issuer.api.authentication import require_own_page
from token_issuer.api.texts import instant
from token_issuer.conf import conf
from token_issuer.crypto import TokenText

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponseBase

    from token_issuer.api.forms import Form
    from token_issuer.services.families import Pair
    from token_issuer.services.issuing import Issuance

COOKIE: Final = "token_issuer_refresh_"
"""Followed by the application's slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A refresh token that came, and how. ``slug`` is the application that the request names, or nothing."""

    text: TokenText
    in_cookie: bool = False
    slug: str = ""


def received(request: HttpRequest, form: Form, *, field: str) -> Received | None:
    """Return the refresh token of a form's field, else of the cookie of the application that the form names.

    Raises:
        CsrfFailed: the cookie came without the proof that the site's own page sent the request.
    """
    slug = form.texts.get("application", "")
    if field in form.secrets:
        return Received(text=form.secrets[field], slug=slug)
    # A browser sends whatever name somebody gave it; the only ones that we gave end with a slug.
    name = COOKIE + slug
    if slug_re.fullmatch(slug) is None or name not in request.COOKIES:
        return None
    require_own_page(request)
    return Received(text=TokenText(request.COOKIES[name]), in_cookie=True, slug=slug)


def told(pair: Pair | None) -> dict[str, Any]:
    """Return what a body says of a pair: nothing without one, and not the token itself where a cookie has it."""
    if pair is None:
        return {}
    token = {} if pair.in_cookie else {"refresh_token": pair.refresh_token.reveal()}
    return {**token, "refresh_expires_at": instant(pair.expires_at)}


def deliver(response: HttpResponseBase, request: HttpRequest, made: Issuance, *, at: datetime) -> None:
    """Put the refresh token of a browser's pair into its cookie; other answers stay as they are."""
    if made.pair is None or not made.pair.in_cookie:
        return
    response.set_cookie(
        COOKIE + made.application.slug,
        made.pair.refresh_token.reveal(),
        max_age=int((made.pair.expires_at - at).total_seconds()),
        path=_path(request),
        secure=request.is_secure() or conf.require_https,
        httponly=True,
        samesite="Strict",
    )


def forget(response: HttpResponseBase, request: HttpRequest, slug: str) -> None:
    """Have the browser drop the application's cookie; what is no application's name has none."""
    if slug_re.fullmatch(slug) is None:
        return
    response.delete_cookie(COOKIE + slug, path=_path(request), samesite="Strict")


def _path(request: HttpRequest) -> str:
    # Where the site has included us, under the name that it gave: nothing outside oauth/ ever gets the cookie.
    match = request.resolver_match
    address = reverse("token_issuer:oauth-token", current_app=match.namespace if match is not None else None)
    return address.removesuffix("token/")
