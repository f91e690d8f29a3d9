"""From an exception to an answer."""

from __future__ import annotations

import inspect
import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, InterfaceError, OperationalError, connection

from tests.api.refusals import assert_refused
from token_issuer import errors as tree
from token_issuer.api import refusals
from token_issuer.api.errors import STATUSES, Problem, problem_of
from token_issuer.errors import PolicyDenied, RateLimited, TokenIssuerError, VendorUnavailable
from token_issuer.services.transactions import OpenTransaction

TELLING = "password=hunter2 host=db.internal"


def problem(error: Exception) -> Problem:
    found = problem_of(error)
    assert found is not None
    return found


class Theirs(TokenIssuerError):
    """A third party's error with a code of its own."""

    code = "my_own_word"


def failing(error, where):
    """A database that raises instead of running the statements that contain a word."""

    def execute(execute, sql, params, many, context):
        if where in sql:
            raise error
        return execute(sql, params, many, context)

    return connection.execute_wrapper(execute)


def test_the_list_of_codes_is_closed():
    classes = [cls for module in (tree, refusals) for _, cls in inspect.getmembers(module, inspect.isclass)]
    codes = {cls.code for cls in classes if issubclass(cls, TokenIssuerError)}
    assert codes | {"method_not_allowed"} == set(STATUSES)


def test_a_code_from_elsewhere_does_not_lengthen_it():
    assert problem(Theirs("no")).code == "invalid_request"


def test_a_defect_is_no_answer():
    for defect in (KeyError("x"), AssertionError(), DataError(TELLING)):
        assert problem_of(defect) is None


def test_what_a_caller_needs_to_go_on_is_told():
    assert problem(PolicyDenied("no_rule")).reason == "no_rule"
    assert problem(RateLimited(17)).retry_after == 17
    silent = problem(VendorUnavailable("It does not answer.", reason="timed_out"))
    assert (silent.status, silent.reason) == (502, "timed_out")


@pytest.mark.parametrize("error", [OperationalError(TELLING), InterfaceError(TELLING)])
@pytest.mark.parametrize("table", ["token_issuer_application", "token_issuer_issuedtoken"])
def test_a_database_that_fails_is_told_without_its_words(browser, rooms, error, table, caplog):
    with failing(error, table):
        response = browser.issue()
    assert_refused(response, 503, "unavailable", "The service cannot answer now; try again soon.")
    assert response["Retry-After"] == "5"
    assert "hunter2" not in response.content.decode()
    (record,) = [record for record in caplog.records if record.message == "the service could not answer"]
    assert (record.levelno, record.event, record.reason) == (logging.ERROR, "unavailable", type(error).__name__)


def test_a_database_that_stays_busy_is_not_available(browser, rooms):
    with failing(OperationalError("database is locked"), "token_issuer_issuedtoken"):
        response = browser.issue()
    assert_refused(response, 503, "unavailable", "The database was busy three times in a row.")


def test_a_token_that_cannot_be_recorded_is_not_answered(browser, rooms):
    browser.client.raise_request_exception = False
    with failing(DataError(TELLING), "INSERT INTO"):
        response = browser.issue()
    assert response.status_code == 500
    assert b"hunter2" not in response.content


@pytest.mark.parametrize("debug", [False, True])
def test_a_developer_reads_what_a_visitor_does_not(settings, debug):
    settings.DEBUG = debug
    for error in (ImproperlyConfigured("ENCRYPTION_KEYS is missing."), OpenTransaction()):
        told = problem(error)
        assert (told.code, told.status) == ("unavailable", 503)
        assert (told.description == str(error)) is debug
