"""Telling vendors of revocations: written with them, sent after the commit, at least once, and never in the way."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from example_project.standins import pushing as standins
from example_project.standins.server import Reply, Silence, StandIn, in_json
from tests.factories import (
    AT,
    ApiKeyFactory,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from tests.pushes import CREDENTIALS, agora_token, told
from tests.statements import counted
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, PushState, VendorPush
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.base import Revocation
from token_issuer.services import (
    api_keys,
    closing,
    ending,
    outbox,
    probing,
    purging,
    pushing,
    python_api,
    revoking,
    rotating,
)
from token_issuer.services.callers import Caller
from token_issuer.services.pushing import Patience, Pushed, push_due
from token_issuer.services.revoking import SetEnding
from token_issuer.services.telling_again import tell_again
from token_issuer.services.transactions import OpenTransaction

LATER = AT + timedelta(minutes=1)
REFUSED = in_json({"message": "Invalid authentication credentials"}, status=401)
INVALID = in_json({"message": "invalid appid"}, status=400)

pytestmark = pytest.mark.django_db


@pytest.fixture
def vendor():
    with StandIn(standins.agora) as vendor:
        yield vendor


@pytest.fixture
def rooms_told(calls, vendor):
    """An Agora application that tells its vendor."""
    told(calls, vendor.url)
    return calls


@pytest.fixture
def token(rooms_told):
    return agora_token(rooms_told)


def revoke(person, token, **more):
    return revoking.revoke_any(person, token.pk, reason="lost", at=LATER, **more)


def the_push() -> VendorPush:
    return VendorPush.objects.get()


def due_at() -> datetime:
    found = the_push().next_try_at
    assert found is not None
    return found


# One token


def test_a_revocation_tells_the_vendor_at_once(person, token, vendor):
    found = revoke(person, token)
    (asked,) = vendor.asked
    assert (asked.json()["uid"], asked.json()["cname"], asked.json()["time_in_seconds"]) == (16, "room-1", 9 * 60 + 30)
    assert (found.revocation, found.push.state, found.changed) == (Revocation.PUSHED, PushState.PUSHED, True)
    assert LATER <= found.ends_at < LATER + timedelta(seconds=30)
    assert "keeps them out" in found.sentence
    assert (the_push().attempts, the_push().reason, the_push().next_try_at) == (1, "", None)


def test_it_says_so_from_then_on(person, token):
    revoke(person, token)
    seen = revoking.ending_of(IssuedToken.objects.select_related("push").get(), at=LATER + timedelta(minutes=2))
    assert (seen.revocation, seen.ends_at) == (Revocation.PUSHED, the_push().pushed_at)


@pytest.mark.parametrize(("then", "afterwards"), [("remove", "ban"), ("ban", "remove")])
def test_what_was_told_stays_what_was_told(person, calls, vendor, then, afterwards):
    told(calls, vendor.url, on_revocation=then)
    token = agora_token(calls)
    found = revoke(person, token)
    calls.options = {**calls.options, "on_revocation": afterwards}
    calls.save()
    seen = revoking.ending_of(IssuedToken.objects.select_related("push", "application").get(), at=LATER)
    assert (seen.ends_at, seen.sentence) == (found.ends_at, found.sentence)
    assert (seen.ends_at < token.expires_at) is (then == "ban")


def test_a_second_revocation_tells_nobody(person, token, vendor):
    revoke(person, token)
    assert revoke(person, token).push.state is PushState.PUSHED
    assert len(vendor.asked) == 1


def test_without_something_to_call_with_nothing_changes(person, calls, vendor):
    calls.options = {"api_url": vendor.url}
    calls.save()
    token = agora_token(calls)
    with counted(3):  # the row, the conditional UPDATE, the event
        found = revoke(person, token)
    assert (found.revocation, found.ends_at, found.push) == (Revocation.AT_EXPIRY, token.expires_at, None)
    assert (vendor.asked, VendorPush.objects.count()) == ([], 0)


@pytest.mark.parametrize("columns", [{}, {"activated_at": None}, {"revoked_at": AT}, {"retiring_at": AT}])
def test_only_an_active_certificate_to_call_with_counts(person, calls, vendor, columns):
    certificate = told(calls, vendor.url)
    for name, value in columns.items():
        setattr(certificate, name, value)
    certificate.save()
    revoke(person, agora_token(calls))
    assert len(vendor.asked) == (0 if columns else 1)


def test_statements(person, token):
    # The row, the UPDATE, the event; what can be told, the push; the claim, its row, the certificate, the result; the
    # push as it stands now.
    with counted(10):
        revoke(person, token)


@pytest.mark.parametrize("columns", [{"subject": "alice"}, {"resource": "room-*"}])
def test_what_cannot_be_told_is_not_tried(person, rooms_told, vendor, columns):
    found = revoke(person, agora_token(rooms_told, **columns))
    assert (found.push, found.revocation, vendor.asked) == (None, Revocation.AT_EXPIRY, [])


def test_an_expired_token_is_nothing_to_tell(person, rooms_told, vendor):
    token = agora_token(rooms_told, issued_at=AT - timedelta(hours=1), expires_at=LATER)
    assert revoke(person, token).push is None
    assert vendor.asked == []


def test_where_somebody_can_come_back_it_ends_when_it_expires(person, rooms, vendor):
    vendor.answer = standins.videosdk
    told(rooms, vendor.url)
    token = IssuedTokenFactory(application=rooms, certificate=rooms.certificates.get(purpose="sign"))
    found = revoke(person, token)
    assert (found.revocation, found.ends_at) == (Revocation.PUSHED, token.expires_at)
    assert "can join again until it expires" in found.sentence
    assert vendor.asked[0].json() == {"participantId": "user-1", "roomId": "room-1"}


def test_whoever_is_merely_absent_has_been_removed(person, rooms, vendor):
    vendor.answer = lambda _asked: in_json({"message": "session not found"}, status=402)
    told(rooms, vendor.url)
    token = IssuedTokenFactory(application=rooms, certificate=rooms.certificates.get(purpose="sign"))
    assert revoke(person, token).push.state is PushState.PUSHED
    assert not AuditEvent.objects.filter(kind=AuditKind.PUSH_FAILED).exists()


def test_rows_of_one_text_are_told_alike(person, rooms_told, vendor):
    one, same = agora_token(rooms_told, digest="d" * 64), agora_token(rooms_told, digest="d" * 64)
    agora_token(rooms_told)
    revoke(person, one)
    assert {push.token for push in VendorPush.objects.filter(pushed_at__isnull=False)} == {one, same}


def test_a_token_for_nobody_is_nobodys_business(person, rooms_told, vendor):
    probing.probe(person, rooms_told, at=AT)
    assert (vendor.asked, VendorPush.objects.count()) == ([], 0)


def test_what_is_not_committed_is_not_sent(person, token, vendor):
    """The transaction fails at its event, behind the row of the outbox."""

    def fail(execute, sql, *rest):
        if sql.startswith("INSERT INTO") and "auditevent" in sql:
            raise DatabaseError
        return execute(sql, *rest)

    with pytest.raises(DatabaseError), connection.execute_wrapper(fail):
        revoking.revoke_user(person, token.user, reason="", at=LATER)
    assert (vendor.asked, VendorPush.objects.count()) == ([], 0)


# A vendor in trouble


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (INVALID, PushState.FAILED, "refused"),
        (REFUSED, PushState.WAITING, "refused"),
        (in_json({}, status=503), PushState.WAITING, "failed"),
        (Reply(body=b"<html>"), PushState.WAITING, "garbled"),
        (Silence.DROP, PushState.WAITING, "dropped"),
    ],
)
def test_a_revocation_does_not_fail_with_its_vendor(person, token, vendor, answer, state, word):
    vendor.answer = lambda _asked: answer
    found = revoke(person, token)
    assert (found.changed, found.revocation, found.ends_at) == (True, Revocation.AT_EXPIRY, token.expires_at)
    assert (found.push.state, found.push.word, len(vendor.asked)) == (state, word, 1)
    token.refresh_from_db()
    assert token.revoked_at == LATER


def test_a_vendor_that_hangs_is_not_waited_for(person, token, vendor):
    vendor.answer = lambda _asked: Silence.HANG
    began = time.monotonic()
    found = revoke(person, token, patience=Patience(0.5))
    assert time.monotonic() - began < 3
    assert (found.push.state, found.push.word) == (PushState.WAITING, "timed_out")


def test_a_vendor_that_is_not_there(person, calls):
    told(calls, "http://127.0.0.1:1")
    assert revoke(person, agora_token(calls)).push.word == "unreachable"


def test_with_no_patience_left_nothing_is_begun(person, token, vendor):
    found = revoke(person, token, patience=Patience(0))
    assert (found.push.state, found.push.attempts, vendor.asked) == (PushState.WAITING, 0, [])
    assert push_due(at=LATER) == Pushed(pushed=1)


def test_what_fails_for_good_is_in_the_audit(person, token, vendor):
    vendor.answer = lambda _asked: INVALID
    revoke(person, token)
    event = AuditEvent.objects.get(kind=AuditKind.PUSH_FAILED)
    assert (event.token, event.application, event.user) == (token, token.application, person.user)
    assert event.detail == {
        "reason": "refused",
        "why": "refused: Agora answered 400: it does not take the request, or not this App ID.",
        "attempts": 1,
    }
    assert the_push().next_try_at is None
    assert push_due(at=LATER + timedelta(minutes=5)) == Pushed()


def test_nothing_secret_is_told(person, token, vendor, caplog):
    caplog.set_level(logging.DEBUG)
    vendor.answer = lambda asked: in_json({"message": asked.headers["authorization"]}, status=400)
    revoke(person, token)
    rows = [*VendorPush.objects.values(), *AuditEvent.objects.values()]
    shown = f"{caplog.text} {rows} {[record.__dict__ for record in caplog.records]}"
    assert "was not told" in shown
    for secret in (*CREDENTIALS.values(), vendor.asked[0].headers["authorization"].split()[1]):
        assert secret not in shown


# Again


def test_what_failed_is_tried_again_when_it_is_due(person, token, vendor):
    vendor.answer = lambda _asked: REFUSED
    revoke(person, token)
    vendor.answer = standins.agora
    due = due_at()
    assert timedelta(seconds=10) <= due - LATER < timedelta(seconds=40)
    assert push_due(at=due - timedelta(seconds=1)) == Pushed()
    assert push_due(at=due) == Pushed(pushed=1)
    assert len(vendor.asked) == 2
    assert vendor.asked[1].json()["time_in_seconds"] < vendor.asked[0].json()["time_in_seconds"]


def test_pauses_grow():
    seconds = [pushing.pause(attempts) for attempts in (*range(1, 10), 40_000)]
    assert seconds == [10, 20, 40, 80, 160, 320, 640, 900, 900, 900]


def test_it_is_tried_until_the_token_ends(person, rooms_told, vendor):
    vendor.answer = lambda _asked: REFUSED
    token = agora_token(rooms_told, expires_at=AT + timedelta(hours=12))
    revoke(person, token)
    while the_push().state is PushState.WAITING:
        last = due_at()
        push_due(at=last)
    assert (the_push().word, last >= token.expires_at) == ("expired", True)
    assert len(vendor.asked) == the_push().attempts - 1 > 50
    assert AuditEvent.objects.get(kind=AuditKind.PUSH_FAILED).detail["attempts"] == the_push().attempts


def test_what_was_given_up_can_be_told_again(person, rooms_told, vendor):
    vendor.answer = lambda _asked: INVALID
    tokens = [agora_token(rooms_told, expires_at=AT + timedelta(minutes=minutes)) for minutes in (5, 50, 500)]
    for token in tokens:
        revoke(person, token)
    vendor.answer = standins.agora
    at = AT + timedelta(minutes=5)
    assert tell_again(at=at, token_id=tokens[1].pk) == 1
    assert push_due(at=at) == Pushed(pushed=1)
    assert VendorPush.objects.get(pushed_at__isnull=False).token == tokens[1]
    assert (tell_again(at=at), push_due(at=at)) == (1, Pushed(pushed=1))
    assert VendorPush.objects.get(failed_at__isnull=False).token == tokens[0]  # it has expired
    assert (tell_again(at=at), VendorPush.objects.get(token=tokens[2]).attempts) == (0, 1)


def test_a_token_that_expired_meanwhile_is_given_up(person, token, vendor):
    vendor.answer = lambda _asked: REFUSED
    revoke(person, token)
    assert push_due(at=token.expires_at) == Pushed(failed=1)
    assert (the_push().word, len(vendor.asked)) == ("expired", 1)
    assert AuditEvent.objects.filter(kind=AuditKind.PUSH_FAILED).count() == 1


def test_a_certificate_may_be_replaced_meanwhile(person, token, vendor):
    revoke(person, token, patience=Patience(0))
    certificate = token.application.certificates.get(purpose="call")
    certificate.retiring_at = LATER
    certificate.save()
    assert push_due(at=LATER) == Pushed(waiting=1)
    assert (the_push().word, vendor.asked) == ("no_active_certificate", [])
    told(token.application, vendor.url)
    assert push_due(at=LATER + timedelta(minutes=1)) == Pushed(pushed=1)


def test_an_application_may_change_its_mind(person, token, vendor):
    revoke(person, token, patience=Patience(0))
    token.application.options = {**token.application.options, "subject": "account"}
    token.application.save()
    assert push_due(at=LATER) == Pushed(failed=1)
    assert (the_push().word, vendor.asked) == ("not_told", [])


def test_a_claim_is_left_to_its_holder_until_it_runs_out(person, token, vendor):
    revoke(person, token, patience=Patience(0))
    VendorPush.objects.update(claimed_until=LATER + timedelta(seconds=30))
    assert push_due(at=LATER) == Pushed()
    assert push_due(at=LATER + timedelta(seconds=30)) == Pushed(pushed=1)


def test_the_longest_due_is_first_and_batches_end(person, rooms_told, vendor):
    tokens = [agora_token(rooms_told, resource=f"room-{number}") for number in range(5)]
    for token in tokens:
        revoke(person, token, patience=Patience(0))
    seen = []
    assert push_due(at=LATER, batch_size=2, progress=lambda done: seen.append(done.pushed)) == Pushed(pushed=5)
    assert seen == [2, 4, 5]
    assert [asked.json()["cname"] for asked in vendor.asked] == [f"room-{number}" for number in range(5)]


@pytest.mark.parametrize("trouble", [Silence.HANG, Silence.DROP, None])
def test_a_vendor_that_is_away_does_not_keep_the_others_waiting(person, rooms_told, vendor, monkeypatch, trouble):
    monkeypatch.setattr("token_issuer.transport.DEADLINE", 0.5)
    with StandIn(lambda _asked: trouble) as away:
        other = ApplicationFactory(slug="away", provider="agora", ready=True)
        told(other, away.url if trouble else "http://127.0.0.1:1")
        for number in range(8):
            revoke(person, agora_token(other, resource=f"room-{number}"), patience=Patience(0))
        revoke(person, agora_token(rooms_told), patience=Patience(0))
        began = time.monotonic()
        assert push_due(at=LATER, batch_size=5) == Pushed(pushed=1, waiting=1)
        assert time.monotonic() - began < 3
        assert len(away.asked) == (1 if trouble else 0)
    waiting = VendorPush.objects.filter(application=other).order_by("next_try_at")
    assert [row.attempts for row in waiting] == [1, *[0] * 7]  # the one that failed goes first
    assert not waiting.filter(next_try_at__gt=LATER + timedelta(seconds=20)).exists()
    assert not waiting.filter(claimed_until__isnull=False).exists()


def test_when_it_is_back_all_are_told(person, rooms_told, vendor):
    for number in range(3):
        revoke(person, agora_token(rooms_told, resource=f"room-{number}"), patience=Patience(0))
    vendor.answer = lambda _asked: Silence.DROP
    push_due(at=LATER)
    vendor.answer = standins.agora
    assert push_due(at=LATER + timedelta(seconds=30)) == Pushed(pushed=3)


def test_one_that_answers_is_not_left(person, rooms_told, vendor):
    for number in range(3):
        revoke(person, agora_token(rooms_told, resource=f"room-{number}"), patience=Patience(0))
    vendor.answer = lambda _asked: REFUSED
    assert push_due(at=LATER) == Pushed(waiting=3)


def refusing(execute, what):
    """Have the database refuse some of what is written about pushes."""

    def wrapper(run, sql, params, *rest):
        if sql.startswith("UPDATE") and "vendorpush" in sql and what(sql, params):
            raise DataError(CREDENTIALS["customer_secret"])
        return run(sql, params, *rest)

    return execute(wrapper)


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_does_not_stop_the_others(person, rooms_told, vendor, caplog):
    tokens = [agora_token(rooms_told, resource=f"room-{number}") for number in range(3)]
    for token in tokens:
        revoke(person, token, patience=Patience(0))
    first = VendorPush.objects.get(token=tokens[0])
    field = VendorPush._meta.pk
    marked = str(field.get_db_prep_value(first.pk, connection))

    def of_the_first(sql, params):
        # Its arrival: what is written when it is claimed, or put aside, does not name this column.
        return "pushed_at" in sql.partition("WHERE")[0] and marked in map(str, params)

    with refusing(connection.execute_wrapper, of_the_first):
        done = push_due(at=LATER)
    assert done == Pushed(pushed=2, waiting=1)
    aside = VendorPush.objects.get(token=tokens[0])
    assert (aside.state, aside.reason) == (PushState.WAITING, "database: It ended with DataError.")
    assert aside.claimed_until is None
    assert aside.next_try_at is not None
    assert aside.next_try_at >= LATER + timedelta(minutes=15)
    assert CREDENTIALS["customer_secret"] not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_nothing_stops_the_run(person, token, vendor):
    revoke(person, token, patience=Patience(0))
    with refusing(connection.execute_wrapper, lambda *_: True), pytest.raises(DataError):
        push_due(at=LATER)
    assert vendor.asked == []


def test_counting_sends_nothing(person, token, vendor):
    revoke(person, token, patience=Patience(0))
    assert (pushing.count_due(at=LATER), pushing.count_due(at=AT), vendor.asked) == (1, 0, [])


def test_no_transaction_is_open_while_a_vendor_is_called(token):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        push_due(at=LATER)


# Sets


SET_KINDS = (AuditKind.SET_REVOKED, AuditKind.CERTIFICATE_REVOKED, AuditKind.API_KEY_REVOKED)
SETS: dict[str, Any] = {
    "user": lambda person, token: revoking.revoke_user(person, token.user, reason="", at=LATER),
    "room": lambda person, token: revoking.revoke_resource(
        person, token.application, token.resource, reason="", at=LATER
    ),
    "certificate": lambda person, token: revoking.revoke_certificate(person, token.certificate, reason="", at=LATER),
    "application": lambda person, token: revoking.revoke_application(person, token.application, reason="", at=LATER),
    "a leaked certificate": lambda person, token: rotating.revoke(person, token.certificate, reason="", at=LATER),
    "a replaced certificate": lambda person, token: rotating.replace(
        person, token.certificate, secret={"certificate": "0" * 32}, reason="", at=LATER
    ),
    "all that somebody has": lambda person, token: ending.end_user(person, token.user, reason="", at=LATER),
    "an API key's": lambda person, token: revoking.revoke_issued_by(person, token.api_key, reason="", at=LATER),
    "an API key": lambda person, token: api_keys.revoke(person, token.api_key, reason="", at=LATER),
}


@pytest.mark.parametrize("end", SETS.values(), ids=SETS)
def test_every_live_member_of_a_set_is_told(person, rooms_told, vendor, end):
    user, key = UserFactory(), ApiKeyFactory(application=rooms_told)
    mine = {"user": user, "api_key": key, "resource": "room-1"}
    members = [agora_token(rooms_told, **mine) for _ in range(3)]
    agora_token(rooms_told, **mine, issued_at=AT - timedelta(hours=1))  # expired
    agora_token(rooms_told, **mine, revoked_at=AT)
    agora_token(rooms_told, **mine, one_time=True, consumed_at=AT)
    agora_token(rooms_told, **mine, subject="somebody")
    agora_token(ApplicationFactory(provider="agora", ready=True), **mine)  # nothing to call with
    apart = CertificateFactory(application=rooms_told, secret={"certificate": "1" * 32})
    stranger = agora_token(rooms_told, resource="room-2", certificate=apart)
    end(person, members[0])
    hit = {*members, stranger} if end is SETS["application"] else {*members}
    assert {push.token for push in VendorPush.objects.all()} == hit
    assert {push.state for push in VendorPush.objects.all()} == {PushState.PUSHED}
    assert len(vendor.asked) == len({token.resource for token in hit})


@pytest.fixture
def threefold(rooms_told):
    """Three tokens of one user for one channel, and what ends them all: those that ended sooner come first."""
    user = UserFactory()
    lives = [{"expires_at": AT + timedelta(minutes=minutes)} for minutes in (5, 50, 500)]
    return [agora_token(rooms_told, user=user, **life) for life in lives]


def states():
    return [row.state for row in VendorPush.objects.order_by("token__expires_at")]


def test_of_one_users_tokens_for_one_room_that_is_told_which_lives_longest(person, threefold, vendor):
    ended = revoking.revoke_user(person, threefold[0].user, reason="", at=LATER)
    assert (ended.live, ended.pushes) == (3, Pushed(pushed=1))
    assert [asked.json()["time_in_seconds"] for asked in vendor.asked] == [499 * 60 + 30]
    assert states() == [PushState.PUSHED] * 3
    for token in IssuedToken.objects.select_related("application", "push"):
        seen = revoking.ending_of(token, at=LATER)
        assert (seen.revocation, seen.ends_at) == (Revocation.PUSHED, token.push.pushed_at)
    assert push_due(at=LATER) == Pushed()


@pytest.mark.parametrize("columns", [{"subject": "17"}, {"resource": "b"}, {"privileges": ["subscriber", "rtm"]}])
def test_what_differs_is_told_apart(person, rooms_told, vendor, columns):
    user = UserFactory()
    agora_token(rooms_told, user=user)
    agora_token(rooms_told, user=user, **columns)
    assert revoking.revoke_user(person, user, reason="", at=LATER).pushes == Pushed(pushed=2)


def test_the_others_wait_and_fail_with_it(person, threefold, vendor):
    vendor.answer = lambda _asked: REFUSED
    assert revoking.revoke_user(person, threefold[0].user, reason="", at=LATER).pushes == Pushed(waiting=1)
    assert {(row.word, row.attempts, row.state) for row in VendorPush.objects.all()} == {
        ("refused", 1, PushState.WAITING)
    }
    vendor.answer = lambda _asked: INVALID
    at = LATER + timedelta(minutes=1)
    assert (pushing.count_due(at=at), push_due(at=at)) == (1, Pushed(failed=1))
    assert {(row.word, row.attempts, row.state) for row in VendorPush.objects.all()} == {
        ("refused", 2, PushState.FAILED)
    }
    assert AuditEvent.objects.filter(kind=AuditKind.PUSH_FAILED).count() == 1


def test_the_others_are_told_again_with_it(person, threefold, vendor):
    vendor.answer = lambda _asked: INVALID
    revoking.revoke_user(person, threefold[0].user, reason="", at=LATER)
    vendor.answer = standins.agora
    assert tell_again(at=AT + timedelta(minutes=5), token_id=threefold[1].pk) == 2
    assert push_due(at=AT + timedelta(minutes=5)) == Pushed(pushed=1)
    assert states() == [PushState.FAILED, PushState.PUSHED, PushState.PUSHED]  # the first has expired


def test_one_whose_push_is_not_there_is_told_itself(person, threefold, vendor):
    """Somebody else wrote the row of the one that lives longest at the same moment, and this one names none."""
    box = outbox.Outbox()
    box.write(IssuedToken.objects.all(), at=LATER)
    VendorPush.objects.filter(pk__in=box.ids).delete()
    assert push_due(at=LATER) == Pushed(pushed=2)
    assert states() == [PushState.PUSHED] * 2


def test_they_do_not_use_up_what_is_told_at_once(person, rooms_told, vendor):
    user = UserFactory()
    for _ in range(pushing.FIRST):
        agora_token(rooms_told, user=user, expires_at=AT + timedelta(days=1))
    for number in range(4):
        agora_token(rooms_told, user=user, resource=f"other-{number}")
    assert revoking.revoke_user(person, user, reason="", at=LATER).pushes == Pushed(pushed=5)
    assert states() == [PushState.PUSHED] * 9


def test_a_token_of_a_moment_later_is_not_told(person, rooms_told, vendor):
    user = UserFactory()
    old = agora_token(rooms_told, user=user)
    revoking.revoke_user(person, user, reason="", at=LATER)
    fresh = agora_token(rooms_told, user=user, issued_at=LATER, epochs=1)
    assert IssuedToken.objects.live(LATER).get() == fresh
    revoking.revoke_resource(person, rooms_told, "elsewhere", reason="", at=LATER)
    assert [push.token for push in VendorPush.objects.all()] == [old]


def test_the_first_of_a_set_are_told_at_once_and_the_rest_by_the_next_run(person, rooms_told, vendor):
    for number in range(8):
        agora_token(rooms_told, resource=f"room-{number}")
    ended = revoking.revoke_application(person, rooms_told, reason="", at=LATER)
    assert (ended.live, ended.pushes) == (8, Pushed(pushed=pushing.FIRST, waiting=3))
    assert len(vendor.asked) == pushing.FIRST
    assert push_due(at=LATER) == Pushed(pushed=3)
    assert sorted(asked.json()["cname"] for asked in vendor.asked) == [f"room-{number}" for number in range(8)]


def test_a_set_waits_for_its_vendor_once(person, rooms_told, vendor, monkeypatch):
    vendor.answer = lambda _asked: Silence.HANG
    for number in range(4):
        agora_token(rooms_told, resource=str(number))
    monkeypatch.setattr("token_issuer.services.pushing.Patience.__init__.__defaults__", (0.5,))
    began = time.monotonic()
    ended = revoking.revoke_application(person, rooms_told, reason="", at=LATER)
    assert time.monotonic() - began < 3
    assert (ended.pushes, len(vendor.asked)) == (Pushed(waiting=4), 1)


def test_of_very_many_those_are_told_that_live_longest(person, rooms_told, vendor, monkeypatch):
    monkeypatch.setattr(outbox, "MOST", 2)
    lives = [AT + timedelta(minutes=minutes) for minutes in (5, 50, 500, 450)]
    tokens = [agora_token(rooms_told, resource=str(min(n, 2)), expires_at=life) for n, life in enumerate(lives)]
    revoking.revoke_application(person, rooms_told, reason="", at=LATER)
    assert {push.token for push in VendorPush.objects.all()} == set(tokens[1:])


@pytest.mark.parametrize("end", ["application", "a leaked certificate", "an API key"])
@pytest.mark.parametrize(("rooms", "left_out"), [(1, 2), (2, 3), (7, 6)])
def test_how_many_are_left_out_is_no_secret(person, rooms_told, monkeypatch, caplog, end, rooms, left_out):
    """One push is allowed, and five tokens are looked at for it."""
    monkeypatch.setattr(outbox, "MOST", 1)
    key = ApiKeyFactory(application=rooms_told)
    tokens = [agora_token(rooms_told, api_key=key, resource=str(number % rooms)) for number in range(7)]
    if rooms == 2:
        IssuedToken.objects.filter(resource="0").update(expires_at=AT + timedelta(days=1))
    ended = SETS[end](person, tokens[0])
    event = AuditEvent.objects.get(kind__in=SET_KINDS)
    assert (event.detail["left_out"], VendorPush.objects.count()) == (left_out, 7 - left_out)
    assert f"{left_out} tokens of one revocation are too many" in caplog.text
    assert not isinstance(ended, SetEnding) or ended.left_out == left_out


def test_nothing_is_left_out_of_what_all_is_told(person, rooms_told, monkeypatch):
    monkeypatch.setattr(outbox, "MOST", 1)
    for _ in range(5):
        token = agora_token(rooms_told)
    assert SETS["application"](person, token).left_out == 0
    assert "left_out" not in AuditEvent.objects.get().detail


def texts(captured) -> list[str]:
    return [query["sql"] for query in captured.captured_queries]


def test_a_set_costs_the_same_whatever_its_size(person, rooms_told, vendor):
    vendor.answer = lambda _asked: REFUSED
    counts = []
    for size in (1, 40):
        for number in range(size):
            agora_token(rooms_told, resource=str(number))
        with CaptureQueriesContext(connection) as seen:
            revoking.revoke_application(person, rooms_told, reason="", at=LATER)
        counts.append(
            sum("token_issuer_vendorpush" in sql and sql.startswith(("INSERT", "SELECT")) for sql in texts(seen))
        )
        VendorPush.objects.all().delete()
    # One SELECT and one INSERT; then each of the first is read once.
    assert counts == [2 + 1, 2 + pushing.FIRST]


# What others use


MEETING_GOES_ON = {
    "himself": lambda user, token: revoking.revoke_own(caller(user), token.pk, reason="", at=LATER),
    "himself, as an administrator": lambda user, token: revoking.revoke_any(
        caller(user), token.pk, reason="", at=LATER
    ),
    "all that is his": lambda user, _: revoking.revoke_mine(caller(user), reason="", at=LATER),
    "all that somebody has": lambda _, token: revoking.revoke_user(
        caller(UserFactory()), token.user, reason="", at=LATER
    ),
    "the site's code for nobody": lambda _, token: python_api.revoke(token.pk, reason="", at=LATER),
    "a server": lambda _, token: revoking.revoke_own(
        server(token.application, "tokens:revoke"), token.pk, reason="", at=LATER
    ),
    "a server's key": lambda _, token: api_keys.revoke(caller(UserFactory()), token.api_key, reason="", at=LATER),
    "his pair": lambda user, token: closing.close_family(caller(user), token.family, reason="", at=LATER),
}
MEETING_ENDS = {
    "an administrator": lambda token: revoking.revoke_any(caller(UserFactory()), token.pk, reason="", at=LATER),
    "an administrator, the pair": lambda token: closing.close_family(
        caller(UserFactory()), token.family, reason="", at=LATER
    ),
}


def server(application, *scopes):
    key = ApiKeyFactory(application=application, scopes=[*scopes])
    return Caller(user=AnonymousUser(), origin=Origin.API_KEY, api_key=key, scopes=frozenset(scopes))


@pytest.fixture
def meeting(rooms, vendor):
    """Somebody's token for a room of an application that ends sessions."""
    vendor.answer = standins.videosdk
    told(rooms, vendor.url, on_revocation="end_session")
    owner, key = UserFactory(), ApiKeyFactory(application=rooms)
    family = TokenFamilyFactory(application=rooms, user=owner)
    columns = {"user": owner, "family": family, "api_key": key, "resource": "room-1"}
    return IssuedTokenFactory(application=rooms, certificate=rooms.certificates.get(purpose="sign"), **columns)


@pytest.mark.parametrize("end", MEETING_GOES_ON.values(), ids=MEETING_GOES_ON)
def test_a_meeting_goes_on_without_whose_token_ends(meeting, vendor, end):
    end(meeting.user, meeting)
    push_due(at=LATER)
    assert [asked.path for asked in vendor.asked] == [standins.REMOVE]


@pytest.mark.parametrize("end", ["room", "certificate", "application", "a leaked certificate"])
def test_a_meeting_ends_with_its_room(person, meeting, vendor, end):
    SETS[end](person, meeting)
    assert [asked.path for asked in vendor.asked] == [standins.END]


@pytest.mark.parametrize("end", MEETING_ENDS.values(), ids=MEETING_ENDS)
def test_a_meeting_ends_by_an_administrator(meeting, vendor, end):
    end(meeting)
    assert [asked.path for asked in vendor.asked] == [standins.END]


@pytest.mark.parametrize(("owner", "sentence"), [(False, "ends the running session"), (True, "removes this part")])
def test_who_is_about_to_revoke_reads_what_will_happen(meeting, owner, sentence):
    by = caller(meeting.user if owner else UserFactory())
    (found,) = outbox.sentences([meeting], by, at=LATER)
    assert sentence in found


# Pairs


def test_a_pair_that_is_closed_is_told(person, rooms_told, vendor):
    family = TokenFamilyFactory(application=rooms_told)
    members = [agora_token(rooms_told, family=family) for _ in range(2)]
    agora_token(rooms_told)
    closing.close_family(person, family, reason="lost", at=LATER)
    assert {push.token for push in VendorPush.objects.all()} == set(members)
    assert (len(vendor.asked), states()) == (1, [PushState.PUSHED] * 2)


def test_a_token_ends_with_its_pair_at_the_vendor_too(person, rooms_told, vendor):
    family = TokenFamilyFactory(application=rooms_told)
    members = [agora_token(rooms_told, family=family) for _ in range(2)]
    agora_token(rooms_told)
    revoke(person, members[0])
    assert {push.token for push in VendorPush.objects.all()} == set(members)


# A third party's provider


class Brittle(AgoraProvider):
    """Breaks where it is told to."""

    name = "brittle"
    label = "Brittle"
    where = ""

    def tells(self, options, token):
        if self.where == "tells":
            raise RuntimeError(CREDENTIALS["customer_secret"])
        return super().tells(options, token)

    def push_request(self, order, token):
        if self.where == "push_request":
            raise RuntimeError(CREDENTIALS["customer_secret"])
        return super().push_request(order, token)


@pytest.fixture
def brittle(settings, vendor):
    path = f"{Brittle.__module__}.{Brittle.__qualname__}"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [path]}}
    application = ApplicationFactory(slug="brittle", provider="brittle", public_id="0" * 32)
    CertificateFactory(application=application, active=True, secret={"certificate": "1" * 32})
    told(application, vendor.url)
    return agora_token(application)


@pytest.mark.parametrize(("where", "word"), [("tells", None), ("push_request", "broken"), ("", "")])
def test_a_provider_that_breaks_does_not_break_a_revocation(person, brittle, monkeypatch, caplog, where, word):
    monkeypatch.setattr(Brittle, "where", where)
    found = revoke(person, brittle)
    assert found.changed
    assert (found.push and found.push.word) == word
    assert CREDENTIALS["customer_secret"] not in caplog.text


# Purging


def test_a_push_goes_with_its_token(person, token, vendor):
    revoke(person, token)
    assert purging.purge(at=token.expires_at + timedelta(days=181)).tokens == 1
    assert VendorPush.objects.count() == 0
