"""What a credential may do in a site's own views."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.factories import AT, UserFactory
from token_issuer.api.permissions import HasScope, WithinAccess
from token_issuer.ids import uuid7
from token_issuer.models import Principal
from token_issuer.services.verified import Kind, Verified

READING = Verified(
    kind=Kind.ACCESS,
    user=AnonymousUser(),
    subject="ak_reports",
    principal=Principal.API_KEY,
    application_id=uuid7(),
    application_slug="own",
    scopes=frozenset({"reports:read", "reports:list"}),
    expires_at=AT,
)


class Reports(APIView):
    """A view of the site's."""

    permission_classes: Any = [HasScope]
    required_scopes: Any = ["reports:read"]

    def answer(self, request):
        return Response("ok")

    get = post = put = patch = delete = head = answer


def ask(credential: object, *, user: Any = None, method: str = "get", **view: Any) -> Any:
    class Coming(BaseAuthentication):
        def authenticate(self, request):
            return None if credential is None and user is None else (user or AnonymousUser(), credential)

        def authenticate_header(self, request):
            return "Bearer"

    request = getattr(RequestFactory(), method)("/")
    return Reports.as_view(authentication_classes=[Coming], **view)(request)


def test_a_server_that_is_nobody_needs_the_scope_and_no_user():
    assert ask(READING).status_code == 200


def test_it_is_no_authenticated_user():
    assert ask(READING, permission_classes=[IsAuthenticated]).status_code == 403


@pytest.mark.parametrize(
    "wanted", [["reports:write"], ["reports:read", "reports:write"], ["reports"], ["REPORTS:READ"]]
)
def test_without_every_scope_it_is_told_which_are_needed(wanted):
    response = ask(READING, required_scopes=wanted)
    assert response.status_code == 403
    told = " ".join(sorted(wanted))
    assert response["WWW-Authenticate"] == f'Bearer realm="token_issuer", error="insufficient_scope", scope="{told}"'


@pytest.mark.parametrize(("scopes", "status"), [(["reports:read", "reports:list"], 200), (["reports:write"], 403)])
def test_a_class_may_name_the_scopes_itself(scopes, status):
    assert ask(READING, permission_classes=[HasScope.of(*scopes)], required_scopes=None).status_code == status


def test_a_class_that_names_scopes_says_so():
    assert HasScope.of("b", "a").__doc__ == "Has a, b."


@pytest.mark.parametrize("wanted", [None, "reports:read", 7])
def test_a_view_that_names_none_is_a_defect(wanted):
    with pytest.raises(ImproperlyConfigured, match=r"^Reports has no required_scopes\."):
        ask(READING, required_scopes=wanted)


@pytest.mark.django_db
@pytest.mark.parametrize("auth", [None, "somebody else's"])
def test_a_session_has_no_scopes(auth):
    assert ask(auth, user=UserFactory()).status_code == 403


def test_nobody_is_asked_for_a_token():
    assert ask(None).status_code == 401


@pytest.mark.django_db
def test_scopes_or_a_session():
    either = [HasScope | IsAuthenticated]
    assert ask(None, user=UserFactory(), permission_classes=either).status_code == 200
    assert ask(READING, permission_classes=either).status_code == 200
    assert ask(READING, permission_classes=either, required_scopes=["reports:write"]).status_code == 403


@pytest.mark.parametrize(
    ("method", "status"), [("get", 200), ("head", 200), ("options", 200), ("post", 403), ("put", 403)]
)
def test_a_readonly_token_reads(method, status):
    short = replace(READING, kind=Kind.ONE_TIME, scopes=frozenset(), access="readonly")
    assert ask(short, method=method, permission_classes=[WithinAccess]).status_code == status


@pytest.mark.parametrize("credential", [READING, replace(READING, access="readwrite"), None])
def test_nothing_else_is_held_back(credential):
    user = AnonymousUser()
    assert ask(credential, user=user, method="delete", permission_classes=[WithinAccess]).status_code == 200
