"""Every kind of secret at every door: each door takes its own, and no key makes one kind pass for another."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.api.machines import Machine
from tests.factories import SECRETS, ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, api_key, caller
from tests.services.signing import key_of, signed_again
from token_issuer.api import authentication
from token_issuer.api.authentication import CredentialAuthentication
from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import TokenIssuerError
from token_issuer.models import Certificate, Origin
from token_issuer.services import consuming, issuing, login_keys, redeeming, refreshing, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.verified import Kind
from token_issuer.web.decorators import token_required
from token_issuer.web.one_time import one_time

pytestmark = pytest.mark.django_db(transaction=True)

HOLDER = Caller(user=AnonymousUser(), origin=Origin.SESSION)
SCOPE = "tokens:issue"


def door(authenticator: type[CredentialAuthentication]) -> Any:
    class Door(APIView):
        authentication_classes = [authenticator]

        def get(self, request):
            return Response(status=200 if request.auth is not None else 401)

    return Door.as_view()


urlpatterns = [
    path("issuer/", include("token_issuer.urls")),
    path("rest/access/", door(authentication.AccessTokenAuthentication)),
    path("rest/api-key/", door(authentication.ApiKeyAuthentication)),
    path("rest/self-signed/", door(authentication.SelfSignedAuthentication)),
    path("rest/one-time/", door(authentication.OneTimeTokenAuthentication)),
    path("plain/any/", token_required(lambda request: HttpResponse())),
    path("plain/access/", token_required(kinds=[Kind.ACCESS])(lambda request: HttpResponse())),
    path("plain/reusable/", token_required(kinds=[Kind.ONE_TIME])(lambda request: HttpResponse())),
    path("plain/one-time/", one_time(lambda request: HttpResponse())),
]


class World:
    """A site with everything in it; what can share a key does: the own certificate's secret is the vendor's too."""

    def __init__(self) -> None:
        self.user = UserFactory()
        self.own = ApplicationFactory(slug="own", provider="own", ready=True)
        self.once = ApplicationFactory(slug="once", provider="own-once")
        self.rooms = ApplicationFactory(slug="rooms")
        CertificateFactory(application=self.rooms, active=True, secret={"secret": SECRETS["own"]["key"]})
        RuleFactory(application=self.own, privileges=[SCOPE])
        RuleFactory(application=self.once, privileges=["readonly", "reusable"])
        RuleFactory(application=self.rooms)
        self.key, self.secret = api_key(application=self.own, may_sign=True, scopes=[SCOPE])
        self.certificate = Certificate.objects.get(application=self.own)

    def issue(self, slug: str, origin: Origin = Origin.SESSION, **body: Any) -> issuing.Issuance:
        return issuing.issue(caller(self.user, origin=origin), slug, body=body, at=timezone.now())

    def access(self) -> str:
        return self.issue("own", scope=SCOPE).token.reveal()

    def refresh(self) -> str:
        pair = self.issue("own", Origin.BEARER, scope=SCOPE).pair
        assert pair is not None
        return pair.refresh_token.reveal()

    def one_time(self) -> str:
        return self.issue("once").token.reveal()

    def reusable(self) -> str:
        return self.issue("once", one_time=False).token.reveal()

    def login_key(self) -> str:
        made = login_keys.make(caller(self.user), "own", body={"scope": SCOPE}, at=timezone.now())
        return made.text.reveal()

    def vendor(self) -> str:
        return self.issue("rooms", roomId="a").token.reveal()

    def whole_api_key(self) -> str:
        return f"{self.key.public_id}.{self.secret}"

    def secret_alone(self) -> str:
        return self.secret

    def public_id_alone(self) -> str:
        return str(self.key.public_id)

    def self_signed(self) -> str:
        return jwt.encode(self._own_claims(), self.secret, "HS256")

    # None of these is anything, though each is well signed with a key of ours.

    def another_type_by_our_key(self) -> str:
        return signed_again(self.access(), key_of(self.certificate), typ="JWT")

    def self_signed_by_our_key(self) -> str:
        return jwt.encode(self._own_claims(), SECRETS["own"]["key"], "HS256")

    def access_by_the_servers_secret(self) -> str:
        header = {"typ": "at+jwt", "kid": str(self.certificate.pk)}
        claims = jwt.decode(self.access(), options={"verify_signature": False})
        return jwt.encode(claims, self.secret, "HS256", headers=header)

    def access_and_self_signed_at_once(self) -> str:
        claims = {**jwt.decode(self.access(), options={"verify_signature": False}), **self._own_claims()}
        return jwt.encode(claims, self.secret, "HS256", headers={"typ": "at+jwt", "kid": str(self.certificate.pk)})

    def vendor_with_our_claims(self) -> str:
        claims = jwt.decode(self.access(), options={"verify_signature": False})
        return jwt.encode(claims, SECRETS["own"]["key"], "HS256", headers={"kid": str(self.certificate.pk)})

    def random(self) -> str:
        return opaque.new("tio_").reveal()

    def _own_claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {"apikey": self.key.public_id, "permissions": [SCOPE], "iat": now, "exp": now + 60}


# What each door takes; everything else in the world is refused there.
DOORS = {
    "rest/access": {"access"},
    "rest/api-key": {"whole_api_key"},
    "rest/self-signed": {"self_signed"},
    "rest/one-time": {"one_time", "reusable"},
    "plain/any": {"access", "whole_api_key", "self_signed"},
    "plain/access": {"access"},
    "plain/reusable": {"reusable"},
    "plain/one-time": {"one_time", "reusable"},
    "issuer/tokens": {"access", "whole_api_key"},
    "oauth/token": {"refresh"},
    "one-time-keys/redeem": {"login_key"},
    "verify()": {"access", "one_time", "reusable", "whole_api_key", "self_signed", "vendor"},
    "consume()": {"one_time", "reusable"},
    "refresh()": {"refresh"},
    "redeem()": {"login_key"},
}
KINDS = [name for name in vars(World) if not name.startswith("_") and name != "issue"]


@pytest.fixture
def world(settings, db):
    settings.ROOT_URLCONF = __name__
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    return World()


def called(deed: Any) -> bool:
    try:
        deed()
    except TokenIssuerError:
        return False
    return True


def lets_in(name: str, text: str) -> bool:
    """Whether a door takes a text, however it is presented there."""
    if name.endswith("()"):
        at, wrapped = timezone.now(), TokenText(text)
        deeds = {
            "verify()": lambda: verifying.verify(text, at=at),
            "consume()": lambda: consuming.consume(wrapped, at=at, safe=True),
            "refresh()": lambda: refreshing.refresh(text, at=at),
            "redeem()": lambda: redeeming.redeem(HOLDER, wrapped, at=at),
        }
        return called(deeds[name])
    if name == "oauth/token":
        return Machine().refresh(text).status_code == 200
    if name == "one-time-keys/redeem":
        body = json.dumps({"key": text})
        answer = Client().post(f"/issuer/{name}/", body, content_type="application/json", secure=True)
        return answer.status_code in {200, 201}
    headers = [{"Authorization": f"{scheme} {text}"} for scheme in ("Bearer", "Api-Key")]
    return any(Client().get(f"/{name}/", headers=each, secure=True).status_code == 200 for each in headers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_taken_at_its_own_doors_and_nowhere_else(world, kind):
    taken = {name for name in DOORS if lets_in(name, getattr(world, kind)())}
    assert taken == {name for name, kinds in DOORS.items() if kind in kinds}


def test_the_world_has_every_kind_that_a_door_takes():
    assert set().union(*DOORS.values()) <= set(KINDS)
    assert len(KINDS) == 16


@pytest.mark.parametrize("kind", ["access", "one_time", "refresh", "login_key", "whole_api_key", "self_signed"])
@pytest.mark.parametrize("name", ["rest/access", "plain/any", "plain/one-time"])
def test_none_is_taken_from_the_address(world, kind, name):
    response = Client().get(f"/{name}/", {"token": getattr(world, kind)()}, secure=True)
    assert response.status_code in {400, 401}
