"""Whether this service can issue tokens: for a load balancer, which has no session and often no HTTPS."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from token_issuer.api.views.base import PinnedView
from token_issuer.errors import Unavailable
from token_issuer.services import diagnosing


class HealthView(PinnedView):
    """``GET health/``"""

    def get(self, request: Request) -> Response:
        """Answer 200 when database, migrations and key ring are as they should be; else 503, which says no more.

        What is wrong is for ``token_issuer_doctor`` to tell, not for whoever asks.
        """
        if not diagnosing.quick(at=self.at).healthy:
            msg = "The service is not ready; token_issuer_doctor says why."
            raise Unavailable(msg)
        return Response({"status": "ok"})
