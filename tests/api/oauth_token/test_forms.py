"""What is asked of ``oauth/*``, and how: forms, methods, addresses."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.api.machines import FORM, assert_error, basic
from tests.api.oauth_token.pairs import text_of
from tests.statements import counted
from token_issuer.models import TokenFamily


@pytest.mark.parametrize("grant_type", ["password", "authorization_code", "Refresh_token", "urn:x"])
def test_another_grant_type_is_not_supported(holder, pair, grant_type):
    response = holder.post("token", grant_type=grant_type, refresh_token=text_of(pair), username="a", password="b")
    assert_error(response, 400, "unsupported_grant_type")


@pytest.mark.parametrize("form", [{}, {"grant_type": ""}, {"grant_type": "refresh_token"}])
def test_what_is_missing_is_named(holder, db, form):
    assert_error(holder.post("token", **form), 400, "invalid_request")


def test_unknown_fields_are_ignored(holder, pair):
    """RFC 6749 section 3.2: the server must ignore unrecognised request parameters."""
    assert holder.refresh(text_of(pair), resource="x", foo="bar").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=refresh_token&grant_type=refresh_token",
        b"grant_type=refresh_token&scope=a&scope=",
        b"grant_type=refresh_token&refresh_token=a&refresh_token=b",
        b"grant_type=refresh_token&refresh_token=%ff",
        b"grant_type=refresh_token&refresh_token=\xff",
        b"grant_type=refresh_token&refresh_token=%00",
        b"grant_type",
        b"grant_type=refresh_token&" + b"&".join(b"a%d=1" % n for n in range(30)),
        b"grant_type=refresh_token&refresh_token=" + b"a" * 17_000,
    ],
)
def test_a_form_that_is_not_plain_is_refused(holder, db, body):
    with counted(0):
        assert_error(holder.send("token", body), 400, "invalid_request")


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", "", f"{FORM}; charset=latin-1"]
)
def test_another_kind_of_body_is_refused(holder, db, kind):
    response = holder.send("token", b'{"grant_type": "refresh_token"}', kind=kind)
    assert_error(response, 400, "invalid_request")


def test_a_compressed_form_is_refused(holder, db):
    response = holder.send("token", b"grant_type=refresh_token", **{"Content-Encoding": "gzip"})
    assert_error(response, 400, "invalid_request")


@pytest.mark.parametrize("query", ["refresh_token=x", "grant_type=refresh_token", "client_id=a", "x=1"])
def test_nothing_is_read_from_the_address(holder, pair, query):
    response = holder.client.post(
        f"/issuer/oauth/token/?{query}",
        f"grant_type=refresh_token&refresh_token={text_of(pair)}",
        content_type=FORM,
        secure=True,
    )
    assert_error(response, 400, "invalid_request")
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_only_post_is_answered(holder, db, method, path):
    response = getattr(holder.client, method)(f"/issuer/oauth/{path}/", secure=True)
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    if method != "head":
        assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_plain_http_is_refused(holder, db, path):
    assert_error(holder.send(path, b"", secure=False), 400, "invalid_request", "Use HTTPS.")


def test_both_spellings_of_the_address_answer(holder, pair):
    form = f"grant_type=refresh_token&refresh_token={text_of(pair)}"
    assert holder.client.post("/issuer/oauth/token", form, content_type=FORM, secure=True).status_code == 200


def test_a_description_holds_only_what_the_standard_allows(holder, pair):
    response = holder.refresh(text_of(pair), scope="a!b c#d")
    assert_error(response, 400, "invalid_scope")
    described = response.json()["error_description"]
    assert all(" " <= mark <= "~" and mark not in '"\\' for mark in described)


def test_basic_credentials_are_encoded_as_a_form_is():
    assert basic("a b", "c:d") == "Basic YStiOmMlM0Fk"


@pytest.mark.django_db(transaction=True)
def test_a_refresh_is_committed_under_a_hosts_transactions(holder, pair, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert holder.refresh(text_of(pair)).status_code == 200
    assert TokenFamily.objects.get().generation == 1
