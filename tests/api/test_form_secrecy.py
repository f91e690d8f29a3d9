"""What an error reporter prints of the frames that a presented secret goes through, at the doors that take one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.signals import got_request_exception
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.views.debug import ExceptionReporter

import token_issuer
from tests.api.machines import FORM
from tests.factories import api_key, caller
from token_issuer.models import Origin
from token_issuer.services import issuing, login_keys

TABLES = ("tokenfamily", "issuedtoken", "apikeysecret", "onetimekey")


class Breakdown(Exception):
    """A defect that nobody catches."""


def breaks_at_look(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    if any(table in sql for table in TABLES):
        raise Breakdown
    return execute(sql, *arguments)


def report_of(error: Any) -> str:
    reporter = ExceptionReporter(None, *error)
    return reporter.get_traceback_html() + reporter.get_traceback_text()


def reported(path: str, data: str, kind: str) -> str:
    """Every frame of the site, with its locals, as Django mails them to its administrators."""
    reports: list[str] = []

    def note(**_: object) -> None:
        reports.append(report_of(sys.exc_info()))

    got_request_exception.connect(note)
    try:
        with connection.execute_wrapper(breaks_at_look):
            client = Client(raise_request_exception=False)
            answer = client.post(f"/issuer/{path}/", data, content_type=kind, secure=True)
    finally:
        got_request_exception.disconnect(note)
    assert answer.status_code == 500
    return reports[0]


@pytest.fixture
def key(own):
    return api_key(application=own, scopes=["tokens:issue", "tokens:revoke", "tokens:introspect"])


DOORS = [
    ("oauth/token", "refresh_token", False),
    ("oauth/token", "refresh_token", True),
    ("oauth/revoke", "token", False),
    ("oauth/revoke", "token", True),
    ("oauth/introspect", "token", True),
]


@pytest.mark.parametrize(("path", "field", "with_key"), DOORS)
def test_no_secret_of_a_form_is_in_a_frame(own, user, key, path, field, with_key):
    made = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=timezone.now())
    assert made.pair is not None
    text, secret = made.pair.refresh_token.reveal(), key[1]
    credentials = {"client_id": key[0].public_id, "client_secret": secret} if with_key else {}
    form = {"grant_type": "refresh_token", field: text, **credentials}
    report = reported(path, urlencode(form), FORM)
    assert "breaks_at_look" in report
    assert text not in report
    assert secret not in report


def test_no_login_key_is_in_a_frame(own, user):
    made = login_keys.make(caller(user), "own", body={}, at=timezone.now())
    text = made.text.reveal()
    report = reported("one-time-keys/redeem", f'{{"key": "{text}"}}', "application/json")
    assert "breaks_at_look" in report
    assert text not in report


@pytest.mark.parametrize("use", [token_issuer.consume, token_issuer.revoke])
def test_no_text_that_python_hands_over_is_in_a_frame(once, user, use):
    text = issuing.issue(caller(user), "once", body={"lifetime": 120}, at=timezone.now()).token
    more = {"reason": "lost"} if use is token_issuer.revoke else {}

    def deed() -> object:
        return use(text.reveal(), **more)

    with connection.execute_wrapper(breaks_at_look):
        try:
            deed()
        except Breakdown:
            frames = report_of(sys.exc_info())
        else:
            pytest.fail("nothing broke")
    assert "breaks_at_look" in frames
    assert text.reveal()[4:] not in frames
