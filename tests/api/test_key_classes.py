"""The classes for API keys and for what servers sign, in a site's own views and beside other people's classes."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import RequestFactory
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from tests.factories import api_key
from token_issuer.api.authentication import ApiKeyAuthentication, SelfSignedAuthentication
from token_issuer.api.permissions import HasScope
from token_issuer.models import ApiKey
from token_issuer.services.verified import Kind

READ = "reports:read"
MAY_READ = HasScope.of(READ)


class Reports(APIView):
    """A view of the site's; it answers who asked."""

    def get(self, request):
        auth = request.auth
        return Response([auth.kind.value, auth.api_key_public_id, request.user.pk, sorted(auth.scopes)])


def ask(authorization: str, *classes: Any, permission: Any = MAY_READ, **where: str) -> Any:
    view = Reports.as_view(
        authentication_classes=classes or [ApiKeyAuthentication, SelfSignedAuthentication],
        permission_classes=[permission],
    )
    meta: dict[str, Any] = {"HTTP_AUTHORIZATION": authorization, **where}
    return view(RequestFactory().get("/", **meta))


def signed(key, secret, **changes) -> str:
    now = int(time.time())
    claims = {"apikey": key.public_id, "permissions": [READ], "iat": now, "exp": now + 60} | changes
    return f"Bearer {jwt.encode(claims, secret, algorithm='HS256')}"


def header(key, secret) -> str:
    return f"Api-Key {key.public_id}.{secret}"


@pytest.fixture
def pair(rooms):
    return api_key(application=rooms, scopes=[READ, "tokens:issue"], may_sign=True)


def test_a_key_is_known_with_its_scopes_and_is_nobody(pair):
    answer = ask(header(*pair))
    assert answer.data == [Kind.API_KEY.value, pair[0].public_id, None, [READ, "tokens:issue"]]


def test_what_it_signed_is_known_with_what_that_asks_for(pair):
    assert ask(signed(*pair)).data == [Kind.SELF_SIGNED.value, pair[0].public_id, None, [READ]]


@pytest.mark.parametrize("credential", [header, signed])
def test_whom_it_acts_as_is_the_user(rooms, user, credential):
    acting = api_key(application=rooms, scopes=[READ], may_sign=True, acts_as=user)
    assert ask(credential(*acting), permission=IsAuthenticated).data[2] == user.pk


@pytest.mark.parametrize("credential", [header, signed])
def test_a_server_that_is_nobody_is_no_authenticated_user(pair, credential):
    assert ask(credential(*pair), permission=IsAuthenticated).status_code == 403


@pytest.mark.parametrize("credential", [header, signed])
def test_a_scope_that_it_lacks_is_told(pair, credential):
    answer = ask(credential(*pair), permission=HasScope.of("reports:write"))
    assert (answer.status_code, 'error="insufficient_scope"' in answer["WWW-Authenticate"]) == (403, True)


@pytest.mark.parametrize("others_first", [True, False])
@pytest.mark.parametrize("credential", [header, signed])
@pytest.mark.parametrize("other", [TokenAuthentication, SessionAuthentication])
def test_it_stands_beside_others_in_both_orders(pair, credential, other, others_first):
    ours = [ApiKeyAuthentication, SelfSignedAuthentication]
    classes = [other, *ours] if others_first else [*ours, other]
    assert ask(credential(*pair), *classes).status_code == 200
    ApiKey.objects.update(revoked_at="2020-01-01T00:00:00Z")
    answer = ask(credential(*pair), *classes)
    scheme = "Api-Key" if credential is header else "Bearer"
    assert (answer.status_code, answer["WWW-Authenticate"]) == (
        401, f'{scheme} realm="token_issuer", error="invalid_token"',
    )  # fmt: skip


@pytest.mark.parametrize("credential", [header, signed])
def test_before_a_class_that_takes_every_bearer_token_it_is_found(pair, credential):
    """simplejwt's refuses each token that is not its own, so ours stand in front of it."""
    assert ask(credential(*pair), ApiKeyAuthentication, SelfSignedAuthentication, JWTAuthentication).status_code == 200
    assert ask(header(*pair), JWTAuthentication, ApiKeyAuthentication).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer x.y.z", "Token abc", "Api-Key prefix.other", "Bearer tio_x", "Basic YTpi", f"Bearer {'a' * 20_000}"],
)
@pytest.mark.parametrize("mine", [ApiKeyAuthentication, SelfSignedAuthentication])
def test_what_is_not_ours_is_left_to_others(db, authorization, mine):
    request = Reports().initialize_request(RequestFactory().get("/", HTTP_AUTHORIZATION=authorization))
    assert mine().authenticate(request) is None


@pytest.mark.parametrize(("mine", "credential"), [(ApiKeyAuthentication, signed), (SelfSignedAuthentication, header)])
def test_each_class_takes_its_own_kind_only(pair, mine, credential):
    assert ask(credential(*pair), mine).status_code == 401


def test_an_expired_token_of_a_server_is_refused(pair):
    now = int(time.time())
    assert ask(signed(*pair, iat=now - 120, exp=now - 60)).status_code == 401


def test_the_address_is_where_the_caller_really_is(rooms):
    bound = api_key(application=rooms, scopes=[READ], networks=["198.51.100.0/24"])
    assert ask(header(*bound), REMOTE_ADDR="198.51.100.7").status_code == 200
    assert ask(header(*bound), REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 401


@pytest.mark.parametrize("credential", [header, signed])
def test_without_a_database_nobody_is_let_in(pair, credential):
    def down(execute: Any, sql: str, *arguments: Any) -> Any:
        raise OperationalError("gone")

    with connection.execute_wrapper(down):
        answer = ask(credential(*pair))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_a_note_that_cannot_be_taken_lets_it_in(pair):
    def read_only(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise DatabaseError("read-only")
        return execute(sql, *arguments)

    with connection.execute_wrapper(read_only):
        assert ask(header(*pair)).status_code == 200
