"""The public Python surface."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

import token_issuer
from tests.factories import AT, CertificateFactory, UserFactory
from tests.services.signing import twin_of
from tests.statements import counted
from token_issuer.crypto import signing_keys
from token_issuer.errors import NotAuthenticated, NotFound, ReadOnly, TokenRejected
from token_issuer.ids import uuid7
from token_issuer.models import Application, IssuedToken, Origin
from token_issuer.services import rotating
from token_issuer.services.issuing import Issuance


@pytest.fixture
def made(user, rooms):
    return token_issuer.issue(user, "rooms", roomId="a")


def test_issue_verify_revoke(made, user):
    text = made.token.reveal()
    assert token_issuer.verify(text, kinds={"vendor"}).user == user
    assert token_issuer.revoke(text, reason="done").changed
    with pytest.raises(TokenRejected):
        token_issuer.verify(text, kinds={"vendor"})


def test_asynchronous_code_verifies_too(own, user):
    text = token_issuer.issue(user, "own").token.reveal()
    assert async_to_sync(token_issuer.averify)(text).user == user
    for bad in (text[:-4] + "AAAA", "never issued"):
        with pytest.raises(TokenRejected):
            async_to_sync(token_issuer.averify)(bad)


@pytest.mark.parametrize("verify", [token_issuer.verify, async_to_sync(token_issuer.averify)])
def test_a_vendors_token_opens_nothing_unless_it_is_asked_for(made, verify):
    with pytest.raises(TokenRejected) as refusal:
        verify(made.token)
    assert refusal.value.verdict == "another_kind"
    assert verify(made.token, kinds=[token_issuer.Kind.VENDOR]).kind is token_issuer.Kind.VENDOR


@pytest.mark.parametrize("verify", [token_issuer.verify, async_to_sync(token_issuer.averify)])
def test_what_works_once_is_not_looked_at_again_and_again(short, verify):
    text = short()
    with pytest.raises(TokenRejected), counted(0):
        verify(text)
    assert verify(text, kinds={"one_time"}).one_time
    assert token_issuer.consume(text, safe=True).one_time


def test_an_access_token_is_none_where_another_kind_is_asked_for(own, user):
    text = token_issuer.issue(user, "own").token
    with pytest.raises(TokenRejected):
        token_issuer.verify(text, kinds=["vendor", "one_time", "api_key", "self_signed"])


def test_kinds_are_kinds():
    with pytest.raises(ValueError, match="'door' is not a valid Kind"):
        token_issuer.verify("x", kinds=["door"])
    with pytest.raises(TypeError, match=r"^kinds is a collection of kinds$"):
        token_issuer.verify("x", kinds="vendor")


def test_a_token_for_somebody_else_is_verified_for_him(user, own):
    Application.objects.update(options={"audience": "https://reports.example"})
    text = token_issuer.issue(user, "own").token.reveal()
    with pytest.raises(TokenRejected):
        token_issuer.verify(text)
    for found in (
        token_issuer.verify(text, audience="https://reports.example"),
        async_to_sync(token_issuer.averify)(text, audience="https://reports.example"),
    ):
        assert found.audience == "https://reports.example"


def test_the_origin_is_recorded(made):
    assert IssuedToken.objects.get().origin == Origin.PYTHON


def test_a_token_is_revoked_by_its_id(made, user):
    token_issuer.revoke(made.token_id, reason="done", by=user)
    assert IssuedToken.objects.get().revoked_by == user


def test_a_token_is_revoked_by_the_twin_of_its_text(user, own, person):
    secret = signing_keys.new_secret("ES256")
    rotating.activate(person, CertificateFactory(application=own, secret=secret, algorithm="ES256"), at=AT)
    text = token_issuer.issue(user, "own").token.reveal()
    twin = twin_of(text)
    assert token_issuer.verify(twin).user == user
    assert token_issuer.revoke(twin, reason="leaked").changed
    for each in (text, twin):
        with pytest.raises(TokenRejected):
            token_issuer.verify(each)


def test_a_token_that_has_expired_is_still_revoked_by_its_text(user, own):
    made = token_issuer.issue(user, "own", at=AT)
    assert token_issuer.revoke(made.token, reason="leaked").token_id == made.token_id


@pytest.mark.parametrize("unknown", ["never issued", uuid7()])
def test_unknown_tokens_cannot_be_revoked(db, unknown):
    with pytest.raises(NotFound, match=r"^There is no such token\.$"):
        token_issuer.revoke(unknown, reason="done")


def test_an_object_older_than_its_deactivation_gets_nothing(user, rooms):
    type(user).objects.update(is_active=False)
    with pytest.raises(NotAuthenticated, match="not active"):
        token_issuer.issue(user, "rooms", roomId="a")


@pytest.mark.parametrize("nobody", [None, AnonymousUser()])
def test_nobody_gets_nothing(rooms, nobody):
    with pytest.raises(NotAuthenticated, match="Sign in"):
        token_issuer.issue(nobody, "rooms", roomId="a")


def test_a_deleted_user_gets_nothing(rooms):
    user = UserFactory()
    type(user).objects.filter(pk=user.pk).delete()
    with pytest.raises(NotAuthenticated):
        token_issuer.issue(user, "rooms", roomId="a")


def test_the_clock_may_be_given(user, rooms):
    assert token_issuer.issue(user, "rooms", roomId="a", at=AT).issued_at == AT


@pytest.mark.django_db(transaction=True)
def test_a_token_may_wait_for_the_hosts_commit(user, rooms):
    given: list[Issuance] = []
    with transaction.atomic():
        assert token_issuer.issue(user, "rooms", roomId="a", at=AT, on_commit=given.append) is None
        assert not given
    assert (given[0].grant.resource, given[0].issued_at) == ("a", AT)


@pytest.fixture
def short(user, once):
    def short(**body):
        return token_issuer.issue(user, "once", **body).token

    return short


def test_a_short_token_is_used_up(short, user):
    text = short()
    assert token_issuer.consume(text, safe=True).user == user
    with pytest.raises(TokenRejected):
        token_issuer.consume(text.reveal(), safe=True)


def test_whoever_does_not_say_that_he_only_reads_needs_more(short):
    with pytest.raises(ReadOnly):
        token_issuer.consume(short())
    assert token_issuer.consume(short(access="readwrite")).access == "readwrite"


def test_a_token_is_for_its_application(short):
    text = short()
    with pytest.raises(TokenRejected):
        token_issuer.consume(text, safe=True, application="elsewhere")
    assert token_issuer.consume(text, safe=True, application="once").application_slug == "once"


def test_a_short_token_is_used_up_asynchronously(short, user):
    text, use = short(), async_to_sync(token_issuer.aconsume)
    assert use(text, safe=True).user == user
    with pytest.raises(TokenRejected):
        use(text, safe=True)


def test_the_surface_is_what_it_says():
    assert [getattr(token_issuer, name).__name__ for name in token_issuer.__all__] == token_issuer.__all__


def test_nothing_else_is_there():
    with pytest.raises(AttributeError, match="has no attribute 'mint'"):
        _ = token_issuer.mint
