"""The page for getting tokens, and reading one."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from example_project.pages import connections
from example_project.rooms.models import Membership
from token_issuer.errors import TokenMalformed
from token_issuer.models import Application
from token_issuer.providers.base import Inspection
from token_issuer.registry import providers


@require_safe
@never_cache
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """Show where to sign in, or the desk at which tokens are handed out."""
    if not request.user.is_authenticated:
        return render(request, "pages/welcome.html", {"demo": settings.DEBUG})
    memberships = Membership.objects.filter(user=request.user).select_related("room")
    can_connect = Application.objects.filter(slug=connections.KEEPER, disabled_at=None).exists()
    return render(request, "pages/desk.html", {"memberships": memberships, "can_connect": can_connect})


@require_safe
@never_cache
@ensure_csrf_cookie
def enter(request: HttpRequest) -> HttpResponse:
    """Show where whoever holds a login key signs in with it. The key stays behind the ``#``, out of every log."""
    return render(request, "pages/enter.html")


@require_POST
@never_cache
def decode(request: HttpRequest) -> JsonResponse:
    """Answer what a token says of itself. No secret is used, so nothing of it is proved."""
    if not request.user.is_authenticated:
        return JsonResponse({"error": "not_authenticated"}, status=401)
    try:
        inspection = _inspected(_token_in(request.body))
    except TokenMalformed as error:
        return JsonResponse({"error": error.code, "error_description": error.message}, status=400)
    return JsonResponse(_as_json(inspection))


def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say in words that a form's CSRF token is from before a sign-in; ``reason`` is Django's, for developers."""
    return render(request, "pages/out_of_date.html", status=403)


def _token_in(body: bytes) -> str:
    try:
        token = json.loads(body)["token"]
    except (ValueError, LookupError, TypeError) as error:
        raise TokenMalformed('Send {"token": "…"}.') from error
    if not isinstance(token, str):
        raise TokenMalformed("A token is a text.")
    return token


def _inspected(token: str) -> Inspection:
    for provider in providers().values():
        try:
            return provider.inspect(token)
        except TokenMalformed:
            continue
    msg = "No provider knows this kind of token."
    raise TokenMalformed(msg)


def _as_json(inspection: Inspection) -> dict[str, object]:
    return {
        "format": inspection.format,
        "public_id": inspection.public_id,
        "subject": inspection.subject,
        "resource": inspection.resource,
        "privileges": sorted(inspection.privileges),
        "issued_at": inspection.issued_at,
        "expires_at": inspection.expires_at,
        "details": inspection.details,
        "problems": inspection.problems,
    }
