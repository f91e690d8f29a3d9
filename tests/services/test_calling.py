"""Having a token from a vendor: what is written before, what afterwards, and what a failure leaves."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, connections, transaction
from django.db.models import F

from example_project.standins.vocalstack import API_KEY
from tests.factories import SPEECH_LIMIT, VOCALSTACK_KEY, CertificateFactory, UserFactory, caller
from tests.statements import counted
from token_issuer.crypto import digests
from token_issuer.errors import (
    ApplicationDisabled,
    BadGrant,
    NoActiveCertificate,
    NotAuthenticated,
    PolicyDenied,
    RateLimited,
    VendorUnavailable,
)
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    Certificate,
    IssuedToken,
    OneTimeKey,
    Origin,
    Rule,
    RuleWindow,
)
from token_issuer.services import calling, examining, explaining, issuing, login_keys, redeeming, revoking
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import OpenTransaction

SECOND = timedelta(seconds=1)
HOLDER = Caller(user=AnonymousUser(), origin=Origin.SESSION, request_id="r-7")


@pytest.fixture
def issue(person, at):
    def issue(*, by=person, when=at, **body):
        return issuing.issue(by, "speech", body=body, at=when)

    return issue


def charged() -> int:
    return sum(RuleWindow.objects.values_list("used", flat=True))


def failed(issue, **body) -> VendorUnavailable:
    with pytest.raises(VendorUnavailable) as failure:
        issue(**body)
    return failure.value


# A token


def test_the_vendors_text_is_passed_through(issue, speech, vocalstack):
    made = issue()
    assert made.token.reveal() in vocalstack.given
    assert made.sdk == {"authToken": made.token.reveal()}


def test_the_vendor_is_asked_for_what_was_decided(issue, speech, vocalstack):
    issue(access="readwrite", one_time=False, lifetime=60)
    (asked,) = vocalstack.orders
    assert asked.path == "/security/generate-token?access=readwrite&lifetime_s=60&one_time=false"
    assert (asked.headers["authorization"], asked.headers["x-expected-api-version"]) == (VOCALSTACK_KEY, "1.1.0")


def test_it_ends_a_lifetime_after_it_was_asked_for(issue, speech, at):
    when = at + timedelta(microseconds=7)
    made = issue(when=when, lifetime=1)
    assert (made.issued_at, made.expires_at, made.expires_in) == (when, when + SECOND, 1)


def test_the_row_is_the_audit_of_it(issue, speech, user):
    made = issue(access="readwrite", one_time=False)
    row = IssuedToken.objects.get()
    assert (row.pk, row.user, row.subject, row.privileges, row.format, row.one_time, row.certificate) == (
        made.token_id,
        user,
        f"user-{user.pk}",
        ["readwrite", "reusable"],
        "vocalstack",
        False,
        Certificate.objects.get(),
    )


def test_the_row_holds_the_digest_and_never_the_text(issue, speech):
    text = issue().token.reveal()
    values = IssuedToken.objects.values().get()
    assert (values["digest"], values["one_time"]) == (digests.digest(text), True)
    assert text not in repr(values)


def test_it_costs_one_unit(issue, speech):
    issue()
    assert charged() == 1


def test_the_statements_of_one(issue, speech, person):
    """Session and user aside: application, rules; the epochs; the charge; the row; is it still standing?"""
    issue()
    with counted(6):
        issue()


def test_without_a_limit_nothing_is_charged(issue, speech):
    Rule.objects.update(limit=None, window=None)
    with counted(5):
        issue()


def test_whoever_wants_to_be_called_back_is(speech, person, at):
    got: list[issuing.Issuance] = []
    assert issuing.issue(person, "speech", body={}, at=at, on_commit=got.append) is None
    assert [made.token_id for made in got] == [IssuedToken.objects.get().pk]


# While the vendor is asked


@pytest.fixture
def meanwhile(vocalstack):
    """Do something on another connection while the vendor is asked; its error is the test's."""
    errors = []

    def meanwhile(deed):
        def do():
            try:
                deed()
            except Exception as error:
                errors.append(error)
            finally:
                connections.close_all()

        vocalstack.before = do

    yield meanwhile
    assert errors == []


@pytest.mark.django_db(transaction=True)
def test_the_charge_is_committed_and_nothing_is_locked(issue, speech, meanwhile):
    seen = []

    def look():
        seen.append((charged(), IssuedToken.objects.count()))
        # A lock would make these wait for the call that waits for them.
        RuleWindow.objects.update(used=F("used"))
        Application.objects.update(name="Renamed")
        Certificate.objects.update(algorithm="")

    meanwhile(look)
    issue()
    assert (seen, charged(), IssuedToken.objects.count()) == ([(1, 0)], 1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["user", "application", "certificate"])
def test_what_is_ended_meanwhile_is_not_handed_out(issue, speech, person, user, meanwhile, what, at):
    endings = {
        "user": lambda: revoking.revoke_user(person, user, reason="test", at=at),
        "application": lambda: revoking.revoke_application(person, speech, reason="test", at=at),
        "certificate": lambda: revoking.revoke_certificate(person, Certificate.objects.get(), reason="test", at=at),
    }
    meanwhile(endings[what])
    with pytest.raises(PolicyDenied, match=r"^It was ended while the vendor was asked\.$") as refusal:
        issue(when=at + SECOND)
    assert (refusal.value.reason, IssuedToken.objects.count(), charged()) == ("ended_meanwhile", 1, 0)
    assert not IssuedToken.objects.live(at + SECOND).exists()
    assert AuditEvent.objects.get(kind=AuditKind.DENIED).detail["reason"] == "ended_meanwhile"


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_meanwhile_gets_nothing(issue, speech, user, meanwhile):
    meanwhile(type(user).objects.filter(pk=user.pk).delete)
    with pytest.raises(NotAuthenticated, match=r"^This account is gone\.$"):
        issue()
    assert (IssuedToken.objects.count(), charged()) == (0, 0)


# When there is none


@pytest.mark.parametrize(
    ("mode", "reason"), [("refuse", "refused"), ("fail", "failed"), ("garbage", "garbled"), ("drop", "dropped")]
)
def test_a_failure_gives_back_what_was_charged(issue, speech, vocalstack, mode, reason):
    vocalstack.mode = mode
    error = failed(issue)
    assert (error.reason, len(vocalstack.orders)) == (reason, 1)
    assert (charged(), IssuedToken.objects.count()) == (0, 0)


def test_a_vendor_that_hangs_is_given_up(issue, speech, vocalstack):
    vocalstack.mode = "hang"
    error = failed(issue)
    assert (error.reason, error.message) == ("timed_out", "The vendor did not answer in time.")
    assert 4_000 < float(error.ms) < 20_000
    assert (charged(), len(vocalstack.orders)) == (0, 1)


def test_a_vendor_that_is_not_there(issue, speech):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    Application.objects.update(options={"api_url": f"http://127.0.0.1:{port}"})
    assert (failed(issue).reason, charged()) == ("unreachable", 0)


def test_a_window_that_was_used_before_stays_as_it_was(issue, speech, vocalstack):
    issue()
    vocalstack.mode = "refuse"
    failed(issue)
    assert charged() == 1


def test_failures_of_one_minute_are_one_row_that_counts(issue, speech, vocalstack, user, at):
    vocalstack.mode = "refuse"
    for second in (0, 30, 59, 60):
        failed(issue, when=at + second * SECOND)
    first, last = AuditEvent.objects.order_by("at")
    assert (first.kind, first.user, first.application, first.count) == (AuditKind.VENDOR_FAILED, user, speech, 3)
    assert (first.detail, last.count) == ({"reason": "refused", "origin": "session"}, 1)


def test_failures_of_another_kind_are_another_row(issue, speech, vocalstack):
    for vocalstack.mode in ("refuse", "drop"):
        failed(issue)
    assert {event.detail["reason"] for event in AuditEvent.objects.all()} == {"refused", "dropped"}


def test_a_call_that_works_leaves_no_event(issue, speech):
    issue()
    assert not AuditEvent.objects.exists()


def test_a_key_that_the_vendor_does_not_take(issue, speech):
    Certificate.objects.all().delete()
    CertificateFactory(application=speech, purpose="call", active=True, secret={"api_key": API_KEY})
    assert failed(issue).message == "VocalStack refused: 401 Unauthorized."


def test_a_defect_gives_back_too(issue, speech, vocalstack, monkeypatch):
    def defect(order, response):
        raise ZeroDivisionError

    monkeypatch.setattr("token_issuer.providers.vocalstack.VocalStackProvider.read", lambda *args: defect(*args[1:]))
    with pytest.raises(ZeroDivisionError):
        issue()
    assert (charged(), AuditEvent.objects.count()) == (0, 0)


# What is logged


def records(caplog) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "token_issuer.vendor"]


def test_every_call_is_logged_with_how_long_it_took(issue, speech, user, caplog):
    with caplog.at_level("INFO", logger="token_issuer.vendor"):
        issue(by=caller(user, request_id="r-1"))
    (record,) = records(caplog)
    facts = {name: getattr(record, name) for name in ("event", "application", "provider", "reason", "request_id")}
    assert facts == {
        "event": "vendor_called",
        "application": "speech",
        "provider": "vocalstack",
        "reason": "",
        "request_id": "r-1",
    }
    assert 0 < record.ms < 5_000  # type: ignore[attr-defined]  # one of the facts


def test_so_is_one_that_failed(issue, speech, vocalstack, caplog):
    vocalstack.mode = "refuse"
    failed(issue)
    (record,) = records(caplog)
    assert record.getMessage() == "vocalstack was asked for speech: VocalStack refused: 401 Unauthorized."
    assert (record.levelname, record.event, record.reason) == ("WARNING", "vendor_failed", "refused")  # type: ignore[attr-defined]
    assert 0 < record.ms < 5_000  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["ok", "refuse", "garbage", "drop"])
def test_no_log_holds_key_or_token(issue, speech, vocalstack, caplog, mode):
    vocalstack.mode = mode
    with caplog.at_level(logging.DEBUG), suppress(VendorUnavailable):
        issue()
    told = caplog.text + repr([vars(record) for record in caplog.records])
    assert "generate-token" in told or mode == "drop"  # of an answer, the library below tells the address
    assert [text for text in (VOCALSTACK_KEY, *vocalstack.given) if text in told] == []


# Before anything is sent


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"access": "admin"}, "access"),
        ({"lifetime": 121}, "lifetime"),
        ({"lifetime": 0}, "lifetime"),
        ({"one_time": "no"}, "one_time"),
        ({"user": "somebody"}, "user"),
        ({"lifetime_s": 5}, "lifetime_s"),
    ],
)
def test_a_wrong_body_is_not_sent(issue, speech, vocalstack, body, field):
    with pytest.raises(BadGrant) as refusal:
        issue(**body)
    assert (refusal.value.field, vocalstack.asked, charged()) == (field, [], 0)


def test_what_policy_refuses_is_not_sent(issue, speech, vocalstack):
    Rule.objects.update(privileges=["readonly"])
    for body in ({"access": "readwrite"}, {"one_time": False}):
        with pytest.raises(PolicyDenied) as refusal:
            issue(**body)
        assert refusal.value.reason == "privilege_not_granted"
    assert vocalstack.asked == []


def test_nothing_is_sent_beyond_the_limit(issue, speech, vocalstack):
    for _ in range(SPEECH_LIMIT):
        issue()
    with pytest.raises(RateLimited):
        issue()
    assert (len(vocalstack.orders), charged()) == (SPEECH_LIMIT, SPEECH_LIMIT)


def test_nothing_is_sent_without_a_key_or_for_what_is_off(issue, speech, vocalstack, at):
    Certificate.objects.update(retired_at=at)
    with pytest.raises(NoActiveCertificate, match="'call'"):
        issue()
    Application.objects.update(disabled_at=at)
    with pytest.raises(ApplicationDisabled):
        issue()
    assert (vocalstack.asked, charged()) == ([], 0)


@pytest.mark.parametrize("on_commit", [None, print])
def test_nothing_is_sent_inside_a_transaction(speech, vocalstack, person, at, on_commit):
    with transaction.atomic(), pytest.raises(OpenTransaction) as refusal:
        issuing.issue(person, "speech", body={}, at=at, on_commit=on_commit)
    cure = "pass on_commit=callback" if on_commit is None else "@transaction.non_atomic_requests"
    assert cure in str(refusal.value)
    assert (vocalstack.asked, charged()) == ([], 0)


def test_the_cure_for_a_vendors_token_is_no_callback(speech, person, at):
    with transaction.atomic(), pytest.raises(OpenTransaction) as refusal:
        issuing.issue(person, "speech", body={}, at=at, on_commit=print)
    assert "comes from a vendor, who cannot be asked to forget it" in str(refusal.value)
    assert "on_commit" not in str(refusal.value)


def test_explaining_asks_nobody(speech, vocalstack, person, at):
    told = explaining.explain(person, "speech", body={"lifetime": 60}, at=at)
    assert (told.allowed, told.left, vocalstack.asked, charged()) == (True, SPEECH_LIMIT, [], 0)


def test_the_doctor_asks_nobody(speech, vocalstack, at):
    findings = list(examining.examine(HOLDER, speech, at=at))
    (finding,) = [finding for finding in findings if finding.name == "token"]
    assert "is made by the vendor" in finding.message
    assert (vocalstack.asked, IssuedToken.objects.count()) == ([], 0)


# Through a login key of ours


def test_a_login_key_is_exchanged_for_the_vendors_token(speech, vocalstack, person, user, at):
    key = login_keys.make(person, "speech", body={"access": "readwrite"}, at=at)
    assert (vocalstack.asked, charged()) == ([], 0)
    made = redeeming.redeem(HOLDER, key.text, at=at + SECOND).issuance
    row = IssuedToken.objects.get()
    assert made.token.reveal() in vocalstack.given
    assert (row.user, row.origin, row.privileges, charged()) == (user, Origin.REDEEM, ["readwrite"], 1)


def test_it_is_used_up_whatever_the_vendor_says(speech, vocalstack, person, at):
    key = login_keys.make(person, "speech", body={}, at=at)
    vocalstack.mode = "refuse"
    with pytest.raises(VendorUnavailable):
        redeeming.redeem(HOLDER, key.text, at=at + SECOND)
    assert (OneTimeKey.objects.get().consumed_at, charged()) == (at + SECOND, 0)
    assert AuditEvent.objects.filter(kind=AuditKind.VENDOR_FAILED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_holders_of_one_login_key_ask_the_vendor_once(speech, vocalstack, person, at):
    key = login_keys.make(person, "speech", body={}, at=at)
    entered, outcomes = threading.Barrier(2), list[object]()

    def redeem():
        entered.wait(10)
        try:
            outcomes.append(redeeming.redeem(HOLDER, key.text, at=at + SECOND))
        except Exception as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=redeem) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(vocalstack.orders), IssuedToken.objects.count(), len(outcomes)) == (1, 1, 2)


def test_people_of_one_application_have_windows_of_their_own(issue, speech):
    issue()
    issue(by=caller(UserFactory()))
    assert sorted(RuleWindow.objects.values_list("used", flat=True)) == [1, 1]


def test_every_service_calls_vendors_by_the_one_way_that_is_logged():
    services = Path(calling.__file__).parent
    direct = [path.name for path in services.glob("*.py") if "transport.send(" in path.read_text()]
    assert direct == ["calling.py"]
