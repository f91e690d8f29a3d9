"""Keeping a pair, listing it, forgetting it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection, transaction

import token_issuer
from tests.factories import VendorPairFactory, api_key, caller
from tests.services.pairs.conftest import frames_of
from token_issuer.errors import (
    ApplicationDisabled,
    BadGrant,
    Conflict,
    NotAuthenticated,
    NotFound,
    PolicyDenied,
    TokenRejected,
    Unavailable,
)
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    Origin,
    PairStanding,
    Rule,
    VendorPair,
)
from token_issuer.services import api_keys, ending, issuing, pair_rows, pairs, revoking, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import OpenTransaction


def texts(row):
    pair = pair_rows.opened(VendorPair.objects.get(pk=row.pk))
    return pair.access, pair.refresh


def test_a_pair_is_kept_sealed(hand_in, user, at):
    row = hand_in(device="work")
    assert (row.version, row.device, row.user, row.standing(at)) == (1, "work", user, PairStanding.LIVE)
    assert texts(row) == ("access-1", "refresh-1")
    stored = VendorPair.objects.values_list().get()
    assert not any("access-1" in str(value) or "refresh-1" in str(value) for value in stored)


class FailingAt:
    """A database that is gone when it comes to one statement."""

    def __init__(self, number):
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        if self.left == -1:
            raise OperationalError("gone")
        return execute(sql, params, many, context)


@pytest.mark.parametrize("device", ["work", "leisure"])
def test_no_frame_of_a_failing_database_shows_a_text(hand_in, connectify, user, device):
    """Reporters of errors print every local variable."""
    hand_in(device="work")
    by, secrets = server(connectify), {"access_token": "access-SEKRET", "refresh_token": "refresh-SEKRET"}
    shown = ""
    for number in range(20):
        failing = FailingAt(number)
        try:
            with connection.execute_wrapper(failing):
                hand_in(by=by, on_behalf_of=user.pk, device=device, **secrets)
        except (OperationalError, Unavailable) as error:
            shown += frames_of(error)
        if failing.left >= 0:
            break
    assert 5 < number < 20
    assert "SEKRET" not in shown


def test_its_lifetimes_are_what_was_said(hand_in, at):
    row = hand_in(expires_in=900, refresh_expires_in=86400)
    assert row.access_expires_at == at + timedelta(seconds=900)
    assert row.refresh_expires_at == row.ends_at == at + timedelta(days=1)


@pytest.mark.parametrize(
    ("said", "ends_after"),
    [
        ({"refresh_token": None}, timedelta(hours=1)),
        ({}, pair_rows.UNSAID),
        ({"refresh_expires_in": 60}, timedelta(hours=1)),
    ],
)
def test_its_row_ends_when_neither_text_is_of_use(hand_in, at, said, ends_after):
    assert hand_in(**said).ends_at == at + ends_after


def test_the_longest_life_that_is_kept_can_be_handed_out(hand_in, person, at):
    hand_in(expires_in=90 * 86_400)
    made = issuing.issue(person, "connectify", body={}, at=at)
    assert made.expires_at == at + timedelta(days=90)


def test_what_is_not_said_is_the_applications_option(hand_in, at):
    assert hand_in(expires_in=None).access_expires_at == at + timedelta(hours=1)
    Application.objects.update(options={**Application.objects.get().options, "access_lifetime": 120})
    assert hand_in(expires_in=None).access_expires_at == at + timedelta(minutes=2)


def test_the_event_says_what_was_said_and_no_text(hand_in, user):
    hand_in(device="work", expires_in=900)
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application) == (AuditKind.PAIR_KEPT, user, Application.objects.get())
    assert event.detail == {"device": "work", "version": 1, "reported": {"expires_in": 900}}


def test_another_one_takes_its_place(hand_in, at):
    first = hand_in()
    VendorPair.objects.update(refused_at=at, reason="no", leased_until=at, renewed_at=at)
    second = hand_in(access_token="access-2", refresh_token=None, at=at + timedelta(minutes=1))
    assert (second.pk, second.version, texts(second)) == (first.pk, 2, ("access-2", None))
    assert (second.refused_at, second.reason, second.leased_until, second.renewed_at) == (None, "", None, None)
    assert second.created_at == at + timedelta(minutes=1)


def test_each_device_has_its_own(hand_in, site):
    for device in ("Work", "work", "work "):
        hand_in(device=device)
    assert [row.version for row in pairs.own(site, "connectify")] == [1, 1, 1]


def test_each_person_has_his_own(hand_in, other, site):
    hand_in()
    hand_in(by=other, access_token="access-of-other")
    assert [texts(row)[0] for row in pairs.own(site, "connectify")] == ["access-1"]
    assert [texts(row)[0] for row in pairs.own(other, "connectify")] == ["access-of-other"]


@pytest.mark.parametrize("version", [0, 2])
def test_a_stale_version_is_a_conflict(hand_in, version):
    row = hand_in()
    with pytest.raises(Conflict, match="Another pair stands there by now") as caught:
        hand_in(access_token="late", version=version)
    assert (caught.value.reason, texts(row)) == ("stale_version", ("access-1", "refresh-1"))


def test_the_version_that_stands_there_is_replaced(hand_in):
    assert hand_in(version=0).version == 1
    assert hand_in(version=1).version == 2


def test_a_version_of_nothing_is_a_conflict(hand_in):
    with pytest.raises(Conflict):
        hand_in(version=1)
    assert not VendorPair.objects.exists()


def test_a_person_has_a_bounded_number(hand_in, connectify, user):
    for number in range(pairs.MOST_DEVICES):
        VendorPairFactory(application=connectify, user=user, device=f"device-{number}")
    with pytest.raises(PolicyDenied) as caught:
        hand_in(device="one more")
    assert caught.value.reason == "too_many_devices"
    assert hand_in(device="device-0").version == 2


# What cannot be


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "é"}, "access_token"),
        ({"access_token": "x" * 7001}, "access_token"),
        ({"refresh_token": "two\nlines"}, "refresh_token"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": "3600"}, "expires_in"),
        ({"expires_in": 90 * 86_400 + 1}, "expires_in"),
        ({"refresh_expires_in": True}, "refresh_expires_in"),
        ({"token_type": "DPoP"}, "token_type"),
        ({"version": -1}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"device": 1}, "device"),
        ({"device": "x" * 65}, "device"),
        ({"device": "a\tb"}, "device"),
        ({"id_token": "x"}, "id_token"),
        ({"lifetime": 60}, "lifetime"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(hand_in, wrong, field):
    with pytest.raises(BadGrant) as caught:
        hand_in(**wrong)
    assert set(caught.value.fields) == {field}
    assert not VendorPair.objects.exists()


def test_everything_that_is_wrong_is_named_at_once(hand_in):
    with pytest.raises(BadGrant) as caught:
        hand_in(access_token=None, version=-1, device=1)
    assert set(caught.value.fields) == {"access_token", "version", "device"}


def test_an_application_without_pairs_keeps_none(rooms, site, at):
    for call in (
        lambda: pairs.deposit(site, "rooms", body={}, at=at),
        lambda: pairs.own(site, "rooms"),
        lambda: pairs.forget(site, "rooms", body={}, at=at),
        lambda: pairs.refresh(site, "rooms", body={}, at=at),
    ):
        with pytest.raises(NotFound, match="keeps no pairs"):
            call()


def test_one_that_is_switched_off_keeps_none(hand_in, connectify, at):
    Application.objects.update(disabled_at=at)
    with pytest.raises(ApplicationDisabled):
        hand_in()


def test_nothing_is_kept_in_a_hosts_transaction(hand_in):
    with transaction.atomic(), pytest.raises(OpenTransaction, match="non_atomic_requests"):
        hand_in()


# Who may


def test_a_browser_may_not(hand_in, person):
    """A refresh token has no place there."""
    with pytest.raises(PolicyDenied) as caught:
        hand_in(by=person)
    assert (caught.value.reason, VendorPair.objects.count()) == ("server_only", 0)


def server(connectify):
    """A server with a key of the application."""
    key, _text = api_key(application=connectify)
    return Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=key)


def test_a_server_may_for_a_user(hand_in, connectify, user):
    by = server(connectify)
    assert hand_in(by=by, on_behalf_of=user.pk).user == user
    assert AuditEvent.objects.get().detail["by_api_key"] == by.api_key.public_id


def test_what_a_servers_key_handed_in_ends_with_the_key(hand_in, connectify, user, site, person, at):
    """Whoever stole a key may have planted a pair of his own account at the vendor."""
    by = server(connectify)
    planted = hand_in(by=by, on_behalf_of=user.pk, access_token="planted")
    assert planted.api_key == by.api_key
    api_keys.revoke(site, by.api_key, reason="leaked", at=at)
    with pytest.raises(PolicyDenied) as caught:
        issuing.issue(person, "connectify", body={}, at=at)
    assert caught.value.reason == "connect_again"
    again = hand_in()
    assert (again.api_key, again.version) == (None, 2)
    assert issuing.issue(person, "connectify", body={}, at=at).token.reveal() == "access-1"


def test_what_somebody_else_handed_in_outlives_the_key(hand_in, connectify, user, site, at):
    by = server(connectify)
    hand_in(by=by, on_behalf_of=user.pk)
    assert hand_in(by=site).standing(at) is PairStanding.LIVE
    api_keys.revoke(site, by.api_key, reason="leaked", at=at)
    assert [row.standing(at) for row in pairs.own(site, "connectify")] == [PairStanding.LIVE]


def test_a_server_has_none_of_its_own(hand_in, connectify):
    with pytest.raises(BadGrant) as caught:
        hand_in(by=server(connectify))
    assert caught.value.field == "on_behalf_of"


def test_whom_no_rule_grants_anything_fills_no_table(hand_in):
    Rule.objects.all().delete()
    with pytest.raises(PolicyDenied) as caught:
        hand_in()
    assert (caught.value.reason, VendorPair.objects.count()) == ("no_rule", 0)
    assert AuditEvent.objects.get().kind == AuditKind.DENIED


def test_a_rule_may_name_the_connections(hand_in):
    Rule.objects.update(resource_pattern="work*")
    assert hand_in(device="work").version == 1
    with pytest.raises(PolicyDenied):
        hand_in(device="private")


def test_somebody_who_is_not_active_hands_nothing_in(hand_in, user):
    user.is_active = False
    with pytest.raises(NotAuthenticated):
        hand_in()


MEANWHILE: list = []


def policy(ask):
    """Leave it to the rules, once what was to happen meanwhile has happened."""
    while MEANWHILE:
        MEANWHILE.pop()()


@pytest.fixture
def meanwhile(settings):
    """What a site's policy waits for."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"connectify": f"{__name__}.policy"}}
    yield MEANWHILE.append
    MEANWHILE.clear()


@pytest.mark.django_db(transaction=True)
def test_somebody_who_is_deleted_meanwhile_hands_nothing_in(hand_in, user, meanwhile):
    meanwhile(lambda: type(user).objects.filter(pk=user.pk).delete())
    with pytest.raises(NotAuthenticated):
        hand_in()


def test_an_access_token_that_ends_meanwhile_hands_nothing_in(own, hand_in, user, connectify, meanwhile, at):
    made = issuing.issue(caller(user, origin=Origin.PYTHON), "own", body={"scope": "tokens:issue"}, at=at)
    known = verifying.verify(made.token, at=at)
    by = caller(user, origin=Origin.PYTHON, scopes=known.scopes, presented=known)
    settled = revoking.revoke_own
    meanwhile(lambda: settled(caller(user), made.token_id, reason="lost", at=at))
    with pytest.raises(TokenRejected):
        hand_in(by=by)
    assert not VendorPair.objects.exists()


# Ending


def test_ending_a_persons_tokens_ends_his_pairs(hand_in, site, user, at):
    row = hand_in()
    revoking.revoke_user(site, user, reason="lost", at=at)
    assert pair_rows.read_again(row).standing(at) is PairStanding.REVOKED
    assert hand_in().standing(at) is PairStanding.LIVE


def test_ending_an_applications_tokens_ends_its_pairs(hand_in, site, connectify, at):
    row = hand_in()
    revoking.revoke_application(site, connectify, reason="leak", at=at)
    assert pair_rows.read_again(row).standing(at) is PairStanding.REVOKED


def test_forgetting_deletes_it_and_says_so(hand_in, site, user, at):
    hand_in(device="work")
    pairs.forget(site, "connectify", body={"device": "work"}, at=at)
    assert not VendorPair.objects.exists()
    event = AuditEvent.objects.get(kind=AuditKind.PAIR_FORGOTTEN)
    assert event.detail == {"device": "work", "of": str(user.pk)}


def test_what_is_not_there_or_anothers_cannot_be_forgotten(hand_in, other, at):
    hand_in()
    for device, who in (("", other), ("work", other)):
        with pytest.raises(NotFound, match="There is no such pair"):
            pairs.forget(who, "connectify", body={"device": device}, at=at)
    assert VendorPair.objects.count() == 1


def test_log_out_everywhere_deletes_them(hand_in, site, other, user, at):
    hand_in()
    kept = hand_in(by=other)
    assert ending.end_user(site, user, reason="lost", at=at).vendor_pairs == 1
    assert [*VendorPair.objects.all()] == [kept]


def test_deleting_somebody_deletes_them(hand_in, user):
    hand_in()
    user.delete()
    assert not VendorPair.objects.exists()


# For a site's own code


def test_a_sites_callback_hands_in_what_it_was_given(connectify, user):
    kept = token_issuer.deposit(user, "connectify", access_token="access-1", refresh_token="refresh-1", device="work")
    assert (kept.user_id, kept.device, kept.version) == (user.pk, "work", 1)
    assert token_issuer.issue(user, "connectify", device="work").token.reveal() == "access-1"
    assert AuditEvent.objects.get(kind=AuditKind.PAIR_KEPT).user_id == user.pk


def test_a_callback_for_nobody_keeps_nothing(connectify):
    with pytest.raises(NotAuthenticated):
        token_issuer.deposit(AnonymousUser(), "connectify", access_token="a")
    assert not VendorPair.objects.exists()


def test_a_callback_names_the_field_that_is_wrong(connectify, user):
    with pytest.raises(BadGrant) as refusal:
        token_issuer.deposit(user, "connectify", access_token="a", expires_in="soon")
    assert refusal.value.field == "expires_in"


def test_no_frame_of_a_callbacks_deposit_shows_its_texts(connectify, user):
    def broken(execute, sql, params, many, context):
        raise OperationalError("gone")

    with pytest.raises(Exception, match=r".") as failure, connection.execute_wrapper(broken):
        token_issuer.deposit(user, "connectify", access_token="acc3ss", refresh_token="r3fresh")
    assert not [text for text in ("acc3ss", "r3fresh") if text in frames_of(failure.value)]
