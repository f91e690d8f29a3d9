"""What plain views answer to a credential that does not do."""

from __future__ import annotations

import json

import pytest
from django.http import HttpResponse

from token_issuer.web import answers

REFUSALS = [answers.missing(), answers.invalid(), answers.in_address(), answers.insufficient(), answers.unavailable()]


@pytest.mark.parametrize("response", REFUSALS, ids=lambda response: str(response.status_code))
def test_no_cache_keeps_a_refusal(response):
    assert (response["Cache-Control"], response["Vary"]) == ("no-store", "Authorization")


@pytest.mark.parametrize(
    ("response", "status", "challenge"),
    [
        (answers.missing(), 401, 'Bearer realm="token_issuer"'),
        (answers.missing(["b", "a"]), 401, 'Bearer realm="token_issuer", scope="a b"'),
        (answers.invalid(), 401, 'Bearer realm="token_issuer", error="invalid_token"'),
        (answers.in_address(), 400, 'Bearer realm="token_issuer", error="invalid_request"'),
        (
            answers.insufficient(["reports:read"]),
            403,
            'Bearer realm="token_issuer", error="insufficient_scope", scope="reports:read"',
        ),
    ],
)
def test_the_challenge_says_what_to_present(response, status, challenge):
    assert (response.status_code, response["WWW-Authenticate"]) == (status, challenge)


def test_a_database_that_is_down_is_no_challenge():
    response = answers.unavailable()
    assert json.loads(response.content) == {
        "error": "unavailable",
        "error_description": "The service cannot answer now; try again soon.",
        "retry_after": 5,
    }
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert not response.has_header("WWW-Authenticate")


def test_an_answer_to_a_token_varies_with_it():
    assert answers.varying(HttpResponse(headers={"Vary": "Cookie"}))["Vary"] == "Cookie, Authorization"
