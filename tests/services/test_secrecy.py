"""What an error reporter prints of the frames that a secret or a token goes through."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from django.views.debug import ExceptionReporter
from rest_framework.request import Request

import token_issuer
from tests.factories import (
    AT,
    VIDEOSDK_KEY,
    VIDEOSDK_SECRET,
    ApplicationFactory,
    RuleFactory,
    VendorAccountFactory,
    api_key,
)
from tests.providers import management_key
from token_issuer.api.authentication import (
    AccessTokenAuthentication,
    ApiKeyAuthentication,
    OneTimeTokenAuthentication,
    SelfSignedAuthentication,
)
from token_issuer.crypto import TokenText
from token_issuer.formats import digest_ha1
from token_issuer.services import api_keys, issuing, registering, rotating
from token_issuer.services.api_key_drafts import ApiKeyDraft
from token_issuer.services.drafts import ApplicationDraft
from token_issuer.services.verified import Kind
from token_issuer.web.credentials import credential_of

CLASSES = (
    AccessTokenAuthentication, ApiKeyAuthentication, SelfSignedAuthentication, OneTimeTokenAuthentication,
)  # fmt: skip
CANARY = "canary-" + "5up3r" * 8
JWT_START = "eyJ"


class Breakdown(Exception):
    """A defect that nobody catches."""


def breaks_at_insert(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    if "INSERT INTO" in sql and any(table in sql for table in ("certificate", "issuedtoken", "apikeysecret")):
        raise Breakdown
    return execute(sql, *arguments)


def breaks_at_select(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    if sql.startswith("SELECT") and any(name in sql for name in ("issuedtoken", "apikeysecret")):
        raise Breakdown
    return execute(sql, *arguments)


def reported(deed: Callable[[], object], breaks: Callable[..., Any] = breaks_at_insert) -> str:
    """Every frame with its locals, as Django mails them to a site's administrators."""
    with connection.execute_wrapper(breaks):
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


def test_a_proof_and_what_is_made_of_it_are_in_no_frame(person, user, db):
    phone = RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant")).application
    proof = {"ha1": "5e" * 16}
    VendorAccountFactory(application=phone, user=user, subject="user1", proof=proof)
    made = issuing.issue(person, "phone", body={"login_key": "first"}, at=AT).token.reveal()
    report = reported(lambda: issuing.issue(person, "phone", body={"login_key": "second"}, at=AT))
    assert "issue_decided" in report
    answer = digest_ha1.answer(key="second", ha1=proof["ha1"])
    assert not any(text in report for text in (proof["ha1"], made, answer))


def test_a_calling_key_is_in_no_frame(person, db):
    phone = ApplicationFactory(slug="phone", provider="voximplant")
    report = reported(lambda: rotating.stage(person, phone, secret=management_key.parts(), purpose="call", at=AT))
    assert "new_certificate" in report
    assert management_key.private_key().splitlines()[5] not in report


def test_an_api_keys_secret_is_in_no_frame(person, rooms):
    draft = ApiKeyDraft(purpose="nightly import", may_sign=True)
    report = reported(lambda: api_keys.create(person, rooms, draft, at=AT))
    assert "force_insert" in report
    assert not re.search(r"tis_[0-9A-Za-z]{20}", report)


@pytest.fixture
def presented(person, own, once):
    """Return a function: a kind in, a good text of it out."""
    key, secret = api_key(application=own, may_sign=True, scopes=["tokens:issue"])
    now = int(AT.timestamp())
    claims = {"apikey": key.public_id, "permissions": ["tokens:issue"], "iat": now, "exp": now + 600}
    texts = {
        Kind.ACCESS: issuing.issue(person, "own", body={}, at=AT).token.reveal(),
        Kind.ONE_TIME: issuing.issue(person, "once", body={}, at=AT).token.reveal(),
        Kind.API_KEY: f"{key.public_id}.{secret}",
        Kind.SELF_SIGNED: jwt.encode(claims, secret, "HS256"),
    }
    return texts.__getitem__


@pytest.mark.parametrize("kind", [Kind.ACCESS, Kind.ONE_TIME, Kind.API_KEY, Kind.SELF_SIGNED])
@pytest.mark.parametrize("door", ["plain", "rest", "python"])
def test_a_presented_credential_is_in_no_frame(presented, kind, door, monkeypatch):
    text = presented(kind)
    scheme = "Api-Key" if kind is Kind.API_KEY else "Bearer"
    request = RequestFactory().get("/", headers={"Authorization": f"{scheme} {text}"})
    wrapped, ending = TokenText(text), text[-20:]
    del text
    monkeypatch.setattr(timezone, "now", lambda: AT)
    rest = Request(request, authenticators=[made() for made in CLASSES])
    deeds: dict[str, Callable[[], object]] = {
        "plain": partial(credential_of, request, [kind]),
        "rest": partial(getattr, rest, "user"),
        "python": partial(token_issuer.verify, wrapped, kinds=[kind], at=AT),
    }
    report = reported(deeds[door], breaks_at_select)
    assert "in reading" in report
    assert ending not in report
