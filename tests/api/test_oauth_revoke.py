"""``POST oauth/revoke`` (RFC 7009): 200 whatever there was to end, and nothing ends that is not the caller's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.machines import OAUTH_HEADERS, Machine, assert_error
from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, api_key, caller
from tests.services.signing import new_key, signed_again, twin_of
from tests.statements import counted
from token_issuer.crypto import signing_keys
from token_issuer.errors import TokenRejected
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, TokenFamily
from token_issuer.services import issuing, refreshing, rotating, verifying

BOTH_SCOPES = ["tokens:issue", "tokens:revoke"]


@pytest.fixture
def holder():
    return Machine()


@pytest.fixture
def pair(own, user):
    return issued(user)


@pytest.fixture
def server(own):
    """A server of the application, which may end its tokens."""
    key, secret = api_key(application=own, scopes=BOTH_SCOPES)
    return Machine(key.public_id, secret)


@pytest.fixture
def foreigner(db):
    """A server of another application."""
    key, secret = api_key(application=ApplicationFactory(slug="other", provider="own"), scopes=BOTH_SCOPES)
    return Machine(key.public_id, secret)


def issued(user, slug="own", **who):
    at = timezone.now() - timedelta(minutes=1)
    return issuing.issue(caller(user, origin=Origin.BEARER, **who), slug, body={}, at=at)


def text_of(made) -> str:
    return made.pair.refresh_token.reveal()


def is_good(made) -> bool:
    try:
        verifying.verify(made.token.reveal(), at=timezone.now())
    except TokenRejected:
        return False
    return True


def assert_done(response) -> None:
    assert (response.status_code, response.json()) == (200, {})
    assert {name: response[name] for name in OAUTH_HEADERS} == OAUTH_HEADERS


def test_the_holder_gives_up_his_pair(holder, pair, user):
    assert_done(holder.post("revoke", token=text_of(pair)))
    assert not is_good(pair)
    assert_error(holder.refresh(text_of(pair)), 400, "invalid_grant")
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.detail["reason"]) == (
        AuditKind.FAMILY_CLOSED,
        user,
        "given up by its holder",
    )


def test_it_takes_effect_at_once(holder, pair):
    made = refreshing.refresh(text_of(pair), at=timezone.now())
    holder.post("revoke", token=text_of(made))
    assert not is_good(made)
    assert not is_good(pair)


def test_an_earlier_text_of_the_pair_ends_it_too_and_is_no_reuse(holder, pair):
    refreshing.refresh(text_of(pair), at=timezone.now() - timedelta(seconds=30))
    assert_done(holder.post("revoke", token=text_of(pair)))
    assert AuditEvent.objects.get().kind == AuditKind.FAMILY_CLOSED


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "saml2", "\N{SNOWMAN}"])
def test_a_hint_changes_nothing(holder, pair, hint):
    assert_done(holder.post("revoke", token=text_of(pair), token_type_hint=hint))
    assert TokenFamily.objects.get().closed_at is not None


def test_doing_it_again_is_done(holder, pair):
    for _ in range(2):
        assert_done(holder.post("revoke", token=text_of(pair)))
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("text", ["x", "tir_x", "a.b.c", "tis_" + "x" * 49, "é", "x" * 9000])
@pytest.mark.parametrize("who", ["holder", "server"])
def test_unknown_is_done(request, own, who, text):
    assert_done(request.getfixturevalue(who).post("revoke", token=text))


def test_a_user_who_is_gone_may_still_be_given_up(holder, pair, user):
    user.delete()
    assert_done(holder.post("revoke", token=text_of(pair)))
    assert TokenFamily.objects.get().reason == "given up by its holder"


def test_it_is_one_look_one_update_and_one_event(holder, pair):
    with counted(3):
        holder.post("revoke", token=text_of(pair))


# Whose it is


def test_another_client_ends_nothing(holder, pair):
    assert_done(holder.post("revoke", token=text_of(pair), client_id="another"))
    assert is_good(pair)


def test_a_foreign_server_ends_nothing(foreigner, pair):
    assert_done(foreigner.post("revoke", token=text_of(pair)))
    assert_done(foreigner.post("revoke", token=pair.token.reveal()))
    assert is_good(pair)
    assert not AuditEvent.objects.exists()


def test_a_server_ends_a_pair_of_its_application(server, pair):
    assert_done(server.post("revoke", token=text_of(pair)))
    assert not is_good(pair)
    event = AuditEvent.objects.get()
    assert (event.user, event.detail["reason"]) == (None, "given up by a server")
    assert event.detail["by_api_key"]


def test_an_access_token_of_a_pair_ends_the_pair(server, pair):
    assert_done(server.post("revoke", token=pair.token.reveal(), token_type_hint="refresh_token"))
    assert not is_good(pair)
    assert TokenFamily.objects.get().closed_at is not None


def test_a_server_ends_a_token_by_the_twin_of_its_text(server, own, user):
    """Whoever holds the token can compute it; the list of texts knows the one that was issued alone."""
    secret = signing_keys.new_secret("ES256")
    certificate = CertificateFactory(application=own, secret=secret, algorithm="ES256")
    rotating.activate(caller(user), certificate, at=timezone.now())
    made = issued(user)
    twin = twin_of(made.token.reveal())
    verifying.verify(twin, at=timezone.now())
    assert_done(server.post("revoke", token=twin))
    assert not is_good(made)


def test_a_text_that_only_names_a_token_ends_nothing(server, own, user):
    forged = signed_again(issued(user).token.reveal(), new_key("HS256", str(own.certificates.get().pk)))
    assert_done(server.post("revoke", token=forged))
    assert not AuditEvent.objects.exists()


def test_a_server_ends_its_own_token(server, own):
    text = server.post("token", grant_type="client_credentials").json()["access_token"]
    assert_done(server.post("revoke", token=text))
    assert IssuedToken.objects.get().revoked_at is not None


def test_a_server_ends_a_one_time_token(once, user):
    key, secret = api_key(application=once, scopes=BOTH_SCOPES)
    made = issuing.issue(caller(user), "once", body={"lifetime": 120}, at=timezone.now())
    assert_done(Machine(key.public_id, secret).post("revoke", token=made.token.reveal()))
    assert not is_good(made)


def test_a_vendors_token_may_be_ended_too(user):
    rooms = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    key, secret = api_key(application=rooms, scopes=BOTH_SCOPES)
    made = issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=timezone.now())
    assert_done(Machine(key.public_id, secret).post("revoke", token=made.token.reveal()))
    assert not is_good(made)


def test_without_the_scope_a_server_ends_no_token(own, pair):
    key, secret = api_key(application=own, scopes=["tokens:issue"])
    machine = Machine(key.public_id, secret)
    assert_error(machine.post("revoke", token=pair.token.reveal()), 403, "insufficient_scope")
    assert_done(machine.post("revoke", token=text_of(pair)))
    assert is_good(pair)


def test_without_the_scope_a_server_still_gives_up_its_own_pair(own, user):
    key, secret = api_key(application=own, scopes=["tokens:issue"])
    made = issued(user, api_key=key)
    assert_done(Machine(key.public_id, secret).post("revoke", token=text_of(made)))
    assert not is_good(made)


def test_other_kinds_are_not_given_up_by_their_holders(holder, pair, once, user):
    """Whoever sees one could end it; the answer depends on how it looks, and tells nothing of it."""
    made = issuing.issue(caller(user), "once", body={"lifetime": 120}, at=timezone.now())
    texts = [made.token.reveal(), "tio_" + "x" * 49, pair.token.reveal(), pair.token.reveal()[:-4] + "AAAA"]
    with counted(0):
        for text in texts:
            assert_error(holder.post("revoke", token=text), 401, "invalid_client")
    assert is_good(made)
    assert is_good(pair)


def test_bad_credentials_are_no_credentials(own, pair):
    machine = Machine("ak_" + "0" * 22, "tis_x")
    assert_error(machine.post("revoke", token=text_of(pair)), 401, "invalid_client")
    assert is_good(pair)


def test_what_is_missing_is_named(holder, db):
    assert_error(holder.post("revoke"), 400, "invalid_request", "token: is required")


def test_nobody_is_told_apart(server, own, pair):
    """Unknown, foreign, ended and own: the same answer, byte for byte."""
    server.post("revoke", token=text_of(pair))
    answers = {server.post("revoke", token=text).content for text in ("x", text_of(pair), pair.token.reveal())}
    assert answers == {b"{}"}
