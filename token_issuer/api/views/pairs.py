"""Vendors' pairs: handing one in, seeing what there is, renewing by hand, forgetting. No answer holds a secret."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.response import Response

from token_issuer.api import answers
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.views.base import IssuerView
from token_issuer.services import pairs


class PairsView(IssuerView):
    """``GET`` and ``POST applications/<slug>/pairs/``"""

    known_parameters: ClassVar[frozenset[str]] = frozenset({"on_behalf_of"})

    def get(self, request: IssuerRequest, slug: str) -> Response:
        """Answer what the caller has; a server says whose."""
        query = {name: text for name, text in request._request.GET.items() if name in self.known_parameters}
        found = pairs.own(self.caller, slug, body=query)
        return Response({"results": [answers.pair(row, at=self.at) for row in found]})

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Keep a pair: recorded, committed, then answered."""
        row = pairs.deposit(self.caller, slug, body=body_of(request), at=self.at)
        return Response(answers.pair(row, at=self.at), status=201)


class RefreshPairView(IssuerView):
    """``POST applications/<slug>/pairs/refresh/``"""

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Have the vendor renew it now. The new token is issued as ever."""
        row = pairs.refresh(self.caller, slug, body=body_of(request), at=self.at)
        return Response(answers.pair(row, at=self.at))


class ForgetPairView(IssuerView):
    """``POST applications/<slug>/pairs/forget/``"""

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Delete it here; the vendor is not told."""
        row = pairs.forget(self.caller, slug, body=body_of(request), at=self.at)
        return Response({"device": row.device, "forgotten": True})
