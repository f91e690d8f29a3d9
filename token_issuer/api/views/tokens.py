"""The caller's own tokens: all, one, and ending them."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode
from uuid import UUID

from rest_framework.response import Response

from token_issuer.api import answers
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.queries import identifier
from token_issuer.api.refusals import BadQuery
from token_issuer.api.views.base import IssuerView
from token_issuer.errors import BadGrant, NotFound
from token_issuer.providers.scopes import TOKENS_ISSUE, TOKENS_REVOKE
from token_issuer.services import listing, revoking

DEFAULT_REASON = "revoked by its owner"


class TokensView(IssuerView):
    """``GET tokens/``"""

    known_parameters: ClassVar[frozenset[str]] = frozenset({"standing", "after"})

    def get(self, request: IssuerRequest) -> Response:
        """Answer a page of the caller's tokens, newest first; ``next`` leads on, null at the end."""
        standing = request._request.GET.get("standing")
        if standing not in {None, "live"}:
            raise BadQuery("standing", "must be live, or absent")
        after = _cursor(request._request.GET.get("after"))
        page = listing.own_tokens(self.caller, at=self.at, live_only=standing == "live", after=after)
        return Response(
            {
                "next": _next(request, page.next, standing),
                "results": [answers.token(row, at=self.at) for row in page.tokens],
            }
        )


class TokenView(IssuerView):
    """``GET tokens/<id>/``"""

    def get(self, request: IssuerRequest, token_id: str) -> Response:
        """Answer one of the caller's tokens."""
        return Response(answers.token(listing.own_token(self.caller, _token_id(token_id)), at=self.at))


class RevokeView(IssuerView):
    """``POST tokens/<id>/revoke/``"""

    required_scopes = (TOKENS_ISSUE, TOKENS_REVOKE)

    def post(self, request: IssuerRequest, token_id: str) -> Response:
        """End one of the caller's tokens, or of a server's application, and say when that takes effect."""
        reason = _reason(body_of(request))
        ending = revoking.revoke_own(self.caller, _token_id(token_id), reason=reason, at=self.at)
        return Response(answers.ending(ending))


class RevokeMineView(IssuerView):
    """``POST tokens/revoke-mine/``"""

    required_scopes = (TOKENS_ISSUE, TOKENS_REVOKE)

    def post(self, request: IssuerRequest) -> Response:
        """End every token of the caller."""
        reason = _reason(body_of(request))
        return Response(answers.set_ending(revoking.revoke_mine(self.caller, reason=reason, at=self.at)))


def _token_id(text: str) -> UUID:
    found = identifier(text)
    if found is None:
        msg = "There is no such token."
        raise NotFound(msg)
    return found


def _cursor(text: str | None) -> UUID | None:
    if text is None:
        return None
    found = identifier(text)
    if found is None:
        raise BadQuery("after", "must be what next said")
    return found


def _next(request: IssuerRequest, after: UUID | None, standing: str | None) -> str | None:
    if after is None:
        return None
    query = {"after": str(after)} | ({"standing": standing} if standing else {})
    return f"{request._request.path}?{urlencode(query)}"


def _reason(body: dict[str, object]) -> str:
    rest = dict(body)
    reason = rest.pop("reason", DEFAULT_REASON)
    wrong = {str(name)[:64]: ["unknown field"] for name in rest}
    if not isinstance(reason, str):
        wrong["reason"] = ["must be a text"]
    elif not 1 <= len(reason) <= revoking.LONGEST_REASON:
        wrong["reason"] = [f"must be 1 to {revoking.LONGEST_REASON} characters"]
    if wrong:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    return str(reason)
