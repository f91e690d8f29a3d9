"""What a person may ask for: the applications, a token, an explanation."""

from __future__ import annotations

from django.middleware.csrf import get_token
from rest_framework.response import Response

from token_issuer.api import answers, spellings, transports
from token_issuer.api.parsers import IssuerRequest, body_of
from token_issuer.api.views.base import IssuerView
from token_issuer.services import explaining, issuing, listing


class ApplicationsView(IssuerView):
    """``GET applications/``"""

    def get(self, request: IssuerRequest) -> Response:
        """Answer what the caller may ask for, with the CSRF token that asking takes; its cookie is set too."""
        offers = [answers.offer(found) for found in listing.applications_for(self.caller)]
        return Response({"csrf_token": get_token(request._request), "applications": offers})


class IssueView(IssuerView):
    """``POST applications/<slug>/tokens/``"""

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Issue a token: recorded, committed, then answered."""
        other = spellings.asked(request._request)
        issuance = issuing.issue(self.caller, slug, body=body_of(request), at=self.at)
        assert issuance is not None  # noqa: S101  only with on_commit, which no view uses
        usual = answers.issuance(issuance, at=self.at)
        response = Response(spellings.spelt(issuance, usual, other=other), status=201)
        transports.deliver(response, request._request, issuance, at=self.at)
        return response


class ExplainView(IssuerView):
    """``POST applications/<slug>/tokens/explain/``"""

    def post(self, request: IssuerRequest, slug: str) -> Response:
        """Answer what issuing the same body would, and change nothing."""
        explanation = explaining.explain(self.caller, slug, body=body_of(request), at=self.at)
        # A user model without permissions has nobody who may see rules.
        may = getattr(self.caller.user, "has_perm", None)
        return Response(answers.explanation(explanation, with_rules=may is not None and may("token_issuer.view_rule")))
