"""The notes, behind each kind of token; and the page from which a person tries them."""

from __future__ import annotations

from typing import ClassVar, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from example_project.notes.models import Note
from token_issuer import Kind
from token_issuer.api.authentication import (
    AccessTokenAuthentication,
    ApiKeyAuthentication,
    SelfSignedAuthentication,
)
from token_issuer.api.permissions import HasScope
from token_issuer.web.decorators import token_required
from token_issuer.web.one_time import one_time

PAGE: Final = 20


class NoteSerializer(serializers.ModelSerializer[Note]):
    """A note, as its owner sees it."""

    class Meta:
        model = Note
        fields: ClassVar[list[str]] = ["id", "text", "created_at"]


class NotesView(APIView):
    """The holder's own notes. Reading and writing take a scope each, and somebody whose notes they are.

    So a server's key that acts as somebody is let in, and one that acts for nobody is refused by ``IsAuthenticated``.
    """

    authentication_classes = (AccessTokenAuthentication, ApiKeyAuthentication)
    permission_classes = (IsAuthenticated, HasScope)

    @property
    def required_scopes(self) -> list[str]:
        """What ``HasScope`` asks for."""
        return ["notes:read"] if self.request.method in SAFE_METHODS else ["notes:write"]

    def get(self, request: Request) -> Response:
        """Answer the latest ones."""
        notes = Note.objects.filter(owner_id=request.user.pk)[:PAGE]
        return Response(NoteSerializer(notes, many=True).data)

    def post(self, request: Request) -> Response:
        """Write one."""
        note = NoteSerializer(data=request.data)
        note.is_valid(raise_exception=True)
        note.save(owner_id=request.user.pk)
        return Response(note.data, status=201)


class CensusView(APIView):
    """How many notes everybody has, for servers: ``HasScope`` needs no user."""

    authentication_classes = (ApiKeyAuthentication, SelfSignedAuthentication)
    permission_classes = (HasScope.of("notes:count"),)

    def get(self, request: Request) -> Response:
        """Answer each person's key, name and number."""
        people = get_user_model().objects.annotate(number=Count("notes")).order_by("pk")
        return Response([{"user": one.pk, "name": one.get_username(), "notes": one.number} for one in people])


@token_required(scopes=["notes:read"], kinds=[Kind.ACCESS])
@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """Answer the text of the holder's latest note: a plain view of Django."""
    note = Note.objects.filter(owner_id=request.user.pk).first()
    return HttpResponse(note.text if note else "", content_type="text/plain; charset=utf-8")


@one_time(application="uploads")
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> JsonResponse:
    """Leave a note for the holder of a one-time token, which is used up by then; a readonly one may look only."""
    notes = Note.objects.filter(owner_id=request.user.pk)
    if request.method == "GET":
        return JsonResponse({"notes": notes.count()})
    note = NoteSerializer(data={"text": request.body.decode(errors="replace")})
    if not note.is_valid():
        return JsonResponse(note.errors, status=400)
    note.save(owner_id=request.user.pk)
    return JsonResponse({"notes": notes.count()}, status=201)


@require_safe
@never_cache
@login_required
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """Show where a person gets tokens of the site's own, and what they open."""
    return render(request, "notes/page.html")
