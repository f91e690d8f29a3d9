"""``POST oauth/token``: refreshing (RFC 6749 sections 5 and 6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.api.machines import OAUTH_HEADERS, assert_error
from tests.api.oauth_token.pairs import BOTH, SCOPES, issued, text_of
from tests.factories import ApplicationFactory
from tests.statements import counted
from token_issuer.models import Application, IssuedToken, Origin, Rule, TokenFamily
from token_issuer.services import verifying

REFUSED = "The token is not valid."


def test_a_refresh_answers_what_the_standard_says(holder, pair):
    response = holder.refresh(text_of(pair))
    body = response.json()
    assert response.status_code == 200
    assert {name: response[name] for name in OAUTH_HEADERS} == OAUTH_HEADERS
    assert set(body) == {
        "access_token", "token_type", "expires_in", "scope", "refresh_token", "refresh_expires_at",
    }  # fmt: skip
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, BOTH)
    assert body["refresh_token"] != text_of(pair)
    assert verifying.verify(body["access_token"], at=timezone.now()).scopes == set(SCOPES)


def test_the_successor_goes_on(holder, pair):
    for generation in range(1, 4):
        pair = holder.refresh(text_of(pair) if generation == 1 else pair.json()["refresh_token"])
    assert TokenFamily.objects.get().generation == 3


def test_a_token_without_scopes_has_no_scope(holder, shop, user):
    assert "scope" not in holder.refresh(text_of(issued(user, scope=""))).json()


def test_a_part_may_be_asked_for(holder, pair):
    assert holder.refresh(text_of(pair), scope="orders:read").json()["scope"] == "orders:read"


@pytest.mark.parametrize("scope", ["orders:read admin", "a b", 'x"', "orders:read ", " orders:read", "é", "a\\b"])
def test_more_may_not(holder, pair, scope):
    assert_error(holder.refresh(text_of(pair), scope=scope), 400, "invalid_scope")
    assert TokenFamily.objects.get().generation == 0


def test_what_policy_takes_away_is_told(holder, pair):
    Rule.objects.update(privileges=["orders:read"])
    assert holder.refresh(text_of(pair)).json()["scope"] == "orders:read"


def test_what_policy_denies_is_denied_and_nothing_is_consumed(holder, pair):
    Rule.objects.all().delete()
    response = holder.refresh(text_of(pair))
    assert_error(response, 400, "access_denied", "Policy denied this: no_rule.")
    assert TokenFamily.objects.get().generation == 0


def test_a_used_token_is_refused_and_ends_the_family(holder, pair):
    made = holder.refresh(text_of(pair)).json()
    TokenFamily.objects.update(rotated_at=timezone.now() - timedelta(seconds=11))
    assert_error(holder.refresh(text_of(pair)), 400, "invalid_grant", REFUSED)
    assert_error(holder.refresh(made["refresh_token"]), 400, "invalid_grant", REFUSED)


def test_whatever_is_wrong_with_a_token_looks_the_same(holder, pair, user):
    answers = {holder.refresh(text).content for text in ("x", "tir_x", pair.token.reveal(), "tio_x", "é")}
    family = TokenFamily.objects
    for change in ({"closed_at": timezone.now()}, {"closed_at": None, "idle_expires_at": timezone.now()}):
        family.update(**change)
        answers.add(holder.refresh(text_of(pair)).content)
    family.update(idle_expires_at=timezone.now() + timedelta(days=1))
    user.is_active = False
    user.save()
    answers.add(holder.refresh(text_of(pair)).content)
    assert answers == {b'{"error":"invalid_grant","error_description":"The token is not valid."}'}


def test_it_is_five_statements(holder, pair):
    with counted(5):
        assert holder.refresh(text_of(pair)).status_code == 200


def test_the_audit_learns_from_where(holder, pair):
    holder.headers["User-Agent"] = "an app"
    holder.headers["X-Request-ID"] = "r-1"
    holder.refresh(text_of(pair))
    row = IssuedToken.objects.get(generation=1)
    assert (row.ip, row.user_agent, row.request_id, row.origin) == ("127.0.0.1", "an app", "r-1", Origin.REFRESH)


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda: ApplicationFactory._meta.model.objects.update(provider="gone"), 503),
        (lambda: Application.objects.get().certificates.update(revoked_at=timezone.now()), 503),
    ],
)
def test_what_is_the_sites_trouble_may_be_tried_again(holder, pair, break_it, code):
    break_it()
    response = holder.refresh(text_of(pair))
    assert_error(response, code, "temporarily_unavailable")
    assert int(response["Retry-After"]) >= 5


def test_a_database_that_does_not_answer_is_503(holder, pair):
    def fail(execute, sql, params, many, context):
        raise OperationalError(2003, "no route to 192.0.2.1")

    with connection.execute_wrapper(fail):
        response = holder.refresh(text_of(pair))
    assert_error(response, 503, "temporarily_unavailable")
    assert b"192.0.2.1" not in response.content
