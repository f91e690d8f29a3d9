"""Addresses of vendors' sample servers, as far as the providers here have such drop-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.response import Response

from token_issuer.api import transports
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.views.base import IssuerView
from token_issuer.providers.drop_ins import CheckingDropIn, IssuingDropIn
from token_issuer.services import dropping_in

if TYPE_CHECKING:
    from token_issuer.models import Application


class DropInView(IssuerView):
    """``POST compat/<slug>/<sample>/``"""

    def post(self, request: IssuerRequest, slug: str, sample: str) -> Response:
        """Answer what the vendor's sample server would, to somebody who may have it."""
        application, drop_in = dropping_in.drop_in_of(self.caller, slug, sample)
        if isinstance(drop_in, IssuingDropIn):
            return self._issued(request, application, drop_in)
        assert isinstance(drop_in, CheckingDropIn)  # noqa: S101  there are two kinds
        told = dropping_in.check(self.caller, application, drop_in, body=body_of(request), at=self.at)
        return Response(told)

    def _issued(self, request: IssuerRequest, application: Application, drop_in: IssuingDropIn[Any]) -> Response:
        made = dropping_in.issue(self.caller, application, drop_in, body=body_of(request), at=self.at)
        response = Response(drop_in.answer(made.token.reveal(), made.grant))
        transports.deliver(response, request._request, made, at=self.at)
        return response
