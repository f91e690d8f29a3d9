"""Views of a site that take short tokens, each of its own sort. Their work is to make a group."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection, connections, transaction
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.urls import path
from django.views import View
from rest_framework import exceptions
from rest_framework.decorators import api_view
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drfs

from token_issuer.web.one_time import OneTimeMixin, one_time

RAISED = {
    "denied": PermissionDenied,
    "suspicious": SuspiciousOperation,
    "broken": LookupError,
}


def non_atomic(view):
    """As a site with several databases has to write it."""
    for alias in connections:
        transaction.non_atomic_requests(using=alias)(view)
    return view


def told(request) -> dict[str, object]:
    lease = request.auth
    return {"user": request.user.pk, "access": lease.access, "id": str(lease.token_id)}


def work(request, ending: str):
    """Write, then end as asked."""
    Group.objects.create(name="written")
    if ending in RAISED:
        raise RAISED[ending]
    if ending == "rollback":
        transaction.set_rollback(True)
    status = int(ending) if ending.isdigit() else 200
    return JsonResponse(told(request) | {"blocks": len(connection.atomic_blocks)}, status=status)


@one_time
def function(request, ending="200"):
    return work(request, ending)


@one_time
@transaction.non_atomic_requests
def outside(request, ending="200"):
    return work(request, ending)


@one_time(application="once")
def here(request):
    return work(request, "200")


@one_time(application="elsewhere")
def elsewhere(request):
    return work(request, "200")


@one_time
def rendered(request):
    return SimpleTemplateResponse(engines["django"].from_string("{{ ok }}"), {"ok": "yes"})


@one_time
class Class(View):
    def get(self, request, ending="200"):
        return work(request, ending)

    post = get


class Mixed(OneTimeMixin, View):
    def get(self, request, ending="200"):
        return work(request, ending)

    post = get


class MixedElsewhere(OneTimeMixin, View):
    token_application = "elsewhere"

    def get(self, request):
        return HttpResponse()


@one_time
@non_atomic
async def later(request):
    assert (await request.auser()).pk == request.user.pk
    return JsonResponse(told(request))


@one_time
async def later_within(request):
    return JsonResponse(told(request))


@one_time
class LaterClass(View):
    @classmethod
    def as_view(cls, **initkwargs):
        return non_atomic(super().as_view(**initkwargs))

    async def get(self, request):
        return JsonResponse(told(request))

    post = get


class Plain(APIView):
    """What a REST view of a sane site has; on the hostile one its defaults would be asked."""

    renderer_classes = [JSONRenderer]
    parser_classes = [JSONParser]
    content_negotiation_class = DefaultContentNegotiation
    permission_classes = ()
    throttle_classes = ()
    versioning_class = None

    def get_exception_handler(self):
        return drfs


def rest_work(request, ending: str) -> Response:
    Group.objects.create(name="written")
    if ending == "invalid":
        raise exceptions.ValidationError({"name": ["is wrong"]})
    if ending == "forbidden":
        raise exceptions.PermissionDenied
    if ending in RAISED:
        raise RAISED[ending]
    return Response(told(request), status=int(ending) if ending.isdigit() else 200)


@one_time
class Rest(Plain):
    """Whatever the site's default authentication classes are."""

    def get(self, request, ending="200"):
        return rest_work(request, ending)

    post = get


class RestMixed(OneTimeMixin, Plain):
    def get(self, request, ending="200"):
        return rest_work(request, ending)


@one_time
@api_view(["GET", "POST"])
def rest_function(request, ending="200"):
    return rest_work(request, ending)


for name in vars(Plain):
    if name.endswith(("_class", "_classes")) or name == "get_exception_handler":
        setattr(vars(rest_function)["cls"], name, vars(Plain)[name])  # as @renderer_classes and its like do


urlpatterns = [
    path("function/", function),
    path("function/<str:ending>/", function),
    path("outside/<str:ending>/", outside),
    path("here/", here),
    path("elsewhere/", elsewhere),
    path("rendered/", rendered),
    path("class/", Class.as_view()),
    path("class/<str:ending>/", Class.as_view()),
    path("mixed/", Mixed.as_view()),
    path("mixed/<str:ending>/", Mixed.as_view()),
    path("mixed-elsewhere/", MixedElsewhere.as_view()),
    path("later/", later),
    path("later-within/", later_within),
    path("later-class/", LaterClass.as_view()),
    path("rest/", Rest.as_view()),
    path("rest/<str:ending>/", Rest.as_view()),
    path("rest-mixed/", RestMixed.as_view()),
    path("rest-mixed/<str:ending>/", RestMixed.as_view()),
    path("rest-function/", rest_function),
    path("rest-function/<str:ending>/", rest_function),
]
