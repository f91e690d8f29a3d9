"""Our Python client against the issuer itself, over connections; ``tests/client`` has everything that goes wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from tests.factories import api_key, caller
from token_issuer.client import (
    AsyncClient,
    BadRequest,
    Client,
    Clock,
    Denied,
    FileStore,
    KeyRefused,
    SignedOut,
    new_key,
)
from token_issuer.models import IssuedToken, Origin, TokenFamily
from token_issuer.services import issuing, registering
from token_issuer.services.drafts import ApplicationDraft, RuleDraft

pytestmark = pytest.mark.django_db(transaction=True)

SCOPES = ["orders:read", "tokens:issue"]
HOUR = 3600


@pytest.fixture(autouse=True)
def issuer(settings, configure, live_server) -> str:
    settings.ROOT_URLCONF = "tests.api.root_urls"
    configure(ISSUER=live_server.url, REQUIRE_HTTPS=False, SCOPES={"orders:read": "See your orders"})
    return f"{live_server.url}/issuer/"


@pytest.fixture
def shop(user):
    """An application whose access tokens everyone signed in may have."""
    rules = [RuleDraft(everyone=True, privileges=SCOPES)]
    draft = ApplicationDraft(provider="own", slug="shop", name="", public_id="shop", rules=rules)
    return registering.register(caller(user), draft, at=timezone.now() - timedelta(days=1))


@pytest.fixture
def refresh_token(shop, user) -> str:
    """What a native client has after somebody signed in."""
    made = issuing.issue(
        caller(user, origin=Origin.BEARER), "shop", body={"scope": " ".join(SCOPES)}, at=timezone.now()
    )
    assert made.pair is not None
    return made.pair.refresh_token.reveal()


@pytest.fixture
def server(shop, issuer):
    """A server with its API key."""
    key, secret = api_key(application=shop, scopes=[*SCOPES, "tokens:revoke", "tokens:introspect"])
    with Client(issuer, api_key=key.public_id, api_secret=secret) as server:
        yield server


class Later:
    """A clock of this machine that a test sets forward: to the client, everything has run out."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: time.monotonic() + self.seconds, wall=lambda: time.time() + self.seconds)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def holder(refresh_token, issuer, later):
    with Client(issuer, refresh_token=refresh_token, clock=later.clock()) as holder:
        yield holder


def test_a_holder_lives_through_expiry_after_expiry(holder, later):
    for generation in (1, 2, 3):
        assert holder.request("GET", "tokens/").status_code == 200
        assert TokenFamily.objects.get().generation == generation
        later.seconds += HOUR


def test_a_refused_access_token_is_replaced_once(holder):
    holder.get()
    IssuedToken.objects.update(revoked_at=timezone.now(), reason="a test")
    assert holder.request("GET", "tokens/").status_code == 200
    assert TokenFamily.objects.get().generation == 2


def test_a_revoked_holder_is_signed_out(holder, server, later):
    server.revoke(holder.get())
    with pytest.raises(SignedOut):
        holder.request("GET", "tokens/")


def test_a_holder_who_signs_out_has_closed_his_family(holder):
    holder.get()
    holder.sign_out()
    assert TokenFamily.objects.get().reason == "given up by its holder"


def test_a_server_that_holds_a_pair_needs_no_right_to_revoke_to_give_it_up(shop, user, issuer):
    key, secret = api_key(application=shop, scopes=SCOPES)
    with Client(issuer, api_key=key.public_id, api_secret=secret) as holder:
        holder.sign_in(holder.issue("shop", on_behalf_of=str(user.pk), scope="orders:read"))
        holder.refresh()
        holder.sign_out()
    assert TokenFamily.objects.get().closed_at is not None


def test_the_end_of_both_tokens_is_the_servers(holder):
    token = holder.get()
    family = TokenFamily.objects.get()
    assert abs(token.expires_at - IssuedToken.objects.latest("id").expires_at) < timedelta(seconds=2)
    assert abs(token.refresh_expires_at - family.expires_at) < timedelta(seconds=2)


def test_many_threads_refresh_once(holder, later):
    holder.get()
    later.seconds += HOUR
    start = threading.Barrier(20)

    def get(_: int) -> str:
        start.wait()
        return holder.get().reveal()

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(get, range(20)))) == 1
    assert TokenFamily.objects.get().generation == 2


def test_clients_that_share_a_store_share_one_family(refresh_token, issuer, later, tmp_path):
    def client() -> Client:
        store = FileStore(tmp_path / "pair", key=key)
        return Client(issuer, refresh_token=refresh_token, store=store, clock=later.clock())

    key = new_key()
    with client() as one, client() as other:
        for _ in range(3):
            assert one.get().reveal() == other.get().reveal()
            later.seconds += HOUR
    family = TokenFamily.objects.get()
    assert (family.generation, family.closed_at) == (3, None)


def test_clients_that_refresh_within_the_grace_have_one_successor(refresh_token, issuer):
    with Client(issuer, refresh_token=refresh_token) as one, Client(issuer, refresh_token=refresh_token) as other:
        successors = {client.get().reveal_fields()["refresh_token"] for client in (one, other)}
    assert len(successors) == 1
    assert TokenFamily.objects.get().closed_at is None


def test_tasks_have_the_same(refresh_token, issuer):
    async def main() -> set[str]:
        async with AsyncClient(issuer, refresh_token=refresh_token) as holder:
            tokens = await asyncio.gather(*(holder.get() for _ in range(20)))
            assert (await holder.request("GET", "tokens/")).status_code == 200
        return {token.reveal() for token in tokens}

    assert len(asyncio.run(main())) == 1


def test_a_server_issues_on_behalf_of_a_user(server, user):
    token = server.issue("shop", on_behalf_of=str(user.pk), scope="orders:read", lifetime=timedelta(minutes=10))
    assert (token.scope, token.expires_in) == ({"orders:read"}, pytest.approx(600, abs=2))
    assert token.refresh is not None


def test_a_holder_may_begin_with_what_a_server_issued(server, user, issuer):
    pair = server.issue("shop", on_behalf_of=str(user.pk), scope=" ".join(SCOPES))
    with Client(issuer) as holder:
        holder.sign_in(pair)
        assert holder.request("GET", "tokens/").status_code == 200
        assert holder.refresh().reveal() != pair.reveal()


def test_a_holder_may_begin_with_a_login_key(server, user, issuer):
    body = {"scope": " ".join(SCOPES), "on_behalf_of": str(user.pk)}
    address = "applications/shop/one-time-keys/"
    key = httpx.post(issuer + address, json=body, headers={"Authorization": server._settings.api_key.header()}).json()
    with Client(issuer) as holder:
        holder.sign_in(holder.redeem(key["key"]))
        assert holder.request("GET", "tokens/").status_code == 200
        assert holder.refresh().is_valid()


def test_a_source_refreshes_what_a_server_asked_for(server, user):
    source = server.source("shop", on_behalf_of=str(user.pk), scope="orders:read")
    assert source.get().reveal() != source.refresh().reveal()
    assert TokenFamily.objects.get().generation == 1


def test_a_server_has_a_token_of_its_own(server):
    assert server.get().scope >= {"orders:read"}
    assert server.request("GET", "tokens/").status_code == 200


def test_a_server_introspects_and_revokes(server, holder):
    token = holder.get()
    assert server.introspect(token)["active"] is True
    server.revoke(token)
    assert server.introspect(token) == {"active": False}


def test_a_wrong_field_is_named(server, user):
    with pytest.raises(BadRequest, match="wrong: nonsense") as refused:
        server.issue("shop", on_behalf_of=str(user.pk), nonsense=1)
    assert refused.value.request_id


def test_a_key_without_the_scope_is_denied(shop, issuer):
    key, secret = api_key(application=shop, scopes=["orders:read"])
    with (
        Client(issuer, api_key=key.public_id, api_secret=secret) as weak,
        pytest.raises(Denied, match="insufficient_scope"),
    ):
        weak.introspect("x")


@pytest.mark.parametrize("call", [Client.get, lambda client: client.issue("shop")], ids=["get", "issue"])
def test_an_unknown_key_is_refused(issuer, call):
    with (
        Client(issuer, api_key="ak_0123456789abcdefghijAB", api_secret="tis_wrong") as stranger,
        pytest.raises(KeyRefused),
    ):
        call(stranger)
