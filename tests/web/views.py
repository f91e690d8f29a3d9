"""A site's plain views, each of its own sort."""

from __future__ import annotations

from django.http import JsonResponse
from django.urls import path
from django.views import View

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
    return JsonResponse({"user": user.pk})


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
]
