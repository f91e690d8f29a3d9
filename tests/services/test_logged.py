"""Log records: readable in a site that configures no logging, and complete for one whose formatter names the keys."""

from __future__ import annotations

import logging

import pytest

from tests.factories import AT, ApplicationFactory
from token_issuer.errors import PolicyDenied, PolicyUnavailable, TokenRejected
from token_issuer.services import issuing, revoking, verifying
from token_issuer.services.logged import KEYS, facts


def fails(ask):
    raise RuntimeError("the membership table is gone")


@pytest.fixture
def unconfigured(monkeypatch):
    """Called in a test, makes it a process in which nobody has set up logging; pytest sets it up for each phase."""
    return lambda: monkeypatch.setattr(logging.root, "handlers", [])


def issue(person):
    return issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT)


def test_a_failing_policy_does_not_vanish(person, settings, unconfigured, capsys):
    unconfigured()
    ApplicationFactory(slug="rooms", ready=True)
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"rooms": f"{__name__}.fails"}}
    with pytest.raises(PolicyUnavailable):
        issue(person)
    told = capsys.readouterr().err
    assert told.startswith("the site policy for rooms failed\nTraceback")
    assert "the membership table is gone" in told


def test_a_refusal_is_a_sentence(person, unconfigured, capsys):
    unconfigured()
    ApplicationFactory(slug="rooms", ready=True)
    with pytest.raises(PolicyDenied):
        issue(person)
    assert capsys.readouterr().err == "a token for rooms was refused: no_rule\n"


def test_what_is_routine_is_not_told(person, rooms, unconfigured, capsys):
    unconfigured()
    made = issue(person)
    revoking.revoke_own(person, made.token_id, reason="lost", at=AT)
    revoking.revoke_mine(person, reason="lost", at=AT)
    with pytest.raises(TokenRejected):
        verifying.verify(made.token.reveal(), at=AT)
    assert capsys.readouterr().err == ""


def test_every_record_has_every_key(person, rooms, caplog):
    caplog.set_level("INFO", logger="token_issuer")
    made = issue(person)
    revoking.revoke_own(person, made.token_id, reason="lost", at=AT)
    with pytest.raises(TokenRejected):
        verifying.verify(made.token.reveal(), at=AT)
    rooms.rules.all().delete()
    with pytest.raises(PolicyDenied):
        issue(person)
    events = [record.event for record in caplog.records]
    assert events == ["issued", "token_revoked", "rejected", "refused"]
    assert 0 < caplog.records[0].ms < 60_000
    assert all(set(KEYS) <= set(vars(record)) for record in caplog.records)


def test_there_is_an_empty_text_where_nothing_is_said():
    assert facts("issued", ms=3) == {**dict.fromkeys(KEYS, ""), "event": "issued", "ms": 3}
