"""Ending tokens: one, or a set, also one that is still being written."""

from __future__ import annotations

from datetime import timedelta
from logging import INFO

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    RuleFactory,
    UserFactory,
    caller,
)
from tests.statements import counted
from token_issuer import signals
from token_issuer.errors import NotAuthenticated, NotFound, TokenRejected
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, EpochKind, IssuedToken, RevocationEpoch, Standing
from token_issuer.models.revocation_epoch import EVERYTHING_KEY
from token_issuer.providers.base import Revocation
from token_issuer.services import issuing, revoking, verifying

LATER = AT + timedelta(minutes=1)


@pytest.fixture
def issue(person, rooms):
    def issue(by=person, room="room-1", slug="rooms", when=AT):
        return issuing.issue(by, slug, body={"roomId": room}, at=when)

    return issue


def is_live(made) -> bool:
    try:
        verifying.verify(made.token.reveal(), at=LATER)
    except TokenRejected:
        return False
    return True


def test_an_own_token_ends(issue, person, user):
    made = issue()
    ending = revoking.revoke_own(person, made.token_id, reason="lost phone", at=LATER)
    row = IssuedToken.objects.get()
    assert (row.revoked_at, row.revoked_by, row.reason, ending.changed) == (LATER, user, "lost phone", True)
    assert not is_live(made)


def test_the_others_of_the_same_person_go_on(issue, person):
    first, second = issue(), issue(room="room-2")
    revoking.revoke_own(person, first.token_id, reason="", at=LATER)
    assert (is_live(first), is_live(second)) == (False, True)


def test_the_answer_says_when_it_really_ends(issue, person):
    made = issue()
    ending = revoking.revoke_own(person, made.token_id, reason="", at=LATER)
    assert (ending.revocation, ending.ends_at) == (Revocation.AT_NEXT_JOIN, made.expires_at)


def test_a_vendor_we_no_longer_know_promises_nothing(db):
    token = IssuedTokenFactory(certificate__application__provider="gone")
    assert revoking.ending_of(token, at=LATER).revocation is Revocation.AT_EXPIRY


def test_revoking_again_changes_nothing(issue, person):
    made = issue()
    revoking.revoke_own(person, made.token_id, reason="first", at=LATER)
    again = revoking.revoke_own(person, made.token_id, reason="second", at=LATER + timedelta(1))
    assert (again.changed, IssuedToken.objects.get().reason, AuditEvent.objects.count()) == (False, "first", 1)


@pytest.mark.parametrize("foreign", [True, False])
def test_foreign_and_unknown_tokens_look_the_same(issue, foreign):
    made = issue()
    token_id = made.token_id if foreign else uuid7()
    with pytest.raises(NotFound, match=r"^There is no such token\.$"):
        revoking.revoke_own(caller(UserFactory()), token_id, reason="", at=LATER)
    assert is_live(made)


def test_an_administrator_ends_anybodys(issue):
    made = issue()
    assert revoking.revoke_any(caller(UserFactory()), made.token_id, reason="leak", at=LATER).changed


def test_one_text_in_two_rows_ends_in_both(person, rooms):
    first = issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT)
    second = issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT)
    assert first.token.reveal() == second.token.reveal()
    revoking.revoke_own(person, first.token_id, reason="", at=LATER)
    assert not IssuedToken.objects.filter(revoked_at=None).exists()


def test_revoke_mine_ends_mine_alone(issue, person):
    mine, other = issue(), issue(caller(UserFactory()), room="room-2")
    ending = revoking.revoke_mine(person, reason="log-out", at=LATER)
    assert (ending.live, ending.last_ends_at, is_live(mine), is_live(other)) == (1, mine.expires_at, False, True)


def test_nobody_has_nothing_to_revoke(db):
    with pytest.raises(NotAuthenticated):
        revoking.revoke_mine(caller(AnonymousUser()), reason="", at=LATER)


def test_a_token_of_after_the_revocation_is_good(issue, person):
    revoking.revoke_mine(person, reason="log-out", at=AT)
    assert is_live(issue())


@pytest.mark.parametrize("kind", ["application", "certificate", "resource", "everything"])
def test_a_token_of_after_the_ending_of_any_set_is_good(issue, person, rooms, kind):
    certificate = rooms.certificates.get()
    endings = {
        "application": lambda: revoking.revoke_application(person, rooms, reason="leak", at=AT),
        "certificate": lambda: revoking.revoke_certificate(person, certificate, reason="leak", at=AT),
        "resource": lambda: revoking.revoke_resource(person, rooms, "room-1", reason="raid", at=AT),
        "everything": lambda: revoking.raise_epoch(EpochKind.EVERYTHING, EVERYTHING_KEY, at=AT),
    }
    before = issue()
    endings[kind]()
    # Another life, for a text of its own.
    after = issuing.issue(person, "rooms", body={"roomId": "room-1", "lifetime": 900}, at=AT)
    assert (is_live(before), is_live(after)) == (False, True)


def test_ending_twice_ends_what_came_between(issue, person):
    revoking.revoke_mine(person, reason="", at=AT)
    made = issue()
    revoking.revoke_mine(person, reason="", at=AT)
    assert (is_live(made), RevocationEpoch.objects.get().epoch) == (False, 2)


def test_a_room_is_ended(issue, person, rooms):
    inside, outside = issue(), issue(room="room-2")
    revoking.revoke_resource(person, rooms, "room-1", reason="raid", at=LATER)
    assert (is_live(inside), is_live(outside)) == (False, True)


def test_the_same_room_of_another_application_is_not(issue, person, rooms):
    other = RuleFactory(application=ApplicationFactory(slug="other", ready=True)).application
    made = issue()
    revoking.revoke_resource(person, other, "room-1", reason="raid", at=LATER)
    assert is_live(made)


def test_an_application_is_ended(issue, person, rooms):
    made = issue()
    revoking.revoke_application(person, rooms, reason="leak", at=LATER)
    assert not is_live(made)


def test_a_certificates_tokens_are_ended(issue, person, rooms):
    made = issue()
    revoking.revoke_certificate(person, rooms.certificates.get(), reason="leak", at=LATER)
    assert not is_live(made)


def test_a_set_is_one_audit_event(issue, person, user):
    issue()
    revoking.revoke_mine(person, reason="log\nout", at=LATER)
    event = AuditEvent.objects.get()
    assert (event.kind, event.user) == (AuditKind.SET_REVOKED, user)
    assert event.detail == {"kind": "user", "reason": "log out", "live": 1, "of": str(user.pk)}


def test_lists_show_that_a_set_was_ended(issue, person):
    issue()
    revoking.revoke_mine(person, reason="", at=LATER)
    assert IssuedToken.objects.with_epochs_now().get().standing(LATER) is Standing.REVOKED
    assert not IssuedToken.objects.live(LATER).exists()


def test_a_deactivated_user_ends_nothing(issue, user):
    made = issue()
    user.is_active = False
    with pytest.raises(NotAuthenticated, match="not active"):
        revoking.revoke_own(caller(user), made.token_id, reason="", at=LATER)


def test_looking_at_the_ending_changes_nothing(issue):
    issue()
    assert not revoking.ending_of(IssuedToken.objects.get(), at=LATER).changed


SETS = {
    "user": lambda who, rooms: revoking.revoke_user(who, who.user, reason="leak", at=LATER),
    "resource": lambda who, rooms: revoking.revoke_resource(who, rooms, "room-1", reason="leak", at=LATER),
    "certificate": lambda who, rooms: revoking.revoke_certificate(
        who, rooms.certificates.get(), reason="leak", at=LATER
    ),
    "application": lambda who, rooms: revoking.revoke_application(who, rooms, reason="leak", at=LATER),
}


@pytest.mark.parametrize("kind", SETS)
def test_a_set_tells_how_many_were_live_and_until_when(issue, person, rooms, kind):
    longest = issuing.issue(person, "rooms", body={"roomId": "room-1", "lifetime": 900}, at=AT)
    issue()
    issue(when=AT - timedelta(hours=1))
    IssuedTokenFactory(expires_at=AT + timedelta(days=1))
    told = SETS[kind](person, rooms)
    assert (told.kind.value, told.live, told.last_ends_at) == (kind, 2, longest.expires_at)


@pytest.mark.parametrize("more", [0, 1])
def test_a_set_is_counted_to_a_limit_and_ends_whole(issue, person, rooms, monkeypatch, more):
    monkeypatch.setattr(revoking, "MOST_COUNTED", 2)
    made = [issue(room=f"room-{number}") for number in range(2 + more)]
    told = SETS["application"](person, rooms)
    assert (told.live, told.more, told.last_ends_at) == (2, bool(more), made[0].expires_at)
    assert not any(map(is_live, made))
    assert AuditEvent.objects.get(kind=AuditKind.SET_REVOKED).detail["live"] == 2


def test_a_room_is_counted_alone(issue, person, rooms):
    issue(room="room-2")
    assert SETS["resource"](person, rooms).live == 0


@pytest.mark.parametrize(
    ("kind", "named"), [("user", False), ("resource", True), ("certificate", True), ("application", True)]
)
def test_the_event_of_a_set_names_its_application(person, rooms, kind, named):
    SETS[kind](person, rooms)
    assert AuditEvent.objects.get().application == (rooms if named else None)


def test_the_event_of_a_token_names_it_and_its_application(issue, person, rooms):
    made = issue()
    revoking.revoke_own(person, made.token_id, reason="lost", at=LATER)
    event = AuditEvent.objects.get()
    assert (event.token_id, event.application, event.detail) == (made.token_id, rooms, {"reason": "lost"})


def test_a_rooms_name_is_cut_to_what_the_audit_holds(person, rooms):
    revoking.revoke_resource(person, rooms, "r" * 300, reason="", at=LATER)
    assert AuditEvent.objects.get().detail["of"] == "r" * 255


def test_an_epoch_says_what_was_ended_and_when_last(person):
    revoking.revoke_mine(person, reason="", at=AT)
    assert (RevocationEpoch.objects.get().kind, RevocationEpoch.objects.get().not_before) == (EpochKind.USER, AT)
    revoking.revoke_mine(person, reason="", at=LATER)
    assert (RevocationEpoch.objects.get().epoch, RevocationEpoch.objects.get().not_before) == (2, LATER)


def test_endings_are_logged_without_alarm(issue, person, caplog):
    caplog.set_level("INFO", logger="token_issuer")
    made = issue()
    revoking.revoke_own(person, made.token_id, reason="lost", at=LATER)
    revoking.revoke_mine(person, reason="log-out", at=LATER)
    assert caplog.record_tuples[-2:] == [
        ("token_issuer.security", INFO, "token_revoked"),
        ("token_issuer.security", INFO, "set_revoked"),
    ]


def test_receivers_are_told_the_reason_and_the_time(issue, person):
    heard = []

    def receiver(**kwargs):
        heard.append((kwargs["sender"], kwargs["reason"], kwargs["at"]))

    signals.token_revoked.connect(receiver)
    made = issue()
    revoking.revoke_own(person, made.token_id, reason="lost", at=AT)
    revoking.revoke_mine(person, reason="log-out", at=LATER)
    signals.token_revoked.disconnect(receiver)
    assert heard == [(IssuedToken, "lost", AT), (RevocationEpoch, "log-out", LATER)]


def test_receivers_hear_of_one_token_and_of_sets(issue, person, user):
    heard = []

    def receiver(**kwargs):
        heard.append((kwargs["kind"], kwargs["key"], kwargs["revocation"], kwargs["revoked_by"]))

    signals.token_revoked.connect(receiver)
    made = issue()
    revoking.revoke_own(person, made.token_id, reason="", at=LATER)
    revoking.revoke_mine(person, reason="", at=LATER)
    signals.token_revoked.disconnect(receiver)
    assert heard == [("token", str(made.token_id), "at_next_join", user), ("user", str(user.pk), None, user)]


def test_the_sites_own_code_may_end_a_token_without_a_user(issue):
    made = issue()
    revoking.revoke_any(caller(AnonymousUser()), made.token_id, reason="job", at=LATER)
    assert IssuedToken.objects.get().revoked_by is None


def test_statements(issue, person):
    made = issue()
    with counted(3):  # the row, the conditional UPDATE, the event
        revoking.revoke_own(person, made.token_id, reason="", at=LATER)


def test_statements_of_a_set_do_not_grow_with_it(issue, person):
    CertificateFactory()
    revoking.revoke_mine(person, reason="", at=AT)
    for _ in range(5):
        issue()
    with counted(4):  # how many, the last end, one UPDATE, the event
        revoking.revoke_mine(person, reason="", at=LATER)
