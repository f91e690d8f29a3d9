"""A pair lives on: the next refresh token and a new access token, once; twice only for who asks again at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from tests.factories import AT, UserFactory, caller
from tests.statements import counted
from token_issuer import signals
from token_issuer.crypto import refresh_texts
from token_issuer.errors import TokenRejected
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, TokenFamily
from token_issuer.services import closing, issuing, refreshing, revoking, verifying
from token_issuer.services.presenting import Presenter
from token_issuer.services.transactions import OpenTransaction

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
GRACE = timedelta(seconds=10)
SOON = AT + timedelta(minutes=5)


@pytest.fixture
def pair(passes, user):
    """An access token with its refresh token, made at ``AT``."""
    return issuing.issue(caller(user, origin=Origin.BEARER), "passes", body={"words": ["read", "write"]}, at=AT)


@pytest.fixture
def grace(settings):
    def grace(seconds: int):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REFRESH_GRACE": seconds}

    return grace


@pytest.fixture
def told():
    """The endings that receivers were told of."""
    seen: list[tuple[str, str, object]] = []

    def receive(kind, reason, revoked_by, **kwargs):
        seen.append((kind, reason, revoked_by))

    signals.token_revoked.connect(receive)
    yield seen
    signals.token_revoked.disconnect(receive)


def text_of(issuance) -> str:
    return issuance.pair.refresh_token.reveal()


def generation_of(issuance) -> int:
    presented = refresh_texts.read(issuance.pair.refresh_token)
    assert presented is not None
    return presented.generation


def refreshed(text: str, at, **how):
    return refreshing.refresh(text, at=at, **how)


def verdict_of(text: str, at, **how) -> str:
    with pytest.raises(TokenRejected, match=r"^The token is not valid\.$") as refusal:
        refreshing.refresh(text, at=at, **how)
    return refusal.value.verdict


def is_good(issuance, at) -> bool:
    try:
        verifying.verify(issuance.token.reveal(), at=at)
    except TokenRejected:
        return False
    return True


# What comes out


def test_a_refresh_answers_a_new_pair(pair):
    made = refreshed(text_of(pair), SOON)
    assert made.token_id != pair.token_id
    assert generation_of(made) == 1
    assert made.grant == pair.grant
    assert (made.issued_at, made.expires_at) == (SOON, SOON + timedelta(seconds=600))
    assert is_good(made, SOON)


def test_the_earlier_access_token_runs_to_its_expiry(pair):
    refreshed(text_of(pair), SOON)
    assert is_good(pair, SOON)


def test_the_row_tells_where_the_token_comes_from(pair, user):
    circumstances = caller(user, origin=Origin.REFRESH, ip="192.0.2.7", user_agent="an app", request_id="r-1")
    made = refreshed(text_of(pair), SOON, by=Presenter(circumstances=circumstances))
    row = IssuedToken.objects.get(pk=made.token_id)
    assert (row.family_id, row.generation, row.origin) == (TokenFamily.objects.get().pk, 1, Origin.REFRESH)
    assert (row.user, row.subject, row.privileges) == (user, pair.grant.subject, ["read", "write"])
    assert (row.ip, row.user_agent, row.request_id) == ("192.0.2.7", "an app", "r-1")
    assert row.decision.startswith("rule:")


def test_the_signal_tells_the_door(pair):
    doors = []

    def receive(origin, **kwargs):
        doors.append(origin)

    signals.token_issued.connect(receive)
    try:
        refreshed(text_of(pair), SOON)
        refreshed(text_of(pair), SOON + SECOND)
    finally:
        signals.token_issued.disconnect(receive)
    assert doors == ["refresh", "refresh_retry"]


def test_a_family_stores_no_text_and_does_not_grow(pair):
    text = text_of(pair)
    for day in range(1, 6):
        text = text_of(refreshed(text, AT + day * DAY))
    family = TokenFamily.objects.get()
    assert family.generation == 5
    assert not any(text in str(value) for value in vars(family).values())


# What it costs


def test_a_refresh_is_five_statements(pair):
    text = text_of(pair)
    with counted(5):
        refreshed(text, SOON)


def test_a_retry_is_five_statements(pair):
    refreshed(text_of(pair), SOON)
    with counted(5):
        refreshed(text_of(pair), SOON)


def test_without_grace_it_is_four(pair, grace):
    grace(0)
    with counted(4):
        refreshed(text_of(pair), SOON)


@pytest.mark.parametrize("text", ["", "tir_", "x" * 20_000, "tio_abc", "tir_" + "A" * 80, "tir_é", "\0"])
def test_garbage_costs_no_query(text, db):
    with counted(0):
        assert verdict_of(text, AT) == "malformed"


def test_one_changed_character_costs_no_query(pair):
    text = text_of(pair)
    with counted(0):
        verdict_of(text[:-12] + ("A" if text[-12] != "A" else "B") + text[-11:], SOON)


@pytest.mark.parametrize("other", ["token", "sdk"])
def test_another_kind_of_token_is_refused(pair, other):
    assert verdict_of(pair.token.reveal() if other == "token" else "pass.e30.00", SOON) == "malformed"


def test_a_family_that_is_gone_is_unknown(pair):
    IssuedToken.objects.all().delete()
    TokenFamily.objects.all().delete()
    assert verdict_of(text_of(pair), SOON) == "unknown"


def test_a_family_of_another_key_does_not_know_it(pair):
    TokenFamily.objects.update(mac_key_id="test1")
    assert verdict_of(text_of(pair), SOON) == "unknown"


# Once, and again at once


def test_a_retry_gets_the_same_refresh_token_and_a_token_of_its_own(pair):
    first = refreshed(text_of(pair), SOON)
    again = refreshed(text_of(pair), SOON + GRACE - timedelta(microseconds=1))
    assert text_of(again) == text_of(first)
    assert again.token_id != first.token_id
    assert [*IssuedToken.objects.order_by("pk").values_list("origin", "generation")] == [
        ("bearer", 0),
        ("refresh", 1),
        ("refresh_retry", 1),
    ]


def test_a_retry_moves_no_deadline(pair):
    refreshed(text_of(pair), SOON)
    before = TokenFamily.objects.values("rotated_at", "idle_expires_at", "generation").get()
    refreshed(text_of(pair), SOON + 9 * SECOND)
    assert TokenFamily.objects.values("rotated_at", "idle_expires_at", "generation").get() == before


def test_retrying_does_not_keep_a_token_alive(pair):
    """The grace counts from the rotation, once: every nine seconds is no way to go on."""
    refreshed(text_of(pair), SOON)
    refreshed(text_of(pair), SOON + 9 * SECOND)
    assert verdict_of(text_of(pair), SOON + 18 * SECOND) == "reuse"


def test_a_second_use_after_the_grace_ends_everything(pair, told):
    made = refreshed(text_of(pair), SOON)
    assert verdict_of(text_of(pair), SOON + GRACE) == "reuse"
    assert verdict_of(text_of(made), SOON + GRACE) == "ended"
    assert not is_good(made, SOON + GRACE)
    assert not is_good(pair, SOON + GRACE)
    assert told == [("family", "reuse", None)]


def test_reuse_is_one_event(pair, user, passes):
    refreshed(text_of(pair), SOON)
    circumstances = caller(user, origin=Origin.REFRESH, ip="192.0.2.9")
    for _ in range(3):
        verdict_of(text_of(pair), SOON + GRACE, by=Presenter(circumstances=circumstances))
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application) == (AuditKind.REFRESH_REUSED, user, passes)
    assert (event.family, event.ip) == (TokenFamily.objects.get(), "192.0.2.9")
    assert event.detail == {"reason": "reuse", "of": pair.grant.subject, "generation": 1}


def test_reuse_is_one_warning_in_a_sentence(pair, caplog):
    refreshed(text_of(pair), SOON)
    for _ in range(2):
        verdict_of(text_of(pair), SOON + GRACE)
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert (warning.name, warning.getMessage()) == (
        "token_issuer.security",
        "a token family of passes was closed: reuse",
    )


def test_the_family_says_when_and_why_it_was_closed(pair):
    refreshed(text_of(pair), SOON)
    verdict_of(text_of(pair), SOON + GRACE)
    family = TokenFamily.objects.get()
    assert (family.closed_at, family.reason) == (SOON + GRACE, "reuse")


def test_without_grace_a_second_use_is_reuse_at_once(pair, grace):
    grace(0)
    refreshed(text_of(pair), SOON)
    assert verdict_of(text_of(pair), SOON) == "reuse"


@pytest.mark.parametrize("generation", range(5))
def test_of_a_chain_of_five_any_earlier_one_ends_it(pair, generation):
    made = [pair]
    for minute in range(1, 6):
        made.append(refreshed(text_of(made[-1]), AT + timedelta(minutes=minute)))
    late = AT + timedelta(minutes=6)
    assert verdict_of(text_of(made[generation]), late) == "reuse"
    assert [is_good(issuance, late) for issuance in made] == [False] * 6
    assert verdict_of(text_of(made[-1]), late) == "ended"


def test_the_grace_never_outlives_an_ending(pair, user):
    refreshed(text_of(pair), SOON)
    closing.close_family(caller(user), TokenFamily.objects.get(), reason="", at=SOON)
    assert verdict_of(text_of(pair), SOON + SECOND) == "ended"


# How long


def test_a_hundred_refreshes_do_not_move_the_end(pair):
    text, step = text_of(pair), timedelta(days=29) / 100
    for number in range(1, 101):
        made = refreshed(text, AT + number * step)
        text = text_of(made)
    assert made.pair.expires_at == AT + 30 * DAY
    assert text_of(refreshed(text, AT + 30 * DAY - SECOND))
    assert verdict_of(text, AT + 30 * DAY + SECOND) == "ended"


def test_at_its_end_a_family_is_over(pair):
    text = text_of(refreshed(text_of(pair), AT + 13 * DAY))
    text = text_of(refreshed(text, AT + 26 * DAY))
    assert verdict_of(text, AT + 30 * DAY) == "ended"


def test_an_idle_family_is_over(pair):
    assert verdict_of(text_of(pair), AT + 14 * DAY) == "ended"


def test_a_refresh_is_no_idleness(pair):
    text = text_of(refreshed(text_of(pair), AT + 14 * DAY - SECOND))
    assert refreshed(text, AT + 27 * DAY)


def test_a_past_end_is_no_reuse(pair):
    refreshed(text_of(pair), SOON)
    verdict_of(text_of(pair), AT + 31 * DAY)
    assert TokenFamily.objects.get().closed_at is None
    assert not AuditEvent.objects.exists()


# What may happen around it


def test_a_restored_database_closes_the_family(pair, told):
    """The record is older than the token: what was refreshed since the backup is not known any more."""
    made = refreshed(refreshed(text_of(pair), SOON).pair.refresh_token.reveal(), SOON + SECOND)
    TokenFamily.objects.update(generation=0, rotated_at=None)
    assert verdict_of(text_of(made), SOON + 2 * SECOND) == "ahead_of_record"
    assert TokenFamily.objects.get().reason == "ahead_of_record"
    assert AuditEvent.objects.get().kind == AuditKind.FAMILY_CLOSED
    assert told == [("family", "ahead_of_record", None)]


@pytest.mark.django_db(transaction=True)
def test_inside_a_hosts_transaction_it_refuses(pair):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        refreshed(text_of(pair), SOON)
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.django_db(transaction=True)
def test_an_answer_lost_after_the_commit_is_asked_for_again(pair, monkeypatch):
    commit = connection.commit

    def cut() -> None:
        commit()
        monkeypatch.undo()
        raise OperationalError(2013, "Lost connection during query")

    monkeypatch.setattr(connection, "commit", cut)
    with pytest.raises(OperationalError):
        refreshed(text_of(pair), SOON)
    again = refreshed(text_of(pair), SOON + SECOND)
    assert generation_of(again) == TokenFamily.objects.get().generation == 1
    assert is_good(again, SOON + SECOND)


@pytest.mark.django_db(transaction=True)
def test_without_grace_a_lost_answer_is_lost(pair, grace, monkeypatch):
    grace(0)
    commit = connection.commit

    def cut() -> None:
        commit()
        monkeypatch.undo()
        raise OperationalError(2013, "Lost connection during query")

    monkeypatch.setattr(connection, "commit", cut)
    with pytest.raises(OperationalError):
        refreshed(text_of(pair), SOON)
    assert verdict_of(text_of(pair), SOON + SECOND) == "reuse"


def test_what_cannot_be_written_consumes_nothing(pair):
    """The INSERT fails: the head stays where it was, so that a client may come again."""

    def fail(execute, sql, params, many, context):
        if sql.startswith("INSERT"):
            raise OperationalError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        refreshed(text_of(pair), SOON)
    assert TokenFamily.objects.get().generation == 0
    assert refreshed(text_of(pair), AT + DAY)


def between(work):
    """Run ``work`` once, after the family was looked at and before its successor is claimed."""
    done: list[str] = []

    def wrapper(execute, sql, params, many, context):
        if "token_issuer_rule" in sql and not done:
            done.append(sql)
            work()
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrapper)


def test_somebody_else_was_faster(pair):
    """Between the look and the claim: within the grace both get the same."""
    others = []

    with between(lambda: others.append(refreshed(text_of(pair), SOON))):
        made = refreshed(text_of(pair), SOON + SECOND)
    assert text_of(made) == text_of(others[0])
    assert IssuedToken.objects.get(pk=made.token_id).origin == Origin.REFRESH_RETRY


def test_without_grace_somebody_else_was_faster(pair, grace, told):
    grace(0)
    with between(lambda: refreshed(text_of(pair), SOON)):
        assert verdict_of(text_of(pair), SOON) == "reuse"
    assert told == [("family", "reuse", None)]


def test_it_was_closed_in_between(pair):
    with between(lambda: TokenFamily.objects.update(closed_at=SOON)):
        assert verdict_of(text_of(pair), SOON) == "ended"


def test_what_came_back_in_between_is_claimed_once_more(pair):
    """A transaction that rolls back while the statement waits leaves the family as it was."""
    family = TokenFamily.objects.filter(closed_at=None)
    moved: list[str] = []

    def wrapper(execute, sql, params, many, context):
        if not sql.startswith("UPDATE") or len(moved) > 1:
            return execute(sql, params, many, context)
        moved.append(sql)
        if len(moved) == 1:
            TokenFamily.objects.update(generation=5)
            changed = execute(sql, params, many, context)
            family.update(generation=0)
            return changed
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        made = refreshed(text_of(pair), SOON)
    assert generation_of(made) == 1
    assert IssuedToken.objects.count() == 2


def test_log_out_everywhere_in_between_ends_the_token_at_its_birth(pair, user):
    with between(lambda: revoking.revoke_user(caller(user), user, reason="", at=SOON)):
        made = refreshed(text_of(pair), SOON)
    assert not is_good(made, SOON)
    assert verdict_of(text_of(made), SOON) == "revoked"


def test_other_people_keep_theirs(pair, passes):
    other = issuing.issue(caller(UserFactory(), origin=Origin.BEARER), "passes", body={}, at=AT)
    refreshed(text_of(pair), SOON)
    verdict_of(text_of(pair), SOON + GRACE)
    assert refreshed(text_of(other), SOON + GRACE)
