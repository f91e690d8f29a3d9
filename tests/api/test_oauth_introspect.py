"""``POST oauth/introspect`` (RFC 7662): a server of the same application learns what is good, nobody else anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.machines import OAUTH_HEADERS, Machine, assert_error
from tests.factories import ApiKeyFactory, ApplicationFactory, RuleFactory, api_key, caller
from tests.statements import counted
from token_issuer.models import AuditEvent, IssuedToken, Origin, Rule, TokenFamily
from token_issuer.services import issuing, refreshing, revoking, switching, verifying

INACTIVE = b'{"active":false}'


def machine_of(application, *scopes) -> Machine:
    key, secret = api_key(application=application, scopes=list(scopes))
    return Machine(key.public_id, secret)


@pytest.fixture
def server(own, configure):
    configure(SCOPES={"orders:read": "See your orders", "orders:write": "Change your orders"})
    Rule.objects.update(privileges=["orders:read", "orders:write"])
    return machine_of(own, "tokens:introspect")


@pytest.fixture
def pair(server, user):
    return issued(user, body={"scope": "orders:write orders:read"})


def issued(user, slug="own", *, at=None, body=None, **who):
    holder = caller(user, origin=Origin.BEARER, **who)
    return issuing.issue(holder, slug, body=body or {}, at=at or timezone.now())


def asked(server, made) -> bytes:
    return server.post("introspect", token=made if isinstance(made, str) else made.token.reveal()).content


def refresh_text(made) -> str:
    return made.pair.refresh_token.reveal()


def test_an_access_token_is_told(server, pair, own, user, settings):
    response = server.post("introspect", token=pair.token.reveal())
    assert {name: response[name] for name in OAUTH_HEADERS} == OAUTH_HEADERS
    assert response.json() == {
        "active": True,
        "kind": "access",
        "client_id": own.public_id,
        "sub": f"user-{user.pk}",
        "iat": int(pair.issued_at.timestamp()),
        "exp": int(pair.expires_at.timestamp()),
        "scope": "orders:read orders:write",
        "token_type": "Bearer",
        "jti": str(pair.token_id),
        "iss": settings.TOKEN_ISSUER["ISSUER"],
        "aud": settings.TOKEN_ISSUER["ISSUER"],
    }


def test_whom_an_access_token_is_for_is_told(server, own, user):
    own.options = {"audience": "https://orders.example"}
    own.save()
    body = server.post("introspect", token=issued(user).token.reveal()).json()
    assert (body["active"], body["aud"]) == (True, "https://orders.example")


def test_a_refresh_token_is_told(server, pair, own, user):
    body = server.post("introspect", token=refresh_text(pair)).json()
    family = TokenFamily.objects.get()
    assert body == {
        "active": True,
        "kind": "refresh",
        "client_id": own.public_id,
        "sub": f"user-{user.pk}",
        "iat": int(family.created_at.timestamp()),
        "exp": int(family.idle_expires_at.timestamp()),
    }


def test_a_one_time_token_is_told_and_not_used_up(once, user):
    server = machine_of(once, "tokens:introspect")
    made = issued(user, "once", body={"lifetime": 120})
    for _ in range(2):
        body = server.post("introspect", token=made.token.reveal()).json()
        assert (body["active"], body["kind"], body["access"], body["one_time"]) == (True, "one_time", "readonly", True)
    assert IssuedToken.objects.get().consumed_at is None
    assert "scope" not in body


def test_the_key_that_asked_is_the_client(server, own, user):
    key = ApiKeyFactory(application=own)
    made = issued(user, api_key=key)
    for text in (made.token.reveal(), refresh_text(made)):
        assert server.post("introspect", token=text).json()["client_id"] == key.public_id


def test_nothing_but_inactive_is_said_of_what_is_not_good(server, own, pair, user):
    texts = ["x", "tir_x", "tio_x", "a.b.c", "til_x", "é", "x" * 9000, pair.token.reveal() + "="]
    assert {asked(server, text) for text in texts} == {INACTIVE}


def test_an_expired_token_is_not_active(server, user):
    old = issued(user, at=timezone.now() - timedelta(days=15))
    assert (asked(server, old), asked(server, refresh_text(old))) == (INACTIVE, INACTIVE)


def test_a_revoked_pair_is_not_active(server, pair, user):
    revoking.revoke_own(caller(user), pair.token_id, reason="", at=timezone.now())
    assert (asked(server, pair), asked(server, refresh_text(pair))) == (INACTIVE, INACTIVE)


def test_what_log_out_everywhere_ended_is_not_active(server, pair, user):
    revoking.revoke_mine(caller(user), reason="", at=timezone.now())
    assert (asked(server, pair), asked(server, refresh_text(pair))) == (INACTIVE, INACTIVE)


def test_what_a_changed_user_had_is_not_active_and_nothing_is_closed(server, pair, user):
    user.is_active = False
    user.save()
    assert (asked(server, pair), asked(server, refresh_text(pair))) == (INACTIVE, INACTIVE)
    assert TokenFamily.objects.get().closed_at is None


def test_the_newest_refresh_token_alone_is_active(server, pair):
    made = refreshing.refresh(refresh_text(pair), at=timezone.now())
    assert asked(server, refresh_text(pair)) == INACTIVE
    assert asked(server, refresh_text(made)) != INACTIVE


def test_asking_about_an_old_one_is_no_reuse(server, pair):
    refreshing.refresh(refresh_text(pair), at=timezone.now() - timedelta(minutes=5))
    asked(server, refresh_text(pair))
    assert TokenFamily.objects.get().closed_at is None
    assert not AuditEvent.objects.exists()


def test_a_foreign_servers_question_gets_nothing(pair):
    other = machine_of(ApplicationFactory(slug="other", provider="own"), "tokens:introspect")
    assert (asked(other, pair), asked(other, refresh_text(pair))) == (INACTIVE, INACTIVE)


def test_a_vendors_token_is_none_of_ours(user):
    rooms = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    made = issued(user, "rooms", body={"roomId": "a"})
    assert asked(machine_of(rooms, "tokens:introspect"), made) == INACTIVE


def test_an_api_key_is_none_either(server, own):
    key, secret = api_key(application=own)
    assert asked(server, f"{key.public_id}.{secret}") == INACTIVE


def test_the_key_of_a_disabled_application_is_no_key(server, own, pair, user):
    switching.disable(caller(user), own, at=timezone.now())
    assert_error(server.post("introspect", token=pair.token.reveal()), 401, "invalid_client")


# Who may ask


@pytest.mark.parametrize("form", [{}, {"client_id": "shop"}, {"client_id": "ak_" + "0" * 22}])
def test_nobody_may_not(pair, form):
    response = Machine().post("introspect", token=pair.token.reveal(), **form)
    assert_error(response, 401, "invalid_client")


def test_a_key_without_the_scope_may_not(own, pair):
    machine = machine_of(own, "tokens:issue", "tokens:revoke")
    assert_error(machine.post("introspect", token=pair.token.reveal()), 403, "insufficient_scope")


def test_an_access_token_is_no_credential_here(server, pair):
    machine = Machine()
    machine.headers["Authorization"] = f"Bearer {pair.token.reveal()}"
    assert_error(machine.post("introspect", token=pair.token.reveal()), 401, "invalid_client")


def test_what_is_missing_is_named(server):
    assert_error(server.post("introspect"), 400, "invalid_request", "token: is required")


@pytest.mark.parametrize("which", ["access", "refresh"])
def test_it_is_one_statement_beside_the_keys_own_two(server, pair, which):
    text = pair.token.reveal() if which == "access" else refresh_text(pair)
    verifying.verify(pair.token.reveal(), at=timezone.now())  # the first token of a certificate costs one more
    with counted(3):
        server.post("introspect", token=text)
    with counted(2):  # the use of the key is noted once a minute
        server.post("introspect", token=text)


def test_a_token_for_another_audience_is_told(server, own, user):
    own.options = {"audience": "https://shop.example"}
    own.save()
    assert asked(server, issued(user)) != INACTIVE
