"""Redeeming one-time login keys: once, within their life, for what was decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.models import F

from tests.factories import ApiKeyFactory, UserFactory, caller
from tests.statements import counted
from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import NoActiveCertificate, PolicyDenied, PolicyUnavailable, RateLimited, TokenRejected
from token_issuer.models import (
    AuditEvent,
    AuditKind,
    Certificate,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    Origin,
    RevocationEpoch,
)
from token_issuer.providers.scopes import TOKENS_ISSUE
from token_issuer.services import login_keys, redeeming, revoking, switching, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import OpenTransaction

ROOM = {"roomId": "abcd-efgh-ijkl"}
SECOND = timedelta(seconds=1)
HOLDER = Caller(user=AnonymousUser(), origin=Origin.SESSION, ip="192.0.2.7", user_agent="phone", request_id="r-7")


@pytest.fixture
def make(person, at):
    def make(*, by=person, when=at, **body):
        return login_keys.make(by, "rooms", body={**ROOM, **body}, at=when)

    return make


@pytest.fixture
def key(make, rooms):
    """A key that was just made."""
    return make()


@pytest.fixture
def redeem(at):
    def redeem(key, *, when=at + SECOND, **how):
        return redeeming.redeem(HOLDER, key.text, at=when, **how)

    return redeem


@pytest.fixture
def configure(settings):
    def configure(**changes):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, **changes}

    return configure


def refused(redeem, key, verdict, **how) -> None:
    with pytest.raises(TokenRejected, match=r"^The token is not valid\.$") as refusal:
        redeem(key, **how)
    assert refusal.value.verdict == verdict
    assert not IssuedToken.objects.exists()


def test_its_holder_gets_the_token_that_was_decided(redeem, key, user, at):
    made = redeem(key).issuance
    row = IssuedToken.objects.get()
    assert (row.user, row.subject, row.resource, row.origin) == (
        user,
        f"user-{user.pk}",
        ROOM["roomId"],
        Origin.REDEEM,
    )
    assert made.token_id == row.pk
    assert verifying.verify(made.token.reveal(), at=at + SECOND).user == user


def test_the_row_says_where_it_was_redeemed(redeem, key):
    redeem(key)
    row = IssuedToken.objects.get()
    assert (row.ip, row.user_agent, row.request_id) == ("192.0.2.7", "phone", "r-7")


def test_the_token_lives_from_its_redeeming(redeem, make, rooms, at):
    made = redeem(make(lifetime=120), when=at + 30 * SECOND).issuance
    assert made.expires_at == at + timedelta(seconds=150)


def test_it_names_its_user(redeem, key, user):
    assert redeem(key).user == user


def test_a_device_keeps_its_slot(redeem, make, rooms, user):
    assert redeem(make(slot=2)).issuance.grant.subject == f"user-{user.pk}:2"


def test_it_works_once(redeem, key):
    redeem(key)
    IssuedToken.objects.all().delete()
    refused(redeem, key, "consumed")


def test_it_works_until_its_last_moment(redeem, key, at):
    redeem(key, when=key.expires_at - timedelta(microseconds=1))


def test_it_does_not_work_at_its_end(redeem, key):
    refused(redeem, key, "expired", when=key.expires_at)


def test_a_stranger_s_text_is_none(redeem, key):
    with pytest.raises(TokenRejected) as refusal:
        redeeming.redeem(HOLDER, opaque.new(opaque.LOGIN_KEY), at=key.created_at)
    assert refusal.value.verdict == "unknown"


@pytest.mark.parametrize("text", ["", "til_", "tio_" + "a" * 49, "til_" + "a" * 49, "ключ", "til_\0"])
def test_what_cannot_be_a_key_costs_no_statement(db, at, text):
    with counted(0), pytest.raises(TokenRejected):
        redeeming.redeem(HOLDER, TokenText(text), at=at)


def test_a_revoked_key_is_none(redeem, key, person, at):
    login_keys.revoke(person, key.key_id, reason="", at=at)
    refused(redeem, key, "revoked")


@pytest.mark.parametrize("ended", ["user", "application", "room", "server"])
def test_what_ends_tokens_ends_keys_that_were_not_redeemed(redeem, make, rooms, person, user, at, ended):
    api_key = ApiKeyFactory(application=rooms, scopes=[TOKENS_ISSUE])
    server = Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=api_key, scopes=frozenset(api_key.scopes))
    key = make(by=server, on_behalf_of=user.pk)
    match ended:
        case "user":
            revoking.revoke_user(person, user, reason="log-out everywhere", at=at)
        case "application":
            revoking.revoke_application(person, rooms, reason="", at=at)
        case "room":
            revoking.revoke_resource(person, rooms, ROOM["roomId"], reason="", at=at)
        case "server":
            revoking.raise_epoch(EpochKind.API_KEY, api_key.pk, at=at)
    refused(redeem, key, "revoked")


def test_another_persons_log_out_ends_nothing(redeem, key, at):
    other = UserFactory()
    revoking.revoke_user(caller(other), other, reason="", at=at)
    assert redeem(key)


def test_a_changed_password_ends_it(redeem, key, user):
    user.set_password("another horse")
    user.save()
    refused(redeem, key, "principal_gone")


def test_a_deactivated_user_ends_it(redeem, key, user):
    user.is_active = False
    user.save()
    refused(redeem, key, "principal_gone")


def test_a_deleted_user_ends_it(redeem, key, user):
    user.delete()
    refused(redeem, key, "principal_gone")


def test_an_application_that_is_switched_off_ends_it(redeem, key, rooms, person, at):
    switching.disable(person, rooms, at=at)
    refused(redeem, key, "application_or_key_off")


def test_a_server_key_that_ended_ends_it(redeem, make, rooms, user, at):
    api_key = ApiKeyFactory(application=rooms, scopes=[TOKENS_ISSUE])
    server = Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=api_key, scopes=frozenset(api_key.scopes))
    key = make(by=server, on_behalf_of=user.pk)
    api_key.revoked_at = at
    api_key.save()
    refused(redeem, key, "application_or_key_off")


def test_a_server_key_without_the_scope_redeems_nothing(redeem, make, rooms, user):
    api_key = ApiKeyFactory(application=rooms, scopes=[TOKENS_ISSUE])
    server = Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=api_key, scopes=frozenset(api_key.scopes))
    key = make(by=server, on_behalf_of=user.pk)
    api_key.scopes = []
    api_key.save()
    with pytest.raises(PolicyDenied, match="tokens:issue"):
        redeem(key)


def test_nothing_is_redeemed_inside_a_transaction(redeem, key):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        redeem(key)


def test_it_takes_four_statements(redeem, key):
    with counted(4) as seen:
        redeem(key)
    starts = ["SELECT", "SELECT", "UPDATE", "INSERT"]
    assert [statement.split()[0] for statement in seen] == starts
    assert "token_issuer_rule" in seen[1]


# The gap between the SELECT and the claim: the site's policy is asked in it


MEANWHILE: dict[str, Callable[[], object]] = {}


def meanwhile(ask):
    MEANWHILE.get("now", bool)()


@pytest.mark.parametrize("happens", ["log_out", "deactivation", "password", "disabling", "revocation", "redeeming"])
def test_what_happens_between_looking_and_claiming_counts(redeem, key, rooms, user, person, at, happens, configure):
    people = get_user_model().objects
    MEANWHILE["now"] = {
        "log_out": lambda: revoking.revoke_user(person, user, reason="", at=at),
        "deactivation": lambda: people.update(is_active=False),
        "password": lambda: people.update(password="changed"),
        "disabling": lambda: switching.disable(person, rooms, at=at),
        "revocation": lambda: login_keys.revoke(person, key.key_id, reason="", at=at),
        "redeeming": lambda: OneTimeKey.objects.update(consumed_at=at),
    }[happens]
    configure(POLICIES={"rooms": f"{__name__}.meanwhile"})
    refused(redeem, key, "consumed")


def test_a_token_of_a_key_does_not_read_newer_epochs(redeem, key, person, at):
    """The set is ended after the claim and before the INSERT: the token is dead when it is born."""

    def log_out_first(execute, sql, *rest):
        if "INTO" in sql and "issuedtoken" in sql:
            RevocationEpoch.objects.update(epoch=F("epoch") + 1)
        return execute(sql, *rest)

    RevocationEpoch.objects.create(kind=EpochKind.USER, key=person.principal_key, not_before=at)
    with connection.execute_wrapper(log_out_first):
        made = redeem(key).issuance
    with pytest.raises(TokenRejected):
        verifying.verify(made.token.reveal(), at=at + SECOND)


# Policy is asked again


def test_policy_is_asked_again_and_a_refusal_consumes_nothing(redeem, key, rooms, user):
    rule = rooms.rules.get()
    rooms.rules.update(everyone=False)
    with pytest.raises(PolicyDenied, match="no_rule"):
        redeem(key)
    assert OneTimeKey.objects.get().consumed_at is None
    rooms.rules.filter(pk=rule.pk).update(everyone=True)
    assert redeem(key).user == user


def test_its_refusal_is_counted(redeem, key, rooms, user):
    rooms.rules.all().delete()
    with pytest.raises(PolicyDenied):
        redeem(key)
    event = AuditEvent.objects.get(kind=AuditKind.DENIED)
    assert (event.user, event.detail) == (user, {"reason": "no_rule", "origin": "redeem"})


def test_a_failing_policy_consumes_nothing(redeem, key, configure):
    configure(POLICIES={"rooms": f"{__name__}.failing"})
    with pytest.raises(PolicyUnavailable):
        redeem(key)
    assert OneTimeKey.objects.get().consumed_at is None


def failing(ask):
    raise LookupError


def test_policy_hears_the_same_door_both_times(make, redeem, rooms, configure):
    configure(POLICIES={"rooms": f"{__name__}.remembering"})
    HEARD.clear()
    redeem(make())
    assert HEARD == [Origin.REDEEM, Origin.REDEEM]


HEARD: list[Origin] = []


def remembering(ask):
    HEARD.append(ask.origin)


def test_a_window_that_is_used_up_consumes_nothing(redeem, make, rooms, at):
    rooms.rules.update(limit=1, window=60)
    first, second = make(), make(key_lifetime=120)
    redeem(first)
    with pytest.raises(RateLimited):
        redeem(second)
    assert OneTimeKey.objects.get(pk=second.key_id).consumed_at is None
    assert redeem(second, when=at + timedelta(seconds=60))


def test_a_shorter_life_that_policy_says_now_is_taken(redeem, make, rooms):
    key = make(lifetime=600)
    rooms.rules.update(maximum_lifetime=90)
    assert redeem(key).issuance.expires_in == 90


def test_a_longer_one_is_not(redeem, make, rooms):
    rooms.rules.update(maximum_lifetime=90)
    key = make()
    rooms.rules.update(maximum_lifetime=None)
    assert redeem(key).issuance.expires_in == 90


def test_a_grant_that_became_impossible_consumes_nothing(redeem, key):
    OneTimeKey.objects.update(grant={"door": 1})
    with pytest.raises(PolicyDenied, match="not possible any more"):
        redeem(key)
    assert OneTimeKey.objects.get().consumed_at is None


def test_a_scope_that_is_gone_from_the_catalogue_consumes_nothing(person, own, configure, redeem, at):
    """A rule may still name it."""
    key = login_keys.make(person, "own", body={"scope": "reports:read"}, at=at)
    configure(SCOPES={})
    with pytest.raises(PolicyDenied, match="privilege_not_granted"):
        redeem(key)
    assert OneTimeKey.objects.get().consumed_at is None


def test_without_a_signer_nothing_is_consumed(redeem, key):
    Certificate.objects.all().delete()
    with pytest.raises(NoActiveCertificate):
        redeem(key)
    assert OneTimeKey.objects.get().consumed_at is None


def test_the_certificate_of_the_moment_signs(redeem, key, rooms, person, at):
    redeem(key)
    certificate = IssuedToken.objects.get().certificate
    assert certificate == rooms.certificates.get()


def test_its_token_ends_with_the_certificate(redeem, key, rooms, person, at):
    made = redeem(key).issuance
    revoking.revoke_certificate(person, rooms.certificates.get(), reason="", at=at)
    with pytest.raises(TokenRejected):
        verifying.verify(made.token.reveal(), at=at + SECOND)


# Sessions


@pytest.fixture
def session_key(make, rooms, configure):
    configure(LOGIN_KEY_SESSIONS=True)
    return make(starts_session=True)


def test_a_key_made_for_it_starts_a_session(redeem, session_key, user):
    asked: list[object] = []
    assert redeem(session_key, before_session=asked.append).starts_session
    assert asked == [user]


def test_a_refusal_before_the_session_consumes_nothing(redeem, session_key):
    def refuse(user):
        raise LookupError

    with pytest.raises(LookupError):
        redeem(session_key, before_session=refuse)
    assert OneTimeKey.objects.get().consumed_at is None


def test_nobody_is_asked_where_no_session_starts(redeem, key, configure):
    configure(LOGIN_KEY_SESSIONS=True)
    assert not redeem(key, before_session=pytest.fail).starts_session


def test_a_site_that_allows_no_sessions_any_more_starts_none(redeem, session_key, configure):
    configure(LOGIN_KEY_SESSIONS=False)
    assert not redeem(session_key, before_session=pytest.fail).starts_session


def test_where_there_is_no_browser_no_session_starts(redeem, session_key):
    assert not redeem(session_key).starts_session
