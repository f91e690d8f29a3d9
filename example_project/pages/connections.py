"""Connecting a user's account at a vendor of OAuth 2.0. In this project the site itself plays the vendor."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from token_issuer import issue
from token_issuer.models import Origin
from token_issuer.services import pairs
from token_issuer.services.callers import Caller

VENDOR: Final = "api"  # the application that gives pairs
KEEPER: Final = "connectify"  # the application that keeps them
LIFE: Final = 60  # seconds


@require_POST
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Hand in what the vendor gave. Elsewhere that is the answer to an authorization code, on a page like this.

    ``seconds`` names a shorter life than the access token has, so that nobody has to wait for its renewal.
    """
    given = issue(request.user, VENDOR, scope="notes:read", lifetime=LIFE)
    body = {
        "access_token": given.token.reveal(),
        "refresh_token": given.pair.refresh_token.reveal() if given.pair else None,
        "expires_in": min(LIFE, _seconds(request)),
    }
    caller = Caller(user=request.user, origin=Origin.PYTHON)
    pairs.deposit(caller, KEEPER, body=body, at=timezone.now())
    return redirect("home")


def _seconds(request: HttpRequest) -> int:
    named = request.POST.get("seconds", "")
    return max(1, int(named)) if named.isascii() and named.isdigit() else LIFE
