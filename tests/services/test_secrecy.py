"""What an error reporter prints of the frames that a secret or a token goes through."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.views.debug import ExceptionReporter

from tests.factories import AT, VIDEOSDK_KEY, VIDEOSDK_SECRET, ApplicationFactory, RuleFactory
from token_issuer.services import api_keys, issuing, registering, rotating
from token_issuer.services.api_key_drafts import ApiKeyDraft
from token_issuer.services.drafts import ApplicationDraft

CANARY = "canary-" + "5up3r" * 8
JWT_START = "eyJ"


class Breakdown(Exception):
    """A defect that nobody catches."""


def breaks_at_insert(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    if "INSERT INTO" in sql and any(table in sql for table in ("certificate", "issuedtoken", "apikeysecret")):
        raise Breakdown
    return execute(sql, *arguments)


def reported(deed: Callable[[], object]) -> str:
    """Every frame with its locals, as Django mails them to a site's administrators."""
    with connection.execute_wrapper(breaks_at_insert):
        try:
            deed()
        except Breakdown:
            reporter = ExceptionReporter(None, *sys.exc_info())
            return reporter.get_traceback_html() + reporter.get_traceback_text()
    pytest.fail("nothing broke")


@pytest.fixture
def rooms(db):
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


def test_a_staged_secret_is_in_no_frame(person, rooms):
    report = reported(lambda: rotating.stage(person, rooms, secret={"secret": CANARY}, at=AT))
    assert "new_certificate" in report
    assert CANARY not in report


def test_a_replacing_secret_is_in_no_frame(person, rooms):
    old = rooms.certificates.get()
    report = reported(lambda: rotating.replace(person, old, secret={"secret": CANARY}, reason="", at=AT))
    assert "new_certificate" in report
    assert CANARY not in report


def test_a_referenced_secret_is_in_no_frame(person, rooms, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", CANARY)
    report = reported(lambda: rotating.stage(person, rooms, secret={}, reference="env:ROOMS_SECRET", at=AT))
    assert "new_certificate" in report
    assert CANARY not in report


def test_a_new_applications_secret_is_in_no_frame(person, db):
    draft = ApplicationDraft(
        provider="videosdk", slug="new", name="New", public_id=VIDEOSDK_KEY, secret={"secret": CANARY}
    )
    report = reported(lambda: registering.register(person, draft, at=AT))
    assert "new_certificate" in report
    assert CANARY not in report


def test_a_minted_token_and_its_secret_are_in_no_frame(person, rooms):
    report = reported(lambda: issuing.issue(person, "rooms", body={"roomId": "room-1"}, at=AT))
    assert "issue_decided" in report
    assert VIDEOSDK_SECRET not in report
    assert JWT_START not in report


def test_an_api_keys_secret_is_in_no_frame(person, rooms):
    draft = ApiKeyDraft(purpose="nightly import", may_sign=True)
    report = reported(lambda: api_keys.create(person, rooms, draft, at=AT))
    assert "force_insert" in report
    assert not re.search(r"tis_[0-9A-Za-z]{20}", report)
