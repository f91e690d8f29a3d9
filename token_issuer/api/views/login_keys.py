"""One-time login keys: asking for one, and redeeming it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rest_framework.response import Response

from token_issuer.api import answers, signing_in, transports
from token_issuer.api.callers import caller_of
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.views.base import IssuerView, SecureView
from token_issuer.crypto import TokenText
from token_issuer.errors import BadGrant
from token_issuer.models import Origin
from token_issuer.services import login_keys, redeeming

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class OneTimeKeysView(IssuerView):
    """``POST applications/<slug>/one-time-keys/``"""

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Make a login key: recorded, committed, then answered, once."""
        made = login_keys.make(self.caller, slug, body=body_of(request), at=self.at)
        return Response(answers.login_key(made, at=self.at), status=201)


class RedeemView(SecureView):
    """``POST one-time-keys/redeem/``, for whoever holds a key: nobody has to be signed in."""

    def post(self, request: IssuerRequest) -> Response:
        """Exchange the key for its token, and sign its user in where the key was made for that."""
        text = _key_of(body_of(request))
        backends: list[str] = []

        def before_session(user: AbstractBaseUser) -> None:
            signing_in.require_ready(request._request)
            backends.append(signing_in.backend_of(user))

        circumstances = replace(caller_of(request), origin=Origin.REDEEM)
        found = redeeming.redeem(circumstances, text, at=self.at, before_session=before_session)
        if found.starts_session:
            signing_in.sign_in(request._request, found.user, backend=backends[0])
        response = Response(answers.redemption(found, at=self.at), status=201)
        transports.deliver(response, request._request, found.issuance, at=self.at)
        return response


def _key_of(body: dict[str, object]) -> TokenText:
    wrong = {str(name)[:64]: ["unknown field"] for name in body if name != "key"}
    text = body.get("key")
    if not isinstance(text, str):
        wrong["key"] = ["must be a text" if "key" in body else "is required"]
    if wrong:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    return TokenText(str(text))
