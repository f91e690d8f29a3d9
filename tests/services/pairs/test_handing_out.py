"""Handing out what a vendor gave to a user: issued like any other token, and renewed early."""

from __future__ import annotations

import base64
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from example_project.standins.server import Reply, Silence, in_json
from tests.factories import IssuedTokenFactory, caller
from tests.services.pairs.conftest import SECRET, frames_of
from token_issuer import transport
from token_issuer.conf import Conf
from token_issuer.crypto import digests
from token_issuer.errors import BadGrant, NoActiveCertificate, NotFound, PolicyDenied, VendorUnavailable
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    Certificate,
    IssuedToken,
    PairStanding,
    Rule,
    RuleWindow,
    VendorPair,
)
from token_issuer.services import explaining, issuing, pair_rows, pairs, renewing, revoking
from token_issuer.services.transactions import OpenTransaction

HOUR = timedelta(hours=1)
EARLY = HOUR - timedelta(seconds=60)  # the instant from which an hour's token is renewed
NO = in_json({"error": "invalid_grant", "error_description": "secret text"}, status=400)
GARBAGE = Reply(body=b"<html>refresh-1</html>")
TROUBLE = {
    "refuses the client": (in_json({"error": "invalid_client"}, status=401), "refused"),
    "has troubles": (Reply(status=503, body=b"refresh-1"), "failed"),
    "is busy": (Reply(status=429), "failed"),
    "answers garbage": (GARBAGE, "garbled"),
    "answers a list": (in_json(["access_token"]), "garbled"),
    "answers without a token": (in_json({"token_type": "Bearer"}), "garbled"),
    "answers another type": (in_json({"access_token": "a", "token_type": "mac"}), "garbled"),
    "answers an empty token": (in_json({"access_token": "", "refresh_token": "refresh-2"}), "garbled"),
    "answers what HTTP does not carry": (in_json({"access_token": "a\nb"}), "garbled"),
    "answers a word that is none": (in_json({"error": ["invalid_grant"]}, status=400), "refused"),
    "says its no in trouble": (in_json({"error": "invalid_grant"}, status=500), "failed"),
    "drops the connection": (Silence.DROP, "dropped"),
}


@pytest.fixture
def issue(person, connectify):
    """Ask for the token from the browser."""

    def issue(*, at, **body):
        return issuing.issue(person, "connectify", body=body, at=at)

    return issue


def reason_of(call) -> str:
    with pytest.raises(PolicyDenied) as caught:
        call()
    return caught.value.reason


def stored():
    row = VendorPair.objects.get()
    pair = pair_rows.opened(row)
    return row.version, pair.access, pair.refresh


def over_in(left):
    """Somebody else has the lease, for this long."""
    VendorPair.objects.update(leased_until=timezone.now() + left)


def left_of_the_lease():
    until = VendorPair.objects.get().leased_until
    assert until is not None
    return until - timezone.now()


# What leaves


def test_the_access_token_leaves_and_nothing_else(hand_in, issue, at):
    hand_in(expires_in=900)
    made = issue(at=at + timedelta(minutes=5, microseconds=7))
    assert made.token.reveal() == "access-1"
    assert made.sdk == {"access_token": "access-1", "token_type": "Bearer", "expires_in": 599}
    assert made.expires_at == at + timedelta(minutes=15)
    assert "refresh-1" not in str(vars(made.provider)) + repr(made)


def test_it_is_in_the_audit_as_any_token(hand_in, issue, user, at):
    hand_in(device="work")
    made = issue(at=at, device="work")
    row = IssuedToken.objects.get()
    assert (row.pk, row.user, row.resource, row.format) == (made.token_id, user, "work", "oauth-bearer")
    assert (row.privileges, row.expires_at, row.certificate) == (["access"], at + HOUR, None)


def test_it_is_renewed_by_the_client_when_the_server_has_a_new_one(hand_in, issue, vendor, at):
    """Else the client would ask again and again for the same one."""
    hand_in()
    for age in (timedelta(0), timedelta(minutes=30), timedelta(minutes=58)):
        made = issue(at=at + age)
        assert made.renew_at >= at + EARLY
    assert vendor.asked == []


def test_whoever_has_none_is_not_connected(issue, hand_in, other, at):
    hand_in(by=other)
    hand_in(device="work")
    assert reason_of(lambda: issue(at=at)) == "not_connected"
    assert AuditEvent.objects.get(kind=AuditKind.DENIED).detail["reason"] == "not_connected"


def test_one_that_lives_longer_than_is_granted_is_refused(hand_in, issue, at):
    hand_in(expires_in=7200)
    Rule.objects.update(maximum_lifetime=3600)
    assert reason_of(lambda: issue(at=at)) == "lifetime_not_granted"
    assert issue(at=at + HOUR).token.reveal() == "access-1"


def test_a_refused_one_is_not_charged(hand_in, issue, at):
    Rule.objects.update(limit=1, window=3600)
    for _ in range(3):
        assert reason_of(lambda: issue(at=at)) == "not_connected"
    assert RuleWindow.objects.get().used == 0
    hand_in()
    assert issue(at=at).token.reveal() == "access-1"


def test_nobody_names_its_lifetime(hand_in, issue, at):
    hand_in()
    with pytest.raises(BadGrant, match="the vendor sets it"):
        issue(at=at, lifetime=60)


def test_it_may_be_explained_without_a_certificate(connectify, hand_in, person, at):
    hand_in()
    Certificate.objects.all().delete()
    assert explaining.explain(person, "connectify", body={}, at=at).allowed


def test_a_hosts_transaction_gets_none(hand_in, issue, at):
    hand_in()
    with transaction.atomic(), pytest.raises(OpenTransaction):
        issue(at=at)


@pytest.mark.parametrize("ended", ["user", "application"])
def test_what_was_ended_is_connected_again(hand_in, issue, site, user, connectify, at, ended):
    hand_in()
    if ended == "user":
        revoking.revoke_user(site, user, reason="lost", at=at)
    else:
        revoking.revoke_application(site, connectify, reason="leak", at=at)
    assert reason_of(lambda: issue(at=at)) == "connect_again"
    hand_in()
    assert issue(at=at).token.reveal() == "access-1"


def test_what_has_expired_is_connected_again(hand_in, issue, vendor, at):
    hand_in(refresh_expires_in=86400)
    assert reason_of(lambda: issue(at=at + timedelta(days=1))) == "connect_again"
    assert vendor.asked == []


# What was revoked


def end_token(site, connectify, made, at):
    revoking.revoke_any(site, made.token_id, reason="leaked", at=at)


def end_resource(site, connectify, made, at):
    revoking.revoke_resource(site, connectify, "", reason="leaked", at=at)


@pytest.fixture(params=[end_token, end_resource])
def end(request, site, connectify, at):
    return lambda made: request.param(site, connectify, made, at)


def test_what_was_revoked_is_renewed_before_anything_is_handed_out(hand_in, issue, end, vendor, at):
    hand_in()
    end(issue(at=at))
    for _ in range(2):
        assert issue(at=at).token.reveal() == "access-2"
    assert len(vendor.asked) == 1


def test_what_was_revoked_is_handed_out_no_more_when_the_vendor_is_down(hand_in, issue, end, vendor, at):
    hand_in()
    end(issue(at=at))
    vendor.will(GARBAGE)
    for _ in range(2):
        with pytest.raises(VendorUnavailable):
            issue(at=at)
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("refresh_token", [None, "refresh-1"])
def test_what_was_revoked_and_comes_again_is_connected_again(hand_in, issue, end, vendor, at, refresh_token):
    hand_in(refresh_token=refresh_token)
    end(issue(at=at))
    vendor.will(in_json({"access_token": "access-1", "expires_in": 3600}))
    assert reason_of(lambda: issue(at=at)) == "connect_again"
    hand_in(access_token="access-9")
    assert issue(at=at).token.reveal() == "access-9"


def test_the_same_text_revoked_at_another_application_is_another_token(hand_in, issue, site, at):
    hand_in()
    IssuedTokenFactory(digest=digests.digest("access-1"), revoked_at=at)
    assert issue(at=at).token.reveal() == "access-1"


# Renewing


def test_it_is_renewed_early_and_kept(hand_in, issue, vendor, at):
    hand_in()
    assert issue(at=at + EARLY - timedelta(microseconds=1)).token.reveal() == "access-1"
    made = issue(at=at + EARLY)
    assert (made.token.reveal(), made.expires_at) == ("access-2", at + EARLY + HOUR)
    assert stored() == (2, "access-2", "refresh-2")
    assert issue(at=at + EARLY).token.reveal() == "access-2"
    assert len(vendor.asked) == 1


def test_a_short_one_is_renewed_a_tenth_of_its_life_early(hand_in, issue, vendor, at):
    hand_in(expires_in=100)
    assert issue(at=at + timedelta(seconds=89)).token.reveal() == "access-1"
    assert issue(at=at + timedelta(seconds=90)).token.reveal() == "access-2"


def test_the_margin_is_of_the_life_of_the_token_that_it_is_now(hand_in, issue, vendor, at):
    hand_in()
    vendor.will(in_json({"access_token": "short", "expires_in": 100}))
    assert issue(at=at + EARLY).token.reveal() == "short"
    assert issue(at=at + EARLY + timedelta(seconds=89)).token.reveal() == "short"
    assert issue(at=at + EARLY + timedelta(seconds=91)).token.reveal() == "access-3"
    assert vendor.forms[1]["refresh_token"] == "refresh-1"


def test_what_is_sent_is_what_the_standard_says(hand_in, issue, vendor, at):
    hand_in()
    issue(at=at + EARLY)
    asked = vendor.asked[0]
    assert (asked.method, asked.path) == ("POST", "/oauth/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert vendor.forms == [{"grant_type": "refresh_token", "refresh_token": "refresh-1"}]
    # Encoded as in a form, and only then as Basic has it: RFC 6749 section 2.3.1.
    scheme, _, text = asked.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(text)) == ("Basic", b"site-1:s3cret%2Fof%3Aours")


def set_options(**options):
    application = Application.objects.get()
    Application.objects.update(options={**application.options, **options})


def test_a_client_may_say_who_it_is_in_the_form(hand_in, issue, vendor, at):
    set_options(client_authentication="body", scope="read write")
    hand_in()
    issue(at=at + EARLY)
    assert "authorization" not in vendor.asked[0].headers
    assert vendor.forms[0] == {
        "grant_type": "refresh_token", "refresh_token": "refresh-1", "scope": "read write",
        "client_id": "site-1", "client_secret": SECRET,
    }  # fmt: skip


def test_a_public_client_has_no_secret(hand_in, issue, vendor, at):
    set_options(client_authentication="none")
    Certificate.objects.all().delete()
    hand_in()
    issue(at=at + EARLY)
    assert vendor.forms[0] == {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "site-1"}


def test_a_vendor_without_a_new_refresh_token_leaves_the_old_one(hand_in, issue, vendor, at):
    """RFC 6749 section 6."""
    hand_in(refresh_expires_in=86400)
    vendor.will(in_json({"access_token": "access-2", "token_type": "bearer", "expires_in": "1800"}))
    assert issue(at=at + EARLY).expires_at == at + EARLY + timedelta(minutes=30)
    assert stored() == (2, "access-2", "refresh-1")
    assert VendorPair.objects.get().refresh_expires_at == at + timedelta(days=1)


def test_a_vendor_that_says_nothing_of_its_life_means_the_option(hand_in, issue, vendor, at):
    set_options(access_lifetime=120)
    hand_in(expires_in=3600)
    vendor.will(in_json({"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 0}))
    assert issue(at=at + EARLY).expires_at == at + EARLY + timedelta(minutes=2)
    assert timedelta(0) <= VendorPair.objects.get().ends_at - (at + EARLY + pair_rows.UNSAID) < timedelta(minutes=1)


@pytest.mark.parametrize("life", ["soon", 1e300, 2147483647, -1, True, [3600], "9" * 11])
def test_a_life_that_cannot_be_spoils_no_tokens(hand_in, issue, vendor, at, life):
    """The old refresh token may be spent by now."""
    set_options(access_lifetime=120)
    hand_in()
    told = {"expires_in": life, "refresh_expires_in": life}
    vendor.will(in_json({"access_token": "access-2", "refresh_token": "refresh-2", **told}))
    assert issue(at=at + EARLY).expires_at == at + EARLY + timedelta(minutes=2)
    assert (stored(), VendorPair.objects.get().refresh_expires_at) == ((2, "access-2", "refresh-2"), None)


@pytest.mark.parametrize("refresh", ["", None, 7, "two\nlines", "x" * 7001])
def test_what_is_no_refresh_token_leaves_the_old_one(hand_in, issue, vendor, at, refresh):
    hand_in()
    vendor.will(in_json({"access_token": "access-2", "refresh_token": refresh}))
    assert issue(at=at + EARLY).token.reveal() == "access-2"
    assert stored() == (2, "access-2", "refresh-1")


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "access-SEKRET", "refresh_token": "refresh-SEKRET", "token_type": "mac"},
        {"access_token": "", "refresh_token": "refresh-SEKRET"},
        {"access_token": ["SEKRET"], "refresh_token": "refresh-SEKRET"},
    ],
)
def test_no_frame_of_its_failure_shows_what_the_vendor_gave(hand_in, issue, vendor, at, answer):
    """Reporters of errors print every local variable."""
    hand_in(refresh_token="old-SEKRET")
    vendor.will(in_json(answer))
    with pytest.raises(VendorUnavailable) as caught:
        issue(at=at + HOUR)
    assert "SEKRET" not in frames_of(caught.value)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_vendor_is_asked(hand_in, issue, vendor, at):
    """Somebody else can write meanwhile: on SQLite, too, whose only writer is free."""
    hand_in()
    vendor.while_asked = lambda: Rule.objects.update(priority=7)
    assert issue(at=at + EARLY).token.reveal() == "access-2"
    assert Rule.objects.get().priority == 7


# What a vendor does wrong


def test_a_pair_that_the_vendor_refuses_is_connected_again(hand_in, issue, vendor, user, at):
    hand_in(device="work")
    vendor.will(NO)
    for _ in range(2):
        assert reason_of(lambda: issue(at=at + HOUR, device="work")) == "connect_again"
    assert len(vendor.asked) == 1
    row = VendorPair.objects.get()
    assert (row.standing(at + HOUR), row.reason) == (
        PairStanding.REFUSED,
        "The vendor renews it no more (invalid_grant).",
    )
    event = AuditEvent.objects.get(kind=AuditKind.PAIR_REFUSED)
    assert (event.user, event.detail) == (user, {"device": "work", "reason": row.reason})
    assert not AuditEvent.objects.filter(kind=AuditKind.VENDOR_FAILED).exists()


def test_what_the_vendor_refuses_is_handed_out_while_it_lives(hand_in, issue, vendor, at):
    """It says nothing of the access token; and the no may be of the site's own making."""
    hand_in()
    vendor.will(NO)
    for _ in range(2):
        assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert reason_of(lambda: issue(at=at + HOUR)) == "connect_again"
    assert (len(vendor.asked), AuditEvent.objects.filter(kind=AuditKind.PAIR_REFUSED).count()) == (1, 1)


def test_what_was_refused_and_ended_is_handed_to_nobody(hand_in, issue, vendor, site, user, at):
    hand_in()
    vendor.will(NO)
    issue(at=at + EARLY)
    revoking.revoke_user(site, user, reason="lost", at=at)
    assert reason_of(lambda: issue(at=at + EARLY)) == "connect_again"


def test_what_was_refused_and_revoked_is_handed_out_no_more(hand_in, issue, vendor, site, person, at):
    hand_in()
    vendor.will(NO)
    made = issue(at=at + EARLY)
    revoking.revoke_any(site, made.token_id, reason="leaked", at=at)
    assert reason_of(lambda: issue(at=at + EARLY)) == "connect_again"
    assert not explaining.explain(person, "connectify", body={}, at=at + EARLY).allowed
    assert len(vendor.asked) == 1


def test_what_was_refused_for_the_sites_own_mistake_is_tried_again(hand_in, issue, vendor, site, at):
    hand_in()
    vendor.will(NO)
    assert reason_of(lambda: issue(at=at + HOUR)) == "connect_again"
    row = VendorPair.objects.get()
    assert pairs.try_again(site, row, at=at + HOUR)
    assert issue(at=at + HOUR).token.reveal() == "access-3"
    assert not pairs.try_again(site, row, at=at + HOUR)


def test_only_what_was_refused_is_tried_again(hand_in, site, at):
    row = hand_in()
    assert not pairs.try_again(site, row, at=at)
    VendorPair.objects.update(refused_at=at, version=2)
    assert not pairs.try_again(site, row, at=at)
    assert VendorPair.objects.get().refused_at == at


def test_a_refused_one_is_replaced_by_connecting_again(hand_in, issue, vendor, at):
    hand_in()
    vendor.will(NO)
    reason_of(lambda: issue(at=at + HOUR))
    hand_in(access_token="access-9", at=at + HOUR)
    assert issue(at=at + HOUR).token.reveal() == "access-9"


@pytest.mark.parametrize(("reply", "reason"), TROUBLE.values(), ids=TROUBLE)
def test_while_the_old_one_lives_it_is_handed_out(hand_in, issue, vendor, at, reply, reason):
    hand_in()
    vendor.will(reply)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert stored() == (1, "access-1", "refresh-1")
    event = AuditEvent.objects.get(kind=AuditKind.VENDOR_FAILED)
    assert (event.detail["reason"], event.count) == (reason, 1)


@pytest.mark.parametrize(("reply", "reason"), TROUBLE.values(), ids=TROUBLE)
def test_when_it_is_over_the_vendor_is_unavailable(hand_in, issue, vendor, at, reply, reason):
    hand_in()
    vendor.will(reply)
    with pytest.raises(VendorUnavailable) as caught:
        issue(at=at + HOUR)
    assert caught.value.reason == reason
    assert "refresh-1" not in str(caught.value)
    assert not IssuedToken.objects.exists()
    event = AuditEvent.objects.get(kind=AuditKind.VENDOR_FAILED)
    assert (event.detail["reason"], event.count) == (reason, 1)


def test_a_vendor_that_hangs_is_left_alone_in_time(hand_in, issue, vendor, at, monkeypatch):
    send = transport.send
    monkeypatch.setattr(transport, "send", lambda request, deadline: send(request, deadline=0.3))
    hand_in()
    vendor.will(Silence.HANG)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert AuditEvent.objects.get(kind=AuditKind.VENDOR_FAILED).detail["reason"] == "timed_out"


def test_a_vendor_that_is_not_there_is_unavailable(hand_in, issue, vendor, at):
    set_options(token_url="http://127.0.0.1:1/token")
    hand_in()
    with pytest.raises(VendorUnavailable) as caught:
        issue(at=at + HOUR)
    assert caught.value.reason == "unreachable"


def test_what_expired_while_the_vendor_was_asked_is_handed_out_no_more(hand_in, issue, vendor, at):
    hand_in()
    vendor.will(GARBAGE)
    vendor.while_asked = lambda: time.sleep(0.4)
    with pytest.raises(VendorUnavailable):
        issue(at=at + HOUR - timedelta(seconds=0.3))


def test_a_failure_is_shared_for_a_moment(hand_in, issue, vendor, at):
    """A vendor that is down is not asked by everybody who comes."""
    hand_in()
    vendor.will(GARBAGE, GARBAGE)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert issue(at=at + EARLY + timedelta(seconds=2)).token.reveal() == "access-1"
    assert len(vendor.asked) == 1
    assert timedelta(seconds=1) < left_of_the_lease() <= renewing.COOL_DOWN
    over_in(timedelta(0))
    for _ in range(2):
        with pytest.raises(VendorUnavailable) as caught:
            issue(at=at + HOUR)
        assert caught.value.reason == "garbled"
    assert len(vendor.asked) == 2
    over_in(timedelta(0))
    assert issue(at=at + HOUR).token.reveal() == "access-4"


def test_without_a_secret_nothing_is_sent_and_the_lease_is_given_back(hand_in, issue, vendor, at):
    hand_in()
    Certificate.objects.all().delete()
    with pytest.raises(NoActiveCertificate, match="'call'"):
        issue(at=at + HOUR)
    assert vendor.asked == []
    assert VendorPair.objects.get().leased_until is None


def lose_the_secret():
    Certificate.objects.all().delete()


def break_the_seal():
    Certificate.objects.update(sealed_secret=b"broken")


@pytest.mark.parametrize("break_it", [lose_the_secret, break_the_seal])
def test_while_the_old_one_lives_it_is_handed_out_by_a_site_that_cannot_ask(hand_in, issue, vendor, at, break_it):
    hand_in()
    break_it()
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    event = AuditEvent.objects.get(kind=AuditKind.VENDOR_FAILED)
    assert (event.detail["reason"], event.count, vendor.asked) == ("unconfigured", 1, [])
    assert VendorPair.objects.get().leased_until is None


def test_a_manual_refresh_of_a_site_that_cannot_ask_says_so(hand_in, site, at):
    hand_in()
    lose_the_secret()
    with pytest.raises(NoActiveCertificate):
        pairs.refresh(site, "connectify", body={}, at=at)


def test_one_without_a_refresh_token_lives_to_its_end(hand_in, issue, vendor, at):
    hand_in(refresh_token=None)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert reason_of(lambda: issue(at=at + HOUR)) == "connect_again"
    assert vendor.asked == []


# Somebody else meanwhile


@pytest.mark.django_db(transaction=True)
def test_what_is_connected_meanwhile_counts(hand_in, issue, vendor, at):
    """The vendor's answer to the old pair is not written over the new one."""
    hand_in()
    vendor.while_asked = lambda: VendorPair.objects.update(version=2, access_expires_at=at + 3 * HOUR)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert VendorPair.objects.get().version == 2


@pytest.mark.django_db(transaction=True)
def test_a_refusal_of_what_was_replaced_meanwhile_is_none(hand_in, issue, vendor, at):
    hand_in()
    vendor.will(NO)
    vendor.while_asked = lambda: VendorPair.objects.update(version=2, access_expires_at=at + 3 * HOUR)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert VendorPair.objects.get().refused_at is None
    assert not AuditEvent.objects.filter(kind=AuditKind.PAIR_REFUSED).exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_forgotten_meanwhile_is_gone(hand_in, issue, vendor, at):
    hand_in()
    vendor.while_asked = lambda: VendorPair.objects.all().delete()
    assert reason_of(lambda: issue(at=at + EARLY)) == "not_connected"


@pytest.mark.django_db(transaction=True)
def test_what_is_ended_meanwhile_is_handed_to_nobody(hand_in, issue, vendor, site, user, at):
    hand_in()
    vendor.while_asked = lambda: revoking.revoke_user(site, user, reason="lost", at=at)
    with pytest.raises(PolicyDenied):
        issue(at=at + EARLY)


def test_while_somebody_renews_the_others_have_the_old_one(hand_in, issue, vendor, at):
    hand_in()
    over_in(timedelta(seconds=5))
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    assert vendor.asked == []


def test_whose_renewer_died_asks_when_the_lease_is_over(hand_in, issue, vendor, at):
    hand_in()
    over_in(timedelta(0))
    assert issue(at=at + HOUR).token.reveal() == "access-2"


def test_whoever_has_no_living_one_waits_for_the_lease_to_run_out(hand_in, issue, vendor, at):
    hand_in()
    over_in(timedelta(seconds=0.4))
    assert issue(at=at + HOUR).token.reveal() == "access-2"


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_as_long_as_it_is_whatever_the_request_took_before(hand_in, issue, vendor, at):
    """A site's policy may take longer than a lease: then the lease would have run out before it began."""
    hand_in()
    leases = []
    vendor.while_asked = lambda: leases.append(left_of_the_lease())
    issue(at=at + EARLY)
    assert renewing.LEASE - timedelta(seconds=2) < leases[0] <= renewing.LEASE


def test_a_lease_is_longer_than_its_call_and_shorter_than_the_vendors_grace():
    call = timedelta(seconds=renewing.DEADLINE)
    assert call + timedelta(seconds=3) < renewing.LEASE <= Conf().refresh_grace - timedelta(seconds=2)


@pytest.mark.django_db(transaction=True)
def test_whose_lease_ran_out_gives_back_nobody_elses(hand_in, issue, vendor, at):
    hand_in()
    vendor.will(GARBAGE)
    theirs = timezone.now() + timedelta(minutes=1)
    vendor.while_asked = lambda: VendorPair.objects.update(leased_until=theirs)
    assert issue(at=at + EARLY).token.reveal() == "access-1"
    row = VendorPair.objects.get()
    assert (row.leased_until, row.reason) == (theirs, "")


@pytest.mark.django_db(transaction=True)
def test_whose_lease_ran_out_but_was_given_a_pair_takes_the_others_refusal_back(hand_in, issue, vendor, at):
    """The other one asked with what had just been spent."""
    hand_in()
    vendor.while_asked = lambda: VendorPair.objects.update(refused_at=at, reason="The vendor renews it no more.")
    assert issue(at=at + EARLY).token.reveal() == "access-2"
    row = VendorPair.objects.get()
    assert (row.standing(at + EARLY), row.refused_at, row.reason) == (PairStanding.LIVE, None, "")
    assert issue(at=at + EARLY).token.reveal() == "access-2"


# By hand


def test_a_manual_refresh_renews_also_what_is_fresh(hand_in, site, vendor, at):
    hand_in(device="work")
    row = pairs.refresh(site, "connectify", body={"device": "work"}, at=at + timedelta(seconds=20))
    assert (row.version, row.renewed_at > at) == (2, True)
    assert stored() == (2, "access-2", "refresh-2")


def test_a_manual_refresh_of_what_was_just_renewed_asks_nobody(hand_in, site, vendor, at):
    hand_in()
    for seconds, asked in ((20, 1), (25, 1), (31, 2)):
        pairs.refresh(site, "connectify", body={}, at=at + timedelta(seconds=seconds))
        assert len(vendor.asked) == asked


def test_a_manual_refresh_tells_of_failures(hand_in, site, vendor, at):
    hand_in()
    vendor.will(GARBAGE)
    for _ in range(2):
        with pytest.raises(VendorUnavailable):
            pairs.refresh(site, "connectify", body={}, at=at)
    assert len(vendor.asked) == 1
    assert AuditEvent.objects.get(kind=AuditKind.VENDOR_FAILED).count == 2


def test_a_manual_refresh_of_a_refused_pair_says_connect_again(hand_in, site, vendor, at):
    hand_in()
    vendor.will(NO)
    assert reason_of(lambda: pairs.refresh(site, "connectify", body={}, at=at)) == "connect_again"


def test_a_manual_refresh_without_a_refresh_token_says_connect_again(hand_in, site, vendor, at):
    hand_in(refresh_token=None)
    assert reason_of(lambda: pairs.refresh(site, "connectify", body={}, at=at)) == "connect_again"


def test_a_manual_refresh_takes_a_device_and_nothing_else(hand_in, site, at):
    hand_in()
    with pytest.raises(BadGrant) as caught:
        pairs.refresh(site, "connectify", body={"device": "x" * 65, "all": True}, at=at)
    assert set(caught.value.fields) == {"device", "all"}


def test_a_manual_refresh_is_policys_business(hand_in, site, vendor, at):
    hand_in()
    Rule.objects.all().delete()
    assert reason_of(lambda: pairs.refresh(site, "connectify", body={}, at=at)) == "no_rule"
    assert vendor.asked == []


def test_a_vendors_application_without_pairs_has_nothing_to_refresh(rooms, user, at):
    with pytest.raises(NotFound):
        pairs.refresh(caller(user), "rooms", body={}, at=at)


# Explaining


def test_explaining_looks_for_the_pair_and_asks_no_vendor(hand_in, person, connectify, vendor, at):
    def explained(later=timedelta(0)):
        told = explaining.explain(person, "connectify", body={}, at=at + later)
        return told.allowed, told.reason

    assert explained() == (False, "not_connected")
    hand_in(refresh_expires_in=7200)
    assert explained() == explained(HOUR) == (True, "")
    assert explained(2 * HOUR) == (False, "connect_again")
    Rule.objects.update(maximum_lifetime=60)
    assert explained() == (False, "lifetime_not_granted")
    Rule.objects.update(maximum_lifetime=None)
    made = issuing.issue(person, "connectify", body={}, at=at)
    revoking.revoke_own(person, made.token_id, reason="lost", at=at)
    assert explained() == (True, "")
    VendorPair.objects.update(sealed_refresh=None)
    assert explained() == (False, "connect_again")
    IssuedToken.objects.all().delete()
    assert (explained(EARLY), explained(HOUR)) == ((True, ""), (False, "connect_again"))
    VendorPair.objects.update(refused_at=at)
    assert (explained(), explained(HOUR)) == ((True, ""), (False, "connect_again"))
    assert vendor.asked == []
