"""Every kind of secret at every door: each door takes its own, and no key makes one kind pass for another."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

import token_issuer
from tests.api.machines import Machine
from tests.factories import SECRETS, ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, api_key, caller
from tests.services.signing import key_of, signed_again
from token_issuer.api import authentication
from token_issuer.api.authentication import CredentialAuthentication
from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import TokenIssuerError
from token_issuer.ids import uuid7
from token_issuer.models import Certificate, IssuedToken, OneTimeKey, Origin, TokenFamily
from token_issuer.services import consuming, issuing, login_keys, redeeming, refreshing, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.verified import Kind
from token_issuer.web.decorators import token_required
from token_issuer.web.middleware import TokenMiddleware
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


class PeopleOnly(APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response()


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
    path("people/plain/", TokenMiddleware(login_required(lambda request: HttpResponse()))),
    path("people/rest/", TokenMiddleware(PeopleOnly.as_view())),
]


class World:
    """A site with everything in it; the own certificate's secret is the vendor's too, and the server's where it may."""

    def __init__(self, *, one_secret: bool) -> None:
        self.user = UserFactory()
        self.own = ApplicationFactory(slug="own", provider="own")
        self.once = ApplicationFactory(slug="once", provider="own-once")
        self.rooms = ApplicationFactory(slug="rooms")
        self.calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
        self.key, self.secret = api_key(application=self.own, may_sign=True, scopes=[SCOPE])
        self.shared = self.secret if one_secret else SECRETS["own"]["key"]
        CertificateFactory(application=self.own, active=True, secret={"key": self.shared})
        CertificateFactory(application=self.rooms, active=True, secret={"secret": self.shared})
        RuleFactory(application=self.own, privileges=[SCOPE])
        RuleFactory(application=self.once, privileges=["readonly", "reusable"])
        RuleFactory(application=self.rooms)
        RuleFactory(application=self.calls)
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
        # A room of its own: two tokens of one second have one text, and a door that ends one would end both.
        return self.issue("rooms", roomId=str(uuid7())).token.reveal()

    def agora(self) -> str:
        return self.issue("calls", channel="a").token.reveal()

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
        return jwt.encode(self._own_claims(), self.shared, "HS256")

    def access_by_the_servers_secret(self) -> str:
        header = {"typ": "at+jwt", "kid": str(self.certificate.pk)}
        claims = jwt.decode(self.access(), options={"verify_signature": False})
        return jwt.encode(claims, self.secret, "HS256", headers=header)

    def access_and_self_signed_at_once(self) -> str:
        claims = {**jwt.decode(self.access(), options={"verify_signature": False}), **self._own_claims()}
        return jwt.encode(claims, self.secret, "HS256", headers={"typ": "at+jwt", "kid": str(self.certificate.pk)})

    def vendor_with_our_claims(self) -> str:
        claims = jwt.decode(self.access(), options={"verify_signature": False})
        return jwt.encode(claims, self.shared, "HS256", headers={"kid": str(self.certificate.pk)})

    def random(self) -> str:
        return opaque.new("tio_").reveal()

    def _own_claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {"apikey": self.key.public_id, "permissions": [SCOPE], "iat": now, "exp": now + 60}


VENDORS = {"vendor", "agora"}
SHORT = {"one_time", "reusable"}
REUSABLE = {"access", "whole_api_key", "self_signed"}
# What each door takes; everything else in the world is refused there.
DOORS: dict[str, set[str]] = {
    "Bearer rest/access": {"access"},
    "Bearer rest/api-key": set(),
    "Bearer rest/self-signed": {"self_signed"},
    "Bearer rest/one-time": SHORT,
    "Bearer plain/any": {"access", "self_signed"},
    "Bearer plain/access": {"access"},
    "Bearer plain/reusable": {"reusable"},
    "Bearer plain/one-time": SHORT,
    "Bearer people/plain": set(),
    "Bearer people/rest": set(),
    "Bearer issuer/tokens": {"access"},
    "Api-Key rest/access": set(),
    "Api-Key rest/api-key": {"whole_api_key"},
    "Api-Key rest/self-signed": set(),
    "Api-Key rest/one-time": set(),
    "Api-Key plain/any": {"whole_api_key"},
    "Api-Key plain/access": set(),
    "Api-Key plain/reusable": set(),
    "Api-Key plain/one-time": set(),
    "Api-Key people/plain": set(),
    "Api-Key people/rest": set(),
    "Api-Key issuer/tokens": {"whole_api_key"},
    "oauth/token": {"refresh"},
    "oauth/introspect": {"access", "refresh", *SHORT},
    "oauth/revoke by its holder": {"refresh"},
    "oauth/revoke by a server": {"access", "refresh", *SHORT, *VENDORS},
    "one-time-keys/redeem": {"login_key"},
    "verify()": REUSABLE,
    "verify(kinds=vendor)": VENDORS,
    "verify(kinds=one_time)": SHORT,
    "verify(kinds=everything)": {*REUSABLE, *SHORT, *VENDORS},
    "verifying": {*REUSABLE, *SHORT, *VENDORS},
    "consume()": SHORT,
    "refresh()": {"refresh"},
    "redeem()": {"login_key"},
}
KINDS = [name for name in vars(World) if not name.startswith("_") and name != "issue"]
# Where a server's secret is our key too, whoever holds it makes these well: they are what they say.
WELL_MADE = {"self_signed_by_our_key", "access_by_the_servers_secret", "access_and_self_signed_at_once"}


@pytest.fixture
def site(settings, db):
    settings.ROOT_URLCONF = __name__
    settings.LOGIN_URL = "/sign-in/"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}


@pytest.fixture
def world(site):
    return World(one_secret=False)


def called(deed: Any) -> bool:
    try:
        deed()
    except TokenIssuerError:
        return False
    return True


def lets_in(world: World, name: str, text: str) -> bool:
    """Whether a door takes a text."""
    if name.startswith("oauth/"):
        return at_oauth(world, name, text)
    if name == "one-time-keys/redeem":
        body = json.dumps({"key": text})
        answer = Client().post(f"/issuer/{name}/", body, content_type="application/json", secure=True)
        return answer.status_code in {200, 201}
    scheme, _, address = name.partition(" ")
    if address:
        headers = {"Authorization": f"{scheme} {text}"}
        return Client().get(f"/{address}/", headers=headers, secure=True).status_code == 200
    at, wrapped = timezone.now(), TokenText(text)
    deeds = {
        "verify()": lambda: token_issuer.verify(text),
        "verify(kinds=vendor)": lambda: token_issuer.verify(text, kinds={"vendor"}),
        "verify(kinds=one_time)": lambda: token_issuer.verify(text, kinds={"one_time"}),
        "verify(kinds=everything)": lambda: token_issuer.verify(text, kinds=list(Kind)),
        "verifying": lambda: verifying.verify(text, at=at),
        "consume()": lambda: consuming.consume(wrapped, at=at, safe=True),
        "refresh()": lambda: refreshing.refresh(text, at=at),
        "redeem()": lambda: redeeming.redeem(HOLDER, wrapped, at=at),
    }
    return called(deeds[name])


def at_oauth(world: World, name: str, text: str) -> bool:
    """Whether a standard endpoint takes it, for its holder or for a server of any of our applications."""
    if name == "oauth/token":
        return Machine().refresh(text).status_code == 200
    if name == "oauth/revoke by its holder":
        before = standing()
        Machine().post("revoke", token=text)
        return standing() != before
    before, active = standing(), []
    for server in map(server_of, (world.own, world.once, world.rooms, world.calls)):
        answer = server.post(name.split(maxsplit=1)[0].removeprefix("oauth/"), token=text)
        active.append(name == "oauth/introspect" and answer.json()["active"])
    return any(active) or standing() != before


def server_of(application: Any) -> Machine:
    key, secret = api_key(application=application, scopes=["tokens:introspect", "tokens:revoke"])
    return Machine(str(key.public_id), secret)


def standing() -> list[int]:
    """How many tokens, families and keys have not ended."""
    alive = (IssuedToken.objects.filter(revoked_at=None, consumed_at=None), TokenFamily.objects.filter(closed_at=None))
    return [each.count() for each in (*alive, OneTimeKey.objects.filter(revoked_at=None, consumed_at=None))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_taken_at_its_own_doors_and_nowhere_else(world, kind):
    taken = {name for name in DOORS if lets_in(world, name, getattr(world, kind)())}
    assert taken == {name for name, kinds in DOORS.items() if kind in kinds}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WELL_MADE])
def test_one_secret_for_all_of_them_changes_nothing(site, kind):
    world = World(one_secret=True)
    taken = {name for name in DOORS if lets_in(world, name, getattr(world, kind)())}
    assert taken == {name for name, kinds in DOORS.items() if kind in kinds}


def test_the_world_has_every_kind_that_a_door_takes():
    assert set().union(*DOORS.values()) <= set(KINDS)
    assert len(KINDS) == 17


@pytest.mark.parametrize("kind", ["access", "one_time", "refresh", "login_key", "whole_api_key", "self_signed"])
@pytest.mark.parametrize("name", ["rest/access", "plain/any", "plain/one-time"])
def test_none_is_taken_from_the_address(world, kind, name):
    response = Client().get(f"/{name}/", {"token": getattr(world, kind)()}, secure=True)
    assert response.status_code in {400, 401}
