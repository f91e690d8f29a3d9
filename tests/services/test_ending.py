"""Ending all that a person has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from tests.factories import (
    AT,
    ApiKeyFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    caller,
)
from token_issuer.errors import PolicyDenied
from token_issuer.models import (
    AnsweredLoginKey,
    Application,
    AuditEvent,
    AuditKind,
    IssuedToken,
    OneTimeKey,
    TokenFamily,
)
from token_issuer.services import deciding, ending, issuing, login_keys, proving, revoking, selecting, verifying
from token_issuer.services.ending import Possessions
from token_issuer.services.transactions import OpenTransaction

MINUTE = timedelta(minutes=1)
NOTHING = Possessions(tokens=0, pairs=0, login_keys=0, last_ends_at=None, api_keys=())


@pytest.fixture
def boss(db):
    return caller(UserFactory())


@pytest.fixture
def rich(user):
    """One of everything, and the same of somebody else."""
    for person in (user, UserFactory()):
        IssuedTokenFactory(user=person)
        TokenFamilyFactory(user=person)
        OneTimeKeyFactory(user=person)
        ApiKeyFactory(acts_as=person)
    return user


def test_it_tells_what_a_person_has(rich, at):
    has = ending.possessions(rich, at=at)
    assert (has.tokens, has.pairs, has.login_keys, len(has.api_keys)) == (1, 1, 1, 1)
    assert has.last_ends_at == at + 10 * MINUTE


def test_what_has_ended_is_not_counted(user, at):
    IssuedTokenFactory(user=user, revoked_at=at)
    IssuedTokenFactory(user=user, issued_at=at - 20 * MINUTE)
    closed = TokenFamilyFactory(user=user, closed_at=at)
    IssuedTokenFactory(user=user, issued_at=at, family=closed)
    TokenFamilyFactory(user=user, idle_expires_at=at)
    OneTimeKeyFactory(user=user, consumed_at=at)
    OneTimeKeyFactory(user=user, revoked_at=at)
    OneTimeKeyFactory(user=user, created_at=at - MINUTE)
    ApiKeyFactory(acts_as=user, revoked_at=at)
    assert ending.possessions(user, at=at) == NOTHING


def test_looking_changes_nothing(rich, at):
    ending.possessions(rich, at=at)
    assert ending.possessions(rich, at=at).tokens == 1


def test_everything_of_his_ends(rich, boss, at):
    had = ending.end_user(boss, rich, reason="left", at=at)
    assert (had.tokens, had.pairs, had.login_keys) == (1, 1, 1)
    left = ending.possessions(rich, at=at)
    assert (left.tokens, left.pairs, left.login_keys) == (0, 0, 0)


def test_the_rows_say_so(rich, boss, at):
    ending.end_user(boss, rich, reason="left", at=at)
    family, key = TokenFamily.objects.get(user=rich), OneTimeKey.objects.get(user=rich)
    assert (family.closed_at, family.reason) == (at, "left")
    assert (key.revoked_at, key.reason) == (at, "left")


def test_nothing_of_anybody_else_does(rich, boss, at):
    ending.end_user(boss, rich, reason="left", at=at)
    assert IssuedToken.objects.exclude(user=rich).live(at).count() == 1
    assert TokenFamily.objects.exclude(user=rich).get().closed_at is None
    assert OneTimeKey.objects.exclude(user=rich).get().revoked_at is None


def test_it_is_audited_once_with_who_did_it(rich, boss, at):
    ending.end_user(boss, rich, reason="left", at=at)
    event = AuditEvent.objects.get(kind=AuditKind.SET_REVOKED)
    assert (event.user, event.detail["of"], event.detail["reason"]) == (boss.user, str(rich.pk), "left")


def test_a_key_that_acts_as_him_goes_on_unless_asked(rich, boss, at):
    (key,) = ending.end_user(boss, rich, reason="left", at=at).api_keys
    key.refresh_from_db()
    assert not key.ended(at)
    ending.end_user(boss, rich, reason="left", at=at, with_api_keys=True)
    key.refresh_from_db()
    assert key.ended(at) == "revoked"


def test_what_was_used_or_closed_before_keeps_its_own_ending(user, boss, at):
    used, closed = OneTimeKeyFactory(user=user, consumed_at=at), TokenFamilyFactory(user=user, closed_at=at, reason="x")
    ending.end_user(boss, user, reason="left", at=at + MINUTE)
    used.refresh_from_db()
    closed.refresh_from_db()
    assert used.revoked_at is None
    assert (closed.closed_at, closed.reason) == (at, "x")


def test_what_is_made_afterwards_is_good(user, boss, rooms, at):
    ending.end_user(boss, user, reason="", at=at)
    made = login_keys.make(caller(user), "rooms", body={"roomId": "a"}, at=at)
    ending._mark(caller(user).principal_key, reason="", at=at)
    assert OneTimeKey.objects.get(pk=made.key_id).revoked_at is None


def test_it_does_not_run_inside_a_transaction(user, boss, at):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        ending.end_user(boss, user, reason="", at=at)


@pytest.fixture
def guest(user, hotel, boss, at):
    """Him, with an account at a vendor that he is logged in to from here."""
    proving.prove(boss, hotel, user, subject="ada", parts={"word": "correct", "floor": "1"}, at=at)
    return user


def test_what_proves_him_at_vendors_is_forgotten(guest, boss, at):
    assert ending.possessions(guest, at=at).proofs == 1
    assert ending.end_user(boss, guest, reason="left", at=at).proofs == 1
    assert ending.possessions(guest, at=at).proofs == 0
    with pytest.raises(PolicyDenied, match="no account at the vendor"):
        issuing.issue(caller(guest), "hotel", body={}, at=at)


def test_forgetting_it_is_audited_with_the_reason(guest, boss, at):
    ending.end_user(boss, guest, reason="left\n", at=at)
    event = AuditEvent.objects.get(kind=AuditKind.ACCOUNT_CHANGED)
    assert (event.user, event.detail["proof"], event.detail["reason"]) == (boss.user, "forgotten", "left ")


@pytest.mark.parametrize("asked", ["hotel", "phone"])
def test_nothing_is_answered_that_was_read_before_he_was_ended(request, user, boss, at, settings, asked):
    application = request.getfixturevalue(asked)
    parts = {"hotel": {"word": "correct", "floor": "1"}, "phone": {"password": "correct"}}[asked]
    proving.prove(boss, application, user, subject="ada", parts=parts, at=at)
    question = deciding.understand(caller(user), asked, {"phone": {"login_key": "k" * 32}}.get(asked, {}))
    decision = deciding.decide(question)
    grant = issuing.with_subject(question, decision)
    ending.end_user(boss, user, reason="left", at=at)
    with pytest.raises(PolicyDenied) as denied:
        issuing.issue_decided(question, decision, grant, certificate=None, at=at)
    assert (denied.value.reason, IssuedToken.objects.count()) == ("ended_meanwhile", 0)
    assert not AnsweredLoginKey.objects.exists()


# What he made, is asked about, or is named in


@pytest.fixture
def keys(user):
    """One that acts as him, one that he is asked about, and one that he made: each in each column further down."""
    acting = ApiKeyFactory(acts_as=user, owner=user, created_by=user)
    owned = ApiKeyFactory(owner=user, created_by=user)
    made = ApiKeyFactory(created_by=user)
    ApiKeyFactory(owner=user, revoked_at=AT)
    ApiKeyFactory(created_by=user, expires_at=AT)
    ApiKeyFactory()
    return acting, owned, made


def test_keys_are_told_once_by_what_ties_them_to_him(keys, user, at):
    has = ending.possessions(user, at=at)
    assert (has.api_keys, has.owned_keys, has.made_keys) == tuple((key,) for key in keys)


@pytest.mark.parametrize(("asked", "ended"), [("with_api_keys", 0), ("with_owned_keys", 1), ("with_made_keys", 2)])
def test_of_keys_those_end_that_are_asked_for(keys, user, boss, at, asked, ended):
    ending.end_user(boss, user, reason="left", at=at, **{asked: True})
    for key in keys:
        key.refresh_from_db()
    assert [key.ended(at) for key in keys] == ["revoked" if index == ended else "" for index in range(3)]
    event = AuditEvent.objects.get(kind=AuditKind.API_KEY_REVOKED)
    assert (event.user, event.detail["reason"]) == (boss.user, "left")


def test_what_he_made_is_told_and_stays(user, boss, rooms, at):
    Application.objects.update(created_by=user)
    rooms.certificates.update(created_by=user)
    rooms.rules.update(created_by=user)
    VendorAccountFactory(user=user)
    has = ending.end_user(boss, user, reason="", at=at, out_of_rules=True, with_made_keys=True)
    told = (has.made_applications, has.made_certificates, has.made_rules, has.accounts, has.proofs)
    assert told == (1, 1, 1, 1, 0)
    assert ending.possessions(user, at=at) == replace(has, last_ends_at=None)
    issuing.issue(boss, "rooms", body={"roomId": "a"}, at=at)


def test_what_somebody_else_made_is_not_told(user, rooms, at):
    Application.objects.update(created_by=UserFactory())
    VendorAccountFactory()
    assert ending.possessions(user, at=at) == NOTHING


@pytest.fixture
def named(user, rooms):
    """A rule that names him and nobody else, beside one that names another, too."""
    rooms.rules.all().delete()
    return [
        RuleFactory(application=rooms, everyone=False, for_users=users) for users in ([user], [user, UserFactory()])
    ]


def test_rules_naming_him_are_counted_and_left(named, user, boss, at):
    RuleFactory(for_users=[UserFactory()])
    assert ending.end_user(boss, user, reason="", at=at).rules == 2
    issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=at)


def test_he_is_taken_out_of_rules_where_asked(named, user, boss, at):
    ending.end_user(boss, user, reason="", at=at, out_of_rules=True)
    assert [rule.users.count() for rule in named] == [0, 1]
    assert ending.possessions(user, at=at).rules == 0


def test_a_rule_that_names_nobody_any_more_matches_nobody(named, user, boss, at):
    ending.end_user(boss, user, reason="", at=at, out_of_rules=True)
    for person in (user, UserFactory()):
        with pytest.raises(PolicyDenied):
            issuing.issue(caller(person), "rooms", body={"roomId": "a"}, at=at)


def test_each_rule_is_audited_where_it_is(named, user, boss, rooms, at):
    ending.end_user(boss, user, reason="", at=at, out_of_rules=True)
    events = AuditEvent.objects.filter(kind=AuditKind.RULE_CHANGED, application=rooms, user=boss.user)
    told = [{"rule": str(rule.pk), "what": "changed", "without": str(user.pk)} for rule in named]
    assert sorted((event.detail for event in events), key=str) == sorted(told, key=str)


def test_one_event_tells_all_of_it_in_counts(rich, keys, named, boss, at):
    asked = {"with_api_keys": True, "with_owned_keys": True, "with_made_keys": True, "out_of_rules": True}
    ending.end_user(boss, rich, reason="left\n", at=at, **asked)
    event = AuditEvent.objects.get(kind=AuditKind.ACCESS_ENDED)
    counts = {"tokens": 1, "pairs": 1, "login_keys": 1, "vendor_pairs": 0, "proofs": 0, "rules": 2, "api_keys": 4}
    assert (event.user, event.application) == (boss.user, None)
    assert event.detail == {"of": str(rich.pk), "reason": "left ", **counts}


def test_ending_again_ends_nothing_and_says_so(rich, keys, named, boss, at):
    asked = {"with_api_keys": True, "with_owned_keys": True, "with_made_keys": True, "out_of_rules": True}
    for _ in range(2):
        ending.end_user(boss, rich, reason="", at=at, **asked)
    last = AuditEvent.objects.filter(kind=AuditKind.ACCESS_ENDED)[0].detail
    assert {value for name, value in last.items() if name not in {"of", "reason"}} == {0}
    assert AuditEvent.objects.filter(kind=AuditKind.RULE_CHANGED).count() == 2


STEPS = ["proving.forget", "_take_out", "revoking.revoke_user", "_mark", "api_keys.revoke", "_record"]


@pytest.mark.parametrize("step", STEPS)
def test_whoever_was_interrupted_does_it_again(rich, keys, named, boss, at, monkeypatch, step):
    def die(*arguments, **named):
        raise KeyboardInterrupt

    asked = {"with_api_keys": True, "with_owned_keys": True, "with_made_keys": True, "out_of_rules": True}
    with monkeypatch.context() as broken:
        broken.setattr(f"token_issuer.services.ending.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            ending.end_user(boss, rich, reason="", at=at, **asked)
    assert not AuditEvent.objects.filter(kind=AuditKind.ACCESS_ENDED).exists()
    ending.end_user(boss, rich, reason="", at=at, **asked)
    assert ending.possessions(rich, at=at) == NOTHING
    assert not TokenFamily.objects.filter(user=rich, closed_at=None).exists()


def test_nothing_is_changed_inside_a_transaction(named, user, boss, at):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        ending.end_user(boss, user, reason="", at=at, out_of_rules=True)
    assert ending.possessions(user, at=at).rules == 2


def test_no_more_is_counted_than_the_limit(user, at, monkeypatch):
    monkeypatch.setattr(selecting, "MOST_COUNTED", 2)
    IssuedTokenFactory.create_batch(3, user=user)
    OneTimeKeyFactory.create_batch(3, user=user)
    TokenFamilyFactory.create_batch(3, user=user)
    had = ending.possessions(user, at=at)
    assert (had.tokens, had.login_keys, had.pairs) == (2, 2, 2)


# A person who is deleted, and whoever comes after him under the same key


@pytest.fixture
def successor(rich):
    """Somebody new with the primary key and the user name of somebody who is gone."""
    name, key = rich.get_username(), rich.pk
    rich.delete()
    return UserFactory(pk=key, username=name)


@pytest.mark.parametrize("model", [IssuedToken, TokenFamily, OneTimeKey])
def test_rows_of_the_deleted_stay_and_are_nobodys(successor, model):
    assert model.objects.count() == 2
    assert not model.objects.filter(user=successor).exists()


def test_his_tokens_are_refused(successor, at):
    for token in IssuedToken.objects.with_epochs_now().filter(user=None):
        assert verifying.objection(token, at=at) == "principal_gone"


def test_a_key_that_acted_as_him_does_not_act_as_his_successor(successor, at):
    assert ending.possessions(successor, at=at).api_keys == ()


def test_rules_that_named_him_do_not_name_his_successor(user, rooms):
    rule = rooms.rules.get()
    rule.users.add(user)
    key = user.pk
    user.delete()
    UserFactory(pk=key)
    assert not rule.users.exists()


def test_a_successor_gets_what_is_his_own(successor, rooms, boss, at):
    login_keys.make(caller(successor), "rooms", body={"roomId": "a"}, at=at)
    assert OneTimeKey.objects.filter(user=successor).count() == 1


def test_an_end_of_the_deleted_does_not_end_what_his_successor_gets(user, boss, rooms, at):
    revoking.revoke_user(boss, user, reason="", at=at)
    key = user.pk
    user.delete()
    later = UserFactory(pk=key)
    made = login_keys.make(caller(later), "rooms", body={"roomId": "a"}, at=at)
    assert OneTimeKey.objects.with_epochs_now().get(pk=made.key_id).standing(at).value == "live"
