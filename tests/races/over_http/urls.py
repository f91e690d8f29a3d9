"""The issuer, a view that a one-time token opens, and the doubles that read before they write."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from tests.races.over_http import naive
from token_issuer.web.one_time import one_time


@one_time
def opened(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"opened": True})


urlpatterns = [
    path("issuer/", include("token_issuer.urls")),
    path("opened/", opened),
    path("naive/refresh/", naive.refresh),
    path("naive/opened/", naive.opened),
    path("naive/redeem/", naive.redeem),
    path("naive/pair/", naive.pair),
]
