"""Using short tokens up: once, in time, for what they allow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from tests.factories import IssuedTokenFactory
from tests.statements import counted
from token_issuer.crypto import digests, opaque
from token_issuer.errors import ReadOnly, TokenRejected
from token_issuer.models import EpochKind, IssuedToken, epoch_key
from token_issuer.services import consuming, inspecting, issuing, revoking, switching, verifying
from token_issuer.services.transactions import OpenTransaction
from token_issuer.services.verified import Kind

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def issue(once, person, at):
    def issue(*, when=at, **body) -> str:
        return issuing.issue(person, "once", body=body, at=when).token.reveal()

    return issue


@pytest.fixture
def consume(at):
    def consume(text, *, when=at, safe=True, **how):
        return consuming.consume(text, at=when, safe=safe, **how)

    return consume


def refused(consume, text, verdict, **how) -> None:
    with pytest.raises(TokenRejected, match=r"^The token is not valid\.$") as refusal:
        consume(text, **how)
    assert refusal.value.verdict == verdict


def test_it_says_whose_it_is_and_what_for(consume, issue, user, at):
    found = consume(issue())
    assert (found.kind, found.user, found.access, found.one_time, found.application_slug, found.expires_at) == (
        Kind.ONE_TIME,
        user,
        "readonly",
        True,
        "once",
        at + 10 * SECOND,
    )


def test_it_is_consumed_at_that_instant(consume, issue, at):
    consume(issue(), when=at + SECOND)
    assert IssuedToken.objects.get().consumed_at == at + SECOND


def test_it_works_once(consume, issue):
    text = issue()
    consume(text)
    refused(consume, text, "consumed")


def test_it_takes_a_select_and_an_update(consume, issue):
    text = issue()
    with counted(2) as seen:
        consume(text)
    assert [statement.split()[0] for statement in seen] == ["SELECT", "UPDATE"]


def test_one_that_is_good_until_it_expires_is_only_verified(consume, issue, at):
    text = issue(one_time=False)
    with counted(1):
        consume(text)
    assert consume(text, when=at + 10 * SECOND - MICROSECOND)
    refused(consume, text, "expired", when=at + 10 * SECOND)


def test_one_that_is_good_until_it_expires_can_be_revoked(consume, issue, person, at):
    text = issue(one_time=False)
    revoking.revoke_own(person, IssuedToken.objects.get().pk, reason="", at=at)
    refused(consume, text, "revoked")


# Reading and changing


def test_a_readonly_token_changes_nothing_and_is_not_consumed(consume, issue):
    text = issue()
    with pytest.raises(ReadOnly, match="reading only") as refusal:
        consume(text, safe=False)
    assert refusal.value.code == "policy_denied"
    assert IssuedToken.objects.get().consumed_at is None
    assert consume(text, safe=True)


@pytest.mark.parametrize("safe", [True, False])
def test_a_readwrite_token_does_both(consume, issue, safe):
    assert consume(issue(access="readwrite"), safe=safe).access == "readwrite"


# Time: the deadline is exclusive, to the microsecond


@pytest.mark.parametrize("after", [0, 1, 500_000, 999_000, 999_999])
def test_a_second_is_a_second_wherever_it_begins(consume, issue, at, after):
    """Minted at x.999 it is neither dead early nor alive late."""
    start = at + timedelta(microseconds=after)
    text = issue(when=start, lifetime=1)
    refused(consume, text, "expired", when=start + SECOND)
    assert consume(text, when=start + SECOND - MICROSECOND)


# What is none


@pytest.mark.parametrize("text", ["", "tio_", "tio_" + "a" * 49, "til_" + "a" * 49, "ключ", "eyJ.e30.x", "tio_\0"])
def test_what_cannot_be_one_costs_no_statement(consume, db, text):
    with counted(0):
        refused(consume, text, "malformed")


def test_a_strangers_text_is_none(consume, db):
    refused(consume, opaque.new(opaque.SHORT_TOKEN).reveal(), "unknown")


def test_a_row_of_another_kind_is_none(consume, db):
    text = opaque.new(opaque.SHORT_TOKEN).reveal()
    IssuedTokenFactory(digest=digests.digest(text))
    refused(consume, text, "another_kind")


def test_one_of_another_application_is_not_consumed_there(consume, issue):
    text = issue()
    refused(consume, text, "another_application", application="other")
    assert consume(text, application="once")


def test_what_is_no_short_token_is_refused(consume, rooms, person, at):
    refused(consume, issuing.issue(person, "rooms", body={"roomId": "a"}, at=at).token.reveal(), "malformed")


@pytest.mark.parametrize("ended", ["user", "application", "everything"])
def test_one_of_an_ended_set_is_none(consume, issue, once, person, user, at, ended):
    text = issue()
    match ended:
        case "user":
            revoking.revoke_user(person, user, reason="", at=at)
        case "application":
            revoking.revoke_application(person, once, reason="", at=at)
        case "everything":
            revoking.raise_epoch(EpochKind.EVERYTHING, epoch_key(EpochKind.EVERYTHING), at=at)
    refused(consume, text, "revoked")


def test_a_changed_password_ends_it(consume, issue, user):
    text = issue()
    user.set_password("another horse")
    user.save()
    refused(consume, text, "password_changed")


def test_an_application_that_is_switched_off_ends_it(consume, issue, once, person, at):
    text = issue()
    switching.disable(person, once, at=at)
    refused(consume, text, "application_or_certificate_off")


def test_a_deleted_user_ends_it(consume, issue, user):
    text = issue()
    user.delete()
    refused(consume, text, "principal_gone")


# The gap between the look and the claim


@pytest.mark.parametrize("happens", ["log_out", "deactivation", "password", "disabling", "revocation", "use"])
def test_what_happens_between_looking_and_claiming_counts(
    consume, issue, once, user, person, at, happens, before_the_first
):
    text = issue()
    people, tokens = get_user_model().objects, IssuedToken.objects
    deed = {
        "log_out": lambda: revoking.raise_epoch(EpochKind.USER, person.principal_key, at=at),
        "deactivation": lambda: people.update(is_active=False),
        "password": lambda: people.update(password="changed"),
        "disabling": lambda: type(once).objects.update(disabled_at=at),
        "revocation": lambda: tokens.update(revoked_at=at),
        "use": lambda: tokens.update(consumed_at=at),
    }[happens]
    with before_the_first("UPDATE", deed):
        refused(consume, text, "consumed")


# Nothing else uses one up


def test_verifying_uses_nothing_up(issue, at):
    text = issue()
    assert verifying.verify(text, at=at).one_time
    assert verifying.verify(text, at=at).one_time


def test_inspecting_uses_nothing_up(issue, at):
    text = issue()
    inspecting.inspect(text, at=at)
    assert IssuedToken.objects.get().consumed_at is None


# Transactions


def test_inside_a_transaction_it_refuses(consume, issue):
    """A rollback would give the token back."""
    text = issue()
    with transaction.atomic(), pytest.raises(OpenTransaction, match="Put @one_time on the view, outermost"):
        consume(text)
    assert IssuedToken.objects.get().consumed_at is None
