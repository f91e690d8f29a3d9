"""Each class takes its own tokens and no other's, whoever stands first."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone
from knox.auth import TokenAuthentication as Knox
from knox.models import AuthToken
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from tests.factories import SECRETS, ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.api.authentication import AccessTokenAuthentication as Ours
from token_issuer.formats import jws
from token_issuer.services import issuing, revoking

pytestmark = pytest.mark.django_db

INVALID = 'Bearer realm="token_issuer", error="invalid_token"'


class WhoAmI(APIView):
    """A view of the site's: says whose token came, and which class took it."""

    def get(self, request):
        return Response([request.user.pk, type(request.successful_authenticator).__name__])


def ask(order: tuple[type, ...], header: str) -> Any:
    view = WhoAmI.as_view(authentication_classes=order)
    response = view(RequestFactory().get("/", headers={"Authorization": header}))
    return response.render()


def taken_by(order: tuple[type, ...], header: str) -> str:
    response = ask(order, header)
    return json.loads(response.content)[1] if response.status_code == 200 else str(response.status_code)


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def made(user):
    RuleFactory(application=ApplicationFactory(slug="own", provider="own", ready=True))
    return issuing.issue(caller(user), "own", body={}, at=timezone.now())


@pytest.fixture
def ours(made) -> str:
    return f"Bearer {made.token.reveal()}"


@pytest.fixture
def simplejwt(user) -> str:
    return f"Bearer {AccessToken.for_user(user)}"


@pytest.fixture
def knox(user) -> str:
    return f"Token {AuthToken.objects.create(user=user)[1]}"


@pytest.mark.parametrize("order", [*permutations([Ours, Knox])])
def test_beside_knox_in_both_orders(order, ours, knox):
    assert taken_by(order, ours) == "AccessTokenAuthentication"
    assert taken_by(order, knox) == "TokenAuthentication"


@pytest.mark.parametrize("order", [*permutations([Ours, Knox])])
def test_beside_knox_a_token_that_ended_is_challenged_in_both_orders(order, ours, made, user):
    """Also where a class stands first whose scheme was not spoken, and whose challenge DRF would send."""
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    response = ask(order, ours)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)


def test_before_knox_with_the_same_scheme(ours, knox, settings):
    settings.REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer"}
    spoken = knox.replace("Token", "Bearer")
    assert taken_by((Ours, Knox), ours) == "AccessTokenAuthentication"
    assert taken_by((Ours, Knox), spoken) == "TokenAuthentication"


def test_after_knox_with_the_same_scheme_nothing_is_mistaken(ours, knox, settings):
    """It takes every Bearer for its own, so ours never come to us: that is why ours stands first."""
    settings.REST_KNOX = {"AUTH_HEADER_PREFIX": "Bearer"}
    assert taken_by((Knox, Ours), ours) == "401"
    assert taken_by((Knox, Ours), knox.replace("Token", "Bearer")) == "TokenAuthentication"


def test_before_simplejwt(ours, simplejwt):
    assert taken_by((Ours, JWTAuthentication), ours) == "AccessTokenAuthentication"
    assert taken_by((Ours, JWTAuthentication), simplejwt) == "JWTAuthentication"


def test_after_simplejwt_nothing_is_mistaken(ours, simplejwt):
    assert taken_by((JWTAuthentication, Ours), ours) == "401"
    assert taken_by((JWTAuthentication, Ours), simplejwt) == "JWTAuthentication"


@pytest.mark.parametrize("order", [*permutations([Ours, JWTAuthentication])])
def test_in_both_orders_once_simplejwt_has_a_scheme_of_its_own(order, ours, simplejwt, monkeypatch):
    # What its setting AUTH_HEADER_TYPES becomes when it is imported.
    monkeypatch.setattr("rest_framework_simplejwt.authentication.AUTH_HEADER_TYPE_BYTES", {b"JWT"})
    assert taken_by(order, ours) == "AccessTokenAuthentication"
    assert taken_by(order, simplejwt.replace("Bearer", "JWT")) == "JWTAuthentication"


def test_the_same_key_and_the_same_issuer_make_no_mistake(simplejwt, ours):
    """The settings of this site sign simplejwt's tokens with our certificate's key, and call both issuers the same."""
    said = jws.read(simplejwt.partition(" ")[2])[1]
    assert jws.verify(simplejwt.partition(" ")[2], algorithm="HS256", key=SECRETS["own"]["key"].encode())
    assert said["iss"] == jws.read(ours.partition(" ")[2])[1]["iss"]
    assert taken_by((Ours,), simplejwt) == "401"
    assert taken_by((JWTAuthentication,), ours) == "401"


def test_somebody_elses_token_is_nobody_where_ours_stands_alone(simplejwt, knox):
    response = ask((Ours,), simplejwt)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="token_issuer"')
    assert taken_by((Ours,), knox) == "401"
