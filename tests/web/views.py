"""A site's plain views, each of its own sort."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import include, path
from django.views import View
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from token_issuer.services.verified import Kind
from token_issuer.web.decorators import token_required


def told(request) -> JsonResponse:
    credential = getattr(request, "auth", None)
    return JsonResponse({"user": request.user.pk, "kind": credential.kind.value if credential else None})


@token_required
def function(request):
    return told(request)


@token_required(scopes=["reports:write"])
def writing(request):
    return told(request)


@token_required(kinds=[Kind.API_KEY])
def keys_only(request):
    return told(request)


@token_required(kinds=[Kind.ONE_TIME])
def short_only(request):
    return told(request)


@token_required(audience="https://reports.example")
def elsewhere(request):
    return told(request)


@token_required
async def later(request):
    assert (await request.auser()).pk == request.user.pk
    return told(request)


@token_required
class Class(View):
    def get(self, request, name):
        return told(request)

    post = get


@token_required
class LaterClass(View):
    async def get(self, request, name):
        return told(request)


def open_to_all(request):
    return told(request)


async def open_later(request):
    user = await request.auser()
    return JsonResponse({"user": user.pk, "kind": request.auth.kind.value if request.auth else None})


def shared(request):
    user = request.auth.user if request.auth else request.user
    return JsonResponse({"user": user.pk})


@login_required(login_url="/admin/login/")
def people_only(request):
    return told(request)


class RestPeopleOnly(APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"user": request.user.pk})


urlpatterns = [
    path("function/", function),
    path("writing/", writing),
    path("keys-only/", keys_only),
    path("short-only/", short_only),
    path("elsewhere/", elsewhere),
    path("later/", later),
    path("class/<name>/", Class.as_view()),
    path("later-class/<name>/", LaterClass.as_view()),
    path("open/", open_to_all),
    path("open-later/", open_later),
    path("shared/", shared),
    path("people-only/", people_only),
    path("rest-people-only/", RestPeopleOnly.as_view()),
    path("admin/", admin.site.urls),
    path("issuer/", include("token_issuer.urls")),
]
