"""The table of the states of a family: what a presented generation is worth, and the statement that acts on it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.factories import AT, TokenFamilyFactory
from tests.statements import counted
from token_issuer.models import AuditKind
from token_issuer.services.verdicts import Verdict, advance, judge

GRACE = timedelta(seconds=10)
IDLE = timedelta(days=14)
SECOND, MICRO = timedelta(seconds=1), timedelta(microseconds=1)
LATER = AT + timedelta(days=1)

# Of a family at generation 7 that was rotated at AT: what is presented, when, what is different, the verdict.
TABLE = {
    "the head": (7, AT + SECOND, {}, Verdict.ROTATE),
    "the head, long after the rotation": (7, LATER, {}, Verdict.ROTATE),
    "the predecessor within the grace": (6, AT + GRACE - MICRO, {}, Verdict.RETRY),
    "the predecessor after the grace": (6, AT + GRACE, {}, Verdict.REUSE),
    "the predecessor of a restored head": (6, AT, {"rotated_at": None}, Verdict.REUSE),
    "one before the predecessor, within the grace": (5, AT, {}, Verdict.REUSE),
    "the first of all": (0, AT, {}, Verdict.REUSE),
    "one that the record does not know yet": (8, AT, {}, Verdict.AHEAD),
    "the head of a closed family": (7, AT, {"closed_at": AT}, Verdict.ENDED),
    "the predecessor of a closed family, within the grace": (6, AT, {"closed_at": AT}, Verdict.ENDED),
    "an old one of a closed family": (1, AT, {"closed_at": AT}, Verdict.ENDED),
    "one ahead of a closed family": (9, AT, {"closed_at": AT}, Verdict.ENDED),
    "the head at its end": (7, LATER, {"expires_at": LATER, "idle_expires_at": LATER}, Verdict.ENDED),
    "the head a moment before its end": (
        7,
        LATER - MICRO,
        {"expires_at": LATER, "idle_expires_at": LATER},
        Verdict.ROTATE,
    ),
    "the head at its idle limit": (7, LATER, {"idle_expires_at": LATER}, Verdict.ENDED),
    "the head a moment before its idle limit": (7, LATER - MICRO, {"idle_expires_at": LATER}, Verdict.ROTATE),
    "the predecessor past the idle limit": (6, AT + SECOND, {"idle_expires_at": AT + SECOND}, Verdict.ENDED),
    "an old one past the end": (1, LATER, {"idle_expires_at": LATER}, Verdict.ENDED),
}


def family(**changes):
    return TokenFamilyFactory(**{"generation": 7, "rotated_at": AT, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize(("presented", "at", "changes", "verdict"), TABLE.values(), ids=TABLE)
def test_a_state_has_its_verdict(presented, at, changes, verdict):
    assert judge(family(**changes), presented, at=at, grace=GRACE) is verdict


@pytest.mark.django_db
@pytest.mark.parametrize(("presented", "at", "changes", "verdict"), TABLE.values(), ids=TABLE)
def test_the_statement_claims_what_the_verdict_allows(presented, at, changes, verdict):
    row = family(**changes)
    assert advance(row, presented, at=at, idle=IDLE, grace=GRACE) is verdict.is_good
    row.refresh_from_db()
    assert row.generation == (8 if verdict is Verdict.ROTATE else 7)


@pytest.mark.django_db
@pytest.mark.parametrize("at", [AT, AT + MICRO, AT - SECOND])
def test_without_grace_the_predecessor_is_reuse(at):
    assert judge(family(), 6, at=at, grace=timedelta(0)) is Verdict.REUSE
    assert not advance(family(), 6, at=at, idle=IDLE, grace=timedelta(0))


@pytest.mark.django_db
def test_a_rotation_moves_the_head_and_the_idle_deadline():
    row = family(replays=3)
    assert advance(row, 7, at=LATER, idle=IDLE, grace=GRACE)
    row.refresh_from_db()
    assert (row.generation, row.rotated_at, row.replays) == (8, LATER, 0)
    assert row.idle_expires_at == LATER + IDLE


@pytest.mark.django_db
def test_a_retry_counts_itself_and_moves_nothing():
    row = family()
    before = (row.generation, row.rotated_at, row.idle_expires_at)
    for count in (1, 2):
        assert advance(row, 6, at=AT + count * SECOND, idle=IDLE, grace=GRACE)
        row.refresh_from_db()
        assert ((row.generation, row.rotated_at, row.idle_expires_at), row.replays) == (before, count)


@pytest.mark.django_db
def test_the_idle_deadline_never_passes_the_end():
    row = family(idle_expires_at=AT + timedelta(days=29))
    assert advance(row, 7, at=AT + timedelta(days=28), idle=IDLE, grace=GRACE)
    row.refresh_from_db()
    assert row.idle_expires_at == row.expires_at


@pytest.mark.django_db
@pytest.mark.parametrize("grace", [GRACE, timedelta(0)])
def test_it_is_one_statement(grace):
    row = family()
    with counted(1) as statements:
        advance(row, 7, at=LATER, idle=IDLE, grace=grace)
    assigned, _, condition = statements[0].partition(" WHERE ")
    # The head comes last: MariaDB assigns from left to right, and the others read it.
    columns = re.findall(r"[`\"](\w+)[`\"] = (?=CASE|8)", assigned)
    assert columns == ["rotated_at", "replays", "idle_expires_at", "generation"]
    assert (" OR " in condition) is bool(grace)


def test_what_betrays_a_second_holder_closes():
    assert [verdict for verdict in Verdict if verdict.closes] == [Verdict.REUSE, Verdict.AHEAD]
    assert Verdict.REUSE.event is AuditKind.REFRESH_REUSED
    assert Verdict.AHEAD.event is AuditKind.FAMILY_CLOSED
