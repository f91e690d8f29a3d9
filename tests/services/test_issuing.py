"""Issuing: policy, mint, record, and only then the token."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from tests.factories import (
    ApplicationFactory,
    CertificateFactory,
    GroupFactory,
    RuleFactory,
    UserFactory,
    VendorAccountFactory,
    caller,
)
from tests.statements import counted
from token_issuer import signals
from token_issuer.crypto import digests
from token_issuer.errors import (
    ApplicationDisabled,
    BadGrant,
    NoActiveCertificate,
    NotAuthenticated,
    NotFound,
    PolicyDenied,
    RateLimited,
    Unavailable,
)
from token_issuer.ids import uuid7
from token_issuer.models import Application, AuditEvent, IssuedToken, Origin, RuleWindow, VendorAccount
from token_issuer.policy import Charge
from token_issuer.providers.base import MintOrder
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.registry import get_provider
from token_issuer.services import accounts, issuing, recording
from token_issuer.services.transactions import OpenTransaction

ROOM = {"roomId": "abcd-efgh-ijkl"}


@pytest.fixture
def issue(person, at):
    def issue(slug="rooms", *, by=person, when=at, **body):
        return issuing.issue(by, slug, body=body or ROOM, at=when)

    return issue


def test_the_token_says_what_was_decided(issue, rooms, user, at):
    made = issue()
    seen = get_provider("videosdk").inspect(made.token.reveal())
    assert (seen.subject, seen.resource, seen.expires_at) == (
        f"user-{user.pk}",
        "abcd-efgh-ijkl",
        at + timedelta(seconds=600),
    )


def test_the_row_is_the_audit_of_the_token(issue, rooms, user, at):
    made = issue()
    row = IssuedToken.objects.get()
    assert (row.pk, row.user, row.application, row.subject, row.resource, row.privileges, row.origin, row.decision) == (
        made.token_id,
        user,
        rooms,
        f"user-{user.pk}",
        "abcd-efgh-ijkl",
        ["allow_join"],
        Origin.SESSION,
        f"rule:{rooms.rules.get().pk}",
    )


def test_the_row_says_whose_and_which_device(issue, rooms, user):
    made = issue(slot=2, **ROOM)
    row = IssuedToken.objects.get()
    assert (row.principal, row.slot, row.fingerprint) == ("user", 2, digests.token_fingerprint(made.token))


def test_it_is_logged(issue, rooms, caplog):
    with caplog.at_level("INFO", logger="token_issuer.issue"):
        issue()
    assert "issued" in caplog.messages


def test_the_row_holds_the_digest_and_never_the_token(issue, rooms):
    text = issue().token.reveal()
    values = IssuedToken.objects.values().get()
    assert values["digest"] == digests.digest(text)
    assert text not in repr(values)


def test_token_row_and_answer_agree_on_the_end(issue, rooms, at):
    made = issue(when=at + timedelta(microseconds=999_999), **ROOM)
    row = IssuedToken.objects.get()
    seen = get_provider("videosdk").inspect(made.token.reveal())
    assert row.expires_at == made.expires_at == seen.expires_at == row.issued_at + timedelta(seconds=made.expires_in)


def test_the_circumstances_are_recorded(issue, rooms, user):
    issue(by=caller(user, ip="192.0.2.1", user_agent="curl\r\n\x1b[31m" + "x" * 300, request_id="r-1"))
    row = IssuedToken.objects.get()
    assert (row.ip, row.request_id, row.user_agent[:11], len(row.user_agent)) == (
        "192.0.2.1",
        "r-1",
        "curl   [31m",
        255,
    )


def test_nobody_gets_nothing(issue, rooms):
    with pytest.raises(NotAuthenticated, match=r"^Sign in first\.$"):
        issue(by=caller(AnonymousUser()))


def test_a_deactivated_user_gets_nothing(issue, rooms):
    with pytest.raises(NotAuthenticated, match=r"^This account is not active\.$"):
        issue(by=caller(UserFactory(is_active=False)))
    assert not IssuedToken.objects.exists()


@pytest.mark.parametrize("slug", ["unknown", "ROOMS", "rooms ", "rooms\x00", ""])
def test_an_application_is_named_exactly(issue, rooms, slug):
    with pytest.raises(NotFound, match=r"^There is no such application\.$"):
        issue(slug)


def test_a_disabled_application_refuses_and_counts(issue, rooms, at):
    Application.objects.update(disabled_at=at)
    with pytest.raises(ApplicationDisabled, match=r"^This application is switched off\.$"):
        issue()
    assert AuditEvent.objects.get().detail["reason"] == "application_disabled"


def test_without_a_certificate_there_is_no_token(issue):
    RuleFactory(application=ApplicationFactory(slug="rooms"))
    with pytest.raises(NoActiveCertificate, match="no active certificate for the purpose 'sign'"):
        issue()


def test_without_a_rule_there_is_no_token(issue):
    ApplicationFactory(slug="rooms", ready=True)
    with pytest.raises(PolicyDenied) as refusal:
        issue()
    assert refusal.value.reason == "no_rule"


def test_the_same_refusal_within_a_minute_is_one_counted_row(issue, at):
    ApplicationFactory(slug="rooms", ready=True)
    for second in (0, 30, 59, 60):
        with pytest.raises(PolicyDenied):
            issue(when=at + timedelta(seconds=second))
    assert sorted(AuditEvent.objects.values_list("count", flat=True)) == [1, 3]


def test_a_refusal_says_who_where_why_and_by_which_door(issue, user, at):
    application = ApplicationFactory(slug="rooms", ready=True)
    with pytest.raises(PolicyDenied):
        issue(by=caller(user, ip="192.0.2.1", user_agent="curl"), when=at)
    event = AuditEvent.objects.get()
    assert (event.user, event.application, event.at, event.ip, event.user_agent, event.detail) == (
        user,
        application,
        at,
        "192.0.2.1",
        "curl",
        {"reason": "no_rule", "origin": "session"},
    )


def test_refusals_of_one_minute_are_counted_to_the_microsecond(issue, at):
    ApplicationFactory(slug="rooms", ready=True)
    for moment in (at, at + timedelta(microseconds=1)):
        with pytest.raises(PolicyDenied):
            issue(when=moment)
    assert AuditEvent.objects.get().count == 2


def test_a_refusal_that_is_counted_already_is_one_statement(issue, at):
    ApplicationFactory(slug="rooms", ready=True)
    with pytest.raises(PolicyDenied):
        issue()
    with counted(2 + 1), pytest.raises(PolicyDenied):
        issue()


def test_a_refusal_is_logged_and_receivers_hear_of_it(issue, user, at, caplog):
    application = ApplicationFactory(slug="rooms", ready=True)
    heard = []

    def receiver(**kwargs):
        heard.append({name: kwargs[name] for name in ("application", "user", "code", "reason", "origin", "at")})

    signals.token_refused.connect(receiver)
    with pytest.raises(PolicyDenied):
        issue()
    signals.token_refused.disconnect(receiver)
    assert "a token for rooms was refused: no_rule" in caplog.messages
    assert heard == [
        {
            "application": application,
            "user": user,
            "code": "policy_denied",
            "reason": "no_rule",
            "origin": "session",
            "at": at,
        }
    ]


@pytest.mark.parametrize("origin", Origin)
def test_only_a_server_gets_what_is_for_servers(origin, user):
    assert caller(user, origin=origin).is_server is (origin in {Origin.PYTHON, Origin.COMMAND})


def test_a_certificate_for_something_else_does_not_sign(issue):
    application = RuleFactory(application=ApplicationFactory(slug="rooms")).application
    CertificateFactory(application=application, purpose="call", active=True)
    with pytest.raises(NoActiveCertificate):
        issue()


@pytest.mark.parametrize("slug", ["rooms\x00", "räume"])
def test_what_cannot_be_a_slug_costs_no_statement(issue, person, slug):
    with counted(0), pytest.raises(NotFound):
        issue(slug)


@pytest.mark.parametrize(("pattern", "resource"), [("desk-{slot}", "desk-1"), ("{account}-room", "ada-room")])
def test_a_rules_room_may_name_the_slot_and_the_account(issue, user, pattern, resource):
    rule = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), resource_pattern=pattern)
    VendorAccountFactory(application=rule.application, user=user, subject="ada")
    assert issue(roomId=resource, slot=1).grant.resource == resource
    with pytest.raises(PolicyDenied):
        issue(roomId="x-room", slot=1)


def test_without_a_chosen_name_no_room_is_named_after_it(issue, user):
    rule = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), resource_pattern="{account}-room")
    VendorAccountFactory(application=rule.application, user=user)
    with pytest.raises(PolicyDenied):
        issue(roomId="None-room")


def test_a_subject_may_name_the_group(issue, user):
    group = GroupFactory(name="nurses")
    user.groups.add(group)
    RuleFactory(
        application=ApplicationFactory(slug="rooms", ready=True),
        everyone=False,
        for_groups=[group],
        subject_pattern="{group}-{user.pk}",
    )
    assert issue().grant.subject == f"nurses-{user.pk}"


def test_every_wrong_field_is_named_at_once(issue, rooms):
    with pytest.raises(BadGrant) as error:
        issue(roomId=7, lifetime=True, slot="1", colour="red")
    assert set(error.value.fields) == {"roomId", "lifetime", "slot", "colour"}


@pytest.mark.parametrize("lifetime", [0, -1, True, 1.5, float("nan"), 10**18, "soon", None, [], "86401"])
def test_a_bad_lifetime_is_refused(issue, rooms, lifetime):
    with pytest.raises(BadGrant) as error:
        issue(lifetime=lifetime, **ROOM)
    assert error.value.field == "lifetime"


def test_a_lifetime_may_be_a_duration_text(issue, rooms):
    assert issue(lifetime="5m", **ROOM).expires_in == 300


def test_an_application_narrows_the_providers_lifetimes(issue, rooms):
    Application.objects.update(maximum_lifetime=120)
    with pytest.raises(BadGrant, match=r"^lifetime: must be \d+ to 120 seconds$"):
        issue(lifetime=121, **ROOM)
    assert issue().expires_in == 120


@pytest.mark.parametrize(
    ("slot", "message"), [(4, "must be 0 to 3"), (-1, "must be 0 to 3"), (True, "must be a whole")]
)
def test_a_bad_slot_is_refused(issue, rooms, slot, message):
    with pytest.raises(BadGrant, match=message):
        issue(slot=slot, **ROOM)


def test_a_slot_is_a_second_device_of_the_same_person(issue, rooms, user):
    assert issue(slot=1, **ROOM).grant.subject == f"user-{user.pk}:1"


def test_the_first_number_is_1_and_the_first_uid_16(issue, calls):
    assert issue("calls", channel="room-42").sdk["uid"] == 16


def test_a_number_stays_with_its_user(issue, calls):
    first = issue("calls", channel="a").grant.subject
    other = issue("calls", by=caller(UserFactory()), channel="a").grant.subject
    again = issue("calls", channel="b", slot=3).grant.subject
    assert (first, other, again) == ("16", "32", "19")


def test_a_number_outlives_its_user(issue, calls, user):
    issue("calls", channel="a")
    user.delete()
    assert VendorAccount.objects.get().number == 1
    assert issue("calls", by=caller(UserFactory()), channel="a").grant.subject == "32"


def test_an_account_made_beforehand_gets_its_number(issue, calls, user):
    VendorAccountFactory(application=calls, user=user)
    assert issue("calls", channel="a").grant.subject == "16"
    assert VendorAccount.objects.get().number == 1


def test_a_chosen_subject_is_used(issue, rooms, user):
    VendorAccountFactory(application=rooms, user=user, subject="professor")
    assert issue().grant.subject == "professor"


def test_somebody_elses_chosen_subject_is_not(issue, rooms, user):
    VendorAccountFactory(application=rooms, subject="professor")
    assert issue().grant.subject == f"user-{user.pk}"


@pytest.mark.parametrize("name", ["*", "{user.pk}", "a:b", "", "a*"])
def test_a_name_that_means_more_than_itself_is_refused(issue, at, name):
    application = ApplicationFactory(slug="rooms", ready=True)
    RuleFactory(application=application, subject_pattern="{user.username}", allow_username=True)
    with pytest.raises(PolicyDenied) as refusal:
        issue(by=caller(UserFactory(username=name)))
    assert refusal.value.reason == "subject_not_rendered"


def test_a_subject_fits_the_audit(issue):
    pattern = "u" * 239 + "-{user.username}"
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), subject_pattern=pattern, allow_username=True)
    with pytest.raises(PolicyDenied, match=r"^Your name at the vendor would be too long\.$"):
        issue(by=caller(UserFactory(username="s" * 20)))


def test_the_longest_subject_is_let_through(issue):
    pattern = "u" * (accounts.LONGEST_SUBJECT - 100) + "{user.username}"
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), subject_pattern=pattern, allow_username=True)
    made = issue(by=caller(UserFactory(username="s" * 100)))
    assert len(made.grant.subject) == accounts.LONGEST_SUBJECT


def test_digits_alone_are_never_an_account(issue, at):
    application = ApplicationFactory(slug="calls", provider="agora", ready=True, options={"subject": "account"})
    RuleFactory(application=application, subject_pattern="{user.pk}")
    with pytest.raises(PolicyDenied) as refusal:
        issue("calls", channel="a")
    assert refusal.value.reason == "subject_not_allowed"


@pytest.mark.parametrize("pattern", ["{user.password}", "{user.__class__}"])
def test_other_attributes_of_the_user_are_out_of_reach(issue, user, pattern):
    application = ApplicationFactory(slug="rooms", ready=True)
    RuleFactory(application=application, subject_pattern=pattern)
    with pytest.raises(PolicyDenied, match="is not a placeholder"):
        issue()


def test_rules_for_chosen_people(issue, user):
    rule = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), everyone=False, for_users=[user])
    assert issue().decision == f"rule:{rule.pk}"
    with pytest.raises(PolicyDenied):
        issue(by=caller(UserFactory()))


def test_a_limit_counts_per_person_and_window(issue, user, at):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=2, window=60)
    issue(), issue()
    with pytest.raises(RateLimited) as refusal:
        issue(when=at + timedelta(seconds=59))
    assert refusal.value.retry_after == 1
    issue(by=caller(UserFactory()))
    issue(when=at + timedelta(seconds=60))
    assert sorted(RuleWindow.objects.values_list("used", flat=True)) == [1, 1, 2]


def test_a_limit_of_nothing_allows_nothing(issue):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=0, window=60)
    with pytest.raises(RateLimited):
        issue()


def test_receivers_hear_of_it_and_cannot_break_it(issue, rooms, user):
    heard = []

    def receiver(**kwargs):
        heard.append(kwargs)
        raise RuntimeError

    signals.token_issued.connect(receiver)
    try:
        made = issue()
    finally:
        signals.token_issued.disconnect(receiver)
    assert heard[0]["token"].pk == made.token_id
    assert heard[0]["token"].epochs == 0
    told = {name: heard[0][name] for name in ("application", "user", "origin", "at")}
    assert told == {"application": rooms, "user": user, "origin": "session", "at": made.issued_at}


def test_nothing_shows_the_token(issue, rooms):
    made = issue()
    text = made.token.reveal()
    assert text not in repr(made) + str(made) + repr(made.token)


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_refuses(issue, rooms):
    with transaction.atomic(), pytest.raises(OpenTransaction, match="pass on_commit=callback"):
        issue()
    assert not IssuedToken.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_with_a_callback_the_token_comes_after_the_hosts_commit(rooms, person, at):
    given: list[issuing.Issuance] = []
    with transaction.atomic():
        assert issuing.issue(person, "rooms", body=ROOM, at=at, on_commit=given.append) is None
        assert not given
    assert given[0].token_id == IssuedToken.objects.get().pk


@pytest.mark.django_db(transaction=True)
def test_when_the_host_rolls_back_nobody_gets_a_token_and_nothing_is_charged(person, at):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=1, window=60)
    given: list[issuing.Issuance] = []
    with transaction.atomic():
        issuing.issue(person, "rooms", body=ROOM, at=at, on_commit=given.append)
        transaction.set_rollback(True)
    assert (given, IssuedToken.objects.count(), RuleWindow.objects.count()) == ([], 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_gives_no_token_and_returns_its_unit(issue, at):
    rule = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=5, window=60)
    issue()
    row = IssuedToken.objects.get()
    row.pk, row.subject = uuid7(), ""  # no token is without a subject, says a constraint
    entry = recording.Entry(row=row, charge=Charge(rule_id=str(rule.pk), limit=5, window=60))
    with pytest.raises(IntegrityError):
        recording.record(entry, at=at, then=lambda: pytest.fail("handed over"))
    assert RuleWindow.objects.get().used == 1


def test_the_answer_is_in_utc(issue, rooms, at):
    made = issue(when=at.astimezone(timezone(timedelta(hours=2))))
    assert (made.issued_at, made.issued_at.tzinfo) == (at, UTC)


ORDERS: list[MintOrder] = []


class WatchedProvider(VideoSDKProvider):
    """Keeps what it is ordered."""

    name = "watched"
    label = "Watched"

    def mint(self, order):
        ORDERS.append(order)
        return super().mint(order)


@pytest.mark.parametrize(("issuer", "ordered"), [(None, ""), ("https://example.org", "https://example.org")])
def test_a_provider_is_ordered_with_the_issuer_and_entropy(issue, settings, issuer, ordered):
    added = {"add": ["tests.services.test_issuing.WatchedProvider"]}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": added, "ISSUER": issuer}
    RuleFactory(application=ApplicationFactory(slug="rooms", provider="watched", ready=True))
    ORDERS.clear()
    issue(), issue()
    assert [order.issuer for order in ORDERS] == [ordered, ordered]
    assert {len(order.entropy) for order in ORDERS} == {32}
    assert ORDERS[0].entropy != ORDERS[1].entropy


@pytest.mark.django_db(transaction=True)
def test_a_row_is_inserted_and_never_written_over(issue, rooms, at):
    issue()
    entry = recording.Entry(row=IssuedToken.objects.get())
    with pytest.raises(IntegrityError):
        recording.record(entry, at=at, then=lambda: pytest.fail("handed over"))


def test_statements(issue, rooms):
    """Application with certificate and account, rules, INSERT; session and user are the edge's two."""
    issue()
    with counted(3):
        issue()


def test_statements_with_a_window(issue, rooms):
    rooms.rules.update(limit=10, window=60)
    with counted(3 + 3):
        issue()
    with counted(3 + 1):
        issue()


def test_statements_of_a_first_number(issue, calls):
    with counted(3 + 5):  # counter, its number, the new account, one made beforehand, whose number counts
        issue("calls", channel="a")
    with counted(3):
        issue("calls", channel="a")


def test_a_certificate_of_another_application_never_signs(issue, rooms):
    other = CertificateFactory(active=True, secret={"secret": "another application's secret, long enough"})
    issue()
    signed_by = IssuedToken.objects.get().certificate
    assert signed_by is not None
    assert (signed_by.application, signed_by == other) == (rooms, False)


@pytest.mark.parametrize("change", [{"provider": "gone"}, {"options": {"unknown": 1}}])
def test_an_application_that_is_not_set_up_is_no_fault_of_the_caller(issue, rooms, change):
    Application.objects.filter(pk=rooms.pk).update(**change)
    with pytest.raises(Unavailable, match="not set up correctly"):
        issue()
