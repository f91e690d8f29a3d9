"""The example project's pages, without a browser."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from example_project.pages.content_security_policy import POLICY
from tests.factories import UserFactory
from token_issuer.formats import jwt_hs256

pytestmark = pytest.mark.django_db

_CLAIMS = {"apikey": "k", "permissions": ["allow_join"], "version": 2, "roomId": "class-1", "participantId": "user-1"}
VIDEOSDK_TOKEN = jwt_hs256.encode({**_CLAIMS, "exp": 2_000_000_000}, key="0" * 32)


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def visitor(client, user):
    client.force_login(user)
    return client


def test_a_stranger_is_asked_to_sign_in(client):
    page = client.get("/").content.decode()
    assert 'href="/sign-in/"' in page
    assert "desk.js" not in page


def test_signing_in_leads_to_the_desk(client, user):
    fields = {"username": user.username, "password": "correct horse"}
    page = client.post("/sign-in/", fields, follow=True).content.decode()
    assert f"<strong>{user.username}</strong>" in page
    assert "desk.js" in page


def test_a_wrong_password_is_told_aloud(client, user):
    page = client.post("/sign-in/", {"username": user.username, "password": "wrong"}).content.decode()
    assert 'role="alert">Please enter a correct username and password' in page


def test_a_form_from_before_a_sign_in_says_so():
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "host", "password": "x"})
    assert answer.status_code == 403
    assert "That page was out of date" in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/enter/", "/notes/api/", "/admin/login/", "/nowhere/"])
def test_every_page_has_the_strict_policy(client, path):
    assert client.get(path).headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("path", ["/", "/notes/", "/enter/"])
def test_nothing_on_a_page_is_inline(visitor, path):
    page = visitor.get(path).content.decode()
    assert "style=" not in page
    assert "<style" not in page
    assert "onclick" not in page
    assert page.count("<script") == page.count('<script type="module" src="') == 1


def test_a_stranger_decodes_nothing(client):
    answer = client.post("/decode/", {"token": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (401, {"error": "not_authenticated"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"token": "x"}, "No provider knows this kind of token."),
        ({"token": 5}, "A token is a text."),
        ({}, 'Send {"token": "…"}.'),
        ([], 'Send {"token": "…"}.'),
    ],
)
def test_what_is_no_token_is_refused(visitor, body, message):
    answer = visitor.post("/decode/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error_description"]) == (400, message)


@pytest.mark.parametrize("page", ["pages/desk.js", "notes/page.js"])
def test_the_modules_import_nothing_but_each_other(page):
    folder = Path(str(finders.find(page))).parent
    imported = re.findall(r'from "([^"]+)"', "".join(path.read_text() for path in folder.glob("*.js")))
    assert imported
    assert [name for name in imported if not finders.find(os.path.normpath(f"{folder.name}/{name}"))] == []


def test_who_may_sign_in_with_a_key_is_nobody_yet(client):
    page = client.get("/enter/").content.decode()
    assert "enter.js" in page
    # Without its script the page must not send the form: a key would stand in an address.
    assert page.count("<button") == page.count("<button disabled>Sign in") == 1


def test_a_token_is_decoded(visitor):
    answer = visitor.post("/decode/", {"token": VIDEOSDK_TOKEN}, content_type="application/json").json()
    assert (answer["format"], answer["subject"], answer["resource"]) == ("videosdk-jwt", "user-1", "class-1")
    assert ["permissions", "allow_join"] in answer["details"]
