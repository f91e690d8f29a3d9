"""Making one-time login keys, and ending them by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from tests.factories import ApiKeyFactory, UserFactory, caller
from tests.statements import counted
from token_issuer.crypto import digests, opaque, stamps
from token_issuer.errors import BadGrant, NoActiveCertificate, NotAuthenticated, NotFound, PolicyDenied
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, Certificate, OneTimeKey, Origin, RevocationEpoch
from token_issuer.providers.scopes import TOKENS_ISSUE
from token_issuer.services import login_keys, revoking
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import OpenTransaction

ROOM = {"roomId": "abcd-efgh-ijkl"}
SECOND = timedelta(seconds=1)


@pytest.fixture
def make(person, at):
    def make(slug="rooms", *, by=person, when=at, **body):
        return login_keys.make(by, slug, body={**ROOM, **body}, at=when)

    return make


@pytest.fixture
def sessions(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "LOGIN_KEY_SESSIONS": True}


def server(application, **fields):
    """A server that calls with a key of this application."""
    key = ApiKeyFactory(application=application, scopes=[TOKENS_ISSUE], **fields)
    return Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=key, scopes=frozenset(key.scopes))


def test_it_lives_for_a_minute(make, rooms, at):
    made = make()
    assert (made.created_at, made.expires_at) == (at, at + timedelta(seconds=60))


def test_its_text_is_one_that_scanners_know(make, rooms):
    assert opaque.passes(opaque.LOGIN_KEY, make().text)


def test_the_row_holds_the_digest_and_never_the_text(make, rooms):
    text = make().text
    values = OneTimeKey.objects.values().get()
    assert values["digest"] == digests.digest(text)
    assert text.reveal() not in repr(values)


def test_what_is_answered_shows_no_text(make, rooms):
    made = make()
    assert made.text.reveal() not in repr(made)


def test_the_row_remembers_what_was_decided(make, rooms, user):
    make(lifetime=120, slot=1)
    key = OneTimeKey.objects.get()
    assert (key.grant["roomId"], key.lifetime, key.slot, key.user, key.application) == (
        ROOM["roomId"],
        120,
        1,
        user,
        rooms,
    )
    assert key.password_stamp == stamps.password_stamp(user.password)


def test_the_lifetime_that_nobody_named_is_the_one_decided(make, rooms):
    rooms.rules.update(maximum_lifetime=90)
    assert make().lifetime == OneTimeKey.objects.get().lifetime == 90


def test_it_is_made_under_the_epochs_of_its_own_insert(make, rooms, person, at):
    revoking.revoke_mine(person, reason="", at=at)
    revoking.revoke_application(person, rooms, reason="", at=at)
    make()
    assert OneTimeKey.objects.get().epochs == RevocationEpoch.objects.count() == 2


@pytest.mark.parametrize(("given", "seconds"), [(10, 10), (600, 600), ("2m", 120)])
def test_its_life_may_be_chosen(make, rooms, at, given, seconds):
    assert make(key_lifetime=given).expires_at == at + timedelta(seconds=seconds)


@pytest.mark.parametrize("given", [9, 601, -1, "soon", None, True, 10.0])
def test_its_life_has_limits(make, rooms, given):
    with pytest.raises(BadGrant) as refusal:
        make(key_lifetime=given)
    assert [*refusal.value.fields] == ["key_lifetime"]


def test_every_wrong_field_is_named(make, rooms):
    with pytest.raises(BadGrant) as refusal:
        make(key_lifetime=1, starts_session="yes", lifetime=-1, door=1)
    assert {*refusal.value.fields} == {"key_lifetime", "starts_session", "lifetime", "door"}


def test_policy_decides_before_it_is_made(make, rooms):
    rooms.rules.all().delete()
    with pytest.raises(PolicyDenied, match="no_rule"):
        make()
    assert not OneTimeKey.objects.exists()
    assert AuditEvent.objects.get().detail == {"reason": "no_rule", "origin": "session"}


def test_a_window_is_charged_when_it_is_redeemed_and_not_before(make, rooms):
    rooms.rules.update(limit=1, window=3600)
    make()
    make()
    assert OneTimeKey.objects.count() == 2


def test_without_a_signer_there_is_no_key(make, rooms):
    Certificate.objects.all().delete()
    with pytest.raises(NoActiveCertificate):
        make()


def test_nobody_gets_none(make, rooms):
    with pytest.raises(NotAuthenticated):
        make(by=caller(AnonymousUser()))


def test_a_token_without_the_scope_gets_none(make, rooms, user):
    with pytest.raises(PolicyDenied, match="tokens:issue"):
        make(by=caller(user, origin=Origin.BEARER, scopes=frozenset({"profile"})))


def test_it_is_not_made_inside_a_transaction(make, rooms):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        make()


def test_it_is_audited(make, rooms, user):
    make()
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application, event.detail["session"]) == (
        AuditKind.LOGIN_KEY_MADE,
        user,
        rooms,
        False,
    )


def test_it_takes_four_statements(make, rooms):
    with counted(4) as seen:
        make()
    words = ["token_issuer_application", "token_issuer_rule", "token_issuer_onetimekey", "token_issuer_auditevent"]
    for word, statement in zip(words, seen, strict=True):
        assert word in statement


# A server asks for one of its users


def test_a_server_names_the_user(make, rooms, user):
    make(by=server(rooms), on_behalf_of=user.pk)
    key = OneTimeKey.objects.get()
    assert (key.user, key.api_key, key.principal) == (user, rooms.api_keys.get(), "user")


def test_the_audit_names_the_server(make, rooms, user):
    make(by=server(rooms), on_behalf_of=user.pk)
    assert AuditEvent.objects.get().detail["api_key"] == rooms.api_keys.get().public_id


def test_a_server_gets_none_for_itself(make, rooms):
    with pytest.raises(BadGrant, match="on_behalf_of"):
        make(by=server(rooms))


def test_what_is_for_servers_only_is_not_given_through_a_key(make, rooms, user):
    """Whoever redeems it is no server, even when one asked for it."""
    rooms.rules.update(privileges=["allow_join", "crawler"])
    with pytest.raises(PolicyDenied, match="server_only"):
        make(by=server(rooms), on_behalf_of=user.pk, roles=["crawler"])


# Sessions


def test_it_starts_no_session_unless_asked(make, rooms, sessions):
    assert not make().starts_session


def test_a_session_may_be_asked_for(make, rooms, sessions):
    assert make(starts_session=True).starts_session
    assert OneTimeKey.objects.get().starts_session


def test_a_session_is_not_allowed_unless_the_site_says_so(make, rooms):
    with pytest.raises(BadGrant, match="starts_session: is not allowed on this site"):
        make(starts_session=True)


def test_an_access_token_does_not_become_a_session(make, rooms, sessions, user):
    holder = caller(user, origin=Origin.BEARER, scopes=frozenset({TOKENS_ISSUE}))
    with pytest.raises(BadGrant, match="starts_session: takes the user's own session"):
        make(by=holder, starts_session=True)


@pytest.mark.parametrize("origin", sorted(set(Origin) - {Origin.SESSION}))
def test_only_a_session_becomes_one(make, rooms, sessions, user, origin):
    with pytest.raises(BadGrant, match="starts_session: takes the user's own session"):
        make(by=caller(user, origin=origin), starts_session=True)


def test_a_server_may_sign_a_user_in(make, rooms, sessions, user):
    assert make(by=server(rooms), on_behalf_of=user.pk, starts_session=True).starts_session


@pytest.mark.parametrize("standing", ["is_staff", "is_superuser"])
def test_a_server_cannot_sign_staff_in(make, rooms, sessions, standing):
    boss = UserFactory(**{standing: True})
    with pytest.raises(BadGrant, match="starts_session: is not possible for staff"):
        make(by=server(rooms), on_behalf_of=boss.pk, starts_session=True)


def test_staff_may_sign_themselves_in(make, rooms, sessions):
    assert make(by=caller(UserFactory(is_staff=True)), starts_session=True).starts_session


# One at a time, where the application says so


@pytest.fixture
def single(rooms):
    rooms.single_login_key = True
    rooms.save()
    return rooms


def test_a_new_key_ends_the_one_before(make, single, at):
    first = make()
    second = make(when=at + SECOND)
    ended, live = OneTimeKey.objects.get(pk=first.key_id), OneTimeKey.objects.get(pk=second.key_id)
    assert (ended.revoked_at, ended.reason) == (at + SECOND, "superseded by a newer one")
    assert live.revoked_at is None


def test_other_people_keep_theirs(make, single):
    make()
    make(by=caller(UserFactory()))
    assert OneTimeKey.objects.filter(revoked_at=None).count() == 2


def test_elsewhere_people_may_have_several(make, rooms):
    make()
    make()
    assert OneTimeKey.objects.filter(revoked_at=None).count() == 2


def test_a_key_that_was_redeemed_stays_as_it_is(make, single, at):
    first = make()
    OneTimeKey.objects.update(consumed_at=at)
    make()
    assert OneTimeKey.objects.get(pk=first.key_id).revoked_at is None


# Ending one by hand


def test_a_key_is_revoked_once(make, rooms, person, at):
    made = make()
    assert login_keys.revoke(person, made.key_id, reason="lost", at=at)
    assert not login_keys.revoke(person, made.key_id, reason="again", at=at + SECOND)
    key = OneTimeKey.objects.get()
    assert (key.revoked_at, key.reason) == (at, "lost")
    assert AuditEvent.objects.filter(kind=AuditKind.LOGIN_KEY_REVOKED).get().detail["reason"] == "lost"


def test_a_key_that_was_redeemed_is_not_revoked(make, rooms, person, at):
    made = make()
    OneTimeKey.objects.update(consumed_at=at)
    assert not login_keys.revoke(person, made.key_id, reason="", at=at)
    assert OneTimeKey.objects.get().revoked_at is None


def test_a_key_that_there_is_not_cannot_be_revoked(person, at):
    with pytest.raises(NotFound, match=r"^There is no such one-time key\.$"):
        login_keys.revoke(person, uuid7(), reason="", at=at)
