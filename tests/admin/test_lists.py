"""Lists stay quick: constant queries, capped counts, searches through one index each."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    api_key,
)
from token_issuer.models import AuditEvent, AuditKind


def event(application, **facts):
    return AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, application=application, **facts)


def live_token(application):
    certificate = application.certificates.last()
    return IssuedTokenFactory(certificate=certificate, family=TokenFamilyFactory(), issued_at=timezone.now())


def one_more(model, application):
    """A row of each kind, each with people of its own."""
    return {
        "application": lambda: ApplicationFactory(ready=True),
        "certificate": lambda: CertificateFactory(application=application),
        "rule": lambda: RuleFactory(application=application, everyone=False, for_users=[UserFactory()]),
        "issuedtoken": lambda: live_token(application),
        "auditevent": lambda: event(application, user=UserFactory()),
        "vendoraccount": lambda: VendorAccountFactory(application=application),
        "onetimekey": lambda: OneTimeKeyFactory(application=application),
        "tokenfamily": lambda: TokenFamilyFactory(application=application),
        "apikey": lambda: api_key(application=application, owner=UserFactory(), acts_as=UserFactory()),
    }[model]()


MODELS = [
    "application", "certificate", "rule", "issuedtoken", "auditevent", "vendoraccount", "onetimekey", "tokenfamily",
    "apikey",
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_list_takes_the_same_queries_at_5_and_at_50_rows(site, rooms, model):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert site.get(url(model, "changelist")).status_code == 200
        return len(captured)

    for _number in range(5):
        one_more(model, rooms)
    queries()  # content types are read once
    few = queries()
    for _number in range(45):
        one_more(model, rooms)
    assert queries() == few


def test_row_pages_take_the_same_queries_at_any_size(site, rooms, active, token, rule):
    pages = [url("issuedtoken", "change", token.pk), url("application", "change", rooms.pk)]

    def queries():
        with CaptureQueriesContext(connection) as captured:
            for page in pages:
                site.get(page)
        return len(captured)

    queries()  # content types are read once
    few = queries()
    for model in ("certificate", "rule", "issuedtoken", "vendoraccount"):
        for _number in range(10):
            one_more(model, rooms)
    assert queries() == few


def test_count_of_a_list_with_page_numbers_is_capped(site, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.base.LONGEST_LIST", 3)
    ApplicationFactory.create_batch(5)
    with CaptureQueriesContext(connection) as captured:
        answer = site.get(url("application", "changelist"))
    assert answer.context["cl"].result_count == 3
    assert "Only the first 3 are listed" in answer.content.decode()
    (counting,) = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert "LIMIT 3" in counting


def found(site, model, term):
    answer = site.get(url(model, "changelist"), {"q": term})
    return [row.pk for row in answer.context["cl"].result_list]


@pytest.fixture
def other(active):
    return IssuedTokenFactory(certificate=active, subject="user-2", resource="hall-1", ip="2001:db8::9")


@pytest.fixture
def bobs(active):
    return IssuedTokenFactory(
        certificate=active, user=UserFactory(username="bob"), subject="bob", resource="room-42", ip="192.0.2.7"
    )


def test_tokens_are_found_by_one_fact(site, bobs, other):
    for term in (
        str(bobs.pk), f"id:{bobs.pk}", bobs.fingerprint, f"fingerprint:{bobs.fingerprint}", "192.0.2.7", "ip:192.0.2.7",
        "bob", "subject:bob", "user:bob", f"user:{bobs.user.pk}", "room:rooms/room-42", "room:rooms/room-*", " bob ",
    ):  # fmt: skip
        assert found(site, "issuedtoken", term) == [bobs.pk], term
    assert found(site, "issuedtoken", "2001:db8::9") == [other.pk]
    assert set(found(site, "issuedtoken", "room:rooms/*")) == {bobs.pk, other.pk}


def test_every_ending_is_found(site, active):
    names = ["hall", "hall-1", "hall~", "hall\N{SNOWMAN}", "hall\N{GRINNING FACE}"]
    tokens = [IssuedTokenFactory(certificate=active, resource=name) for name in names]
    assert set(found(site, "issuedtoken", "room:rooms/hall*")) == {token.pk for token in tokens}


def test_tokens_of_a_deleted_user_are_found_by_his_id(site, bobs):
    key = bobs.user.pk
    bobs.user.delete()
    assert found(site, "issuedtoken", f"user:{key}") == [bobs.pk]


@pytest.mark.parametrize(
    "term",
    [
        "bo", "room-42", "user:nobody", "user:999999999999999999999999999", "ip:nonsense", "id:nonsense", "room:rooms",
        "room:other/room-42", "fingerprint:zz", "user:\x01", "room:rooms/ROOM-42x*",
    ],
)  # fmt: skip
def test_nothing_else_is_searched(site, bobs, term):
    assert found(site, "issuedtoken", term) == []


def test_token_text_is_not_searched_for(site, bobs):
    answer = site.get(url("issuedtoken", "changelist"), {"q": "eyJ" + "a" * 100}, follow=True)
    assert answer.redirect_chain == [(url("issuedtoken", "changelist"), 302)]
    assert "Tokens are not searched for here" in answer.content.decode()
    assert "aaaaaaaa" not in answer.content.decode()


def test_digest_is_not_searched(site, bobs):
    assert found(site, "issuedtoken", bobs.digest) == []


def test_events_are_found_by_one_fact(site, rooms, bobs):
    mine = event(rooms, user=bobs.user, token=bobs)
    event(ApplicationFactory(), user=UserFactory())
    for term in ("rooms", f"event:{mine.pk}", str(bobs.pk), f"token:{bobs.pk}", "user:bob", f"user:{bobs.user.pk}"):
        assert found(site, "auditevent", term) == [mine.pk], term
    assert found(site, "auditevent", "user:999999999999999999999999999") == []


def test_accounts_are_found_by_person_or_name_there(site, rooms, bobs):
    account = VendorAccountFactory(application=rooms, user=bobs.user, subject="robert")
    VendorAccountFactory(application=rooms, subject="anna")
    for term in ("bob", "user:bob", "subject:rooms/robert", "subject:rooms/rob*"):
        assert found(site, "vendoraccount", term) == [account.pk], term


def test_login_keys_are_found_by_one_fact(site, bobs):
    key = OneTimeKeyFactory(user=bobs.user)
    OneTimeKeyFactory()
    for term in ("bob", "user:bob", f"user:{bobs.user.pk}", str(key.pk), f"id:{key.pk}"):
        assert found(site, "onetimekey", term) == [key.pk], term


def test_families_are_found_by_one_fact(site, bobs):
    family, key = TokenFamilyFactory(user=bobs.user), bobs.user.pk
    TokenFamilyFactory()
    for term in ("bob", "user:bob", f"user:{key}", str(family.pk), f"id:{family.pk}"):
        assert found(site, "tokenfamily", term) == [family.pk], term
    bobs.user.delete()
    assert found(site, "tokenfamily", f"user:{key}") == [family.pk]


def test_counted_event_shows_its_count(site, rooms):
    event(rooms, count=17, detail={"reason": "no_rule", "live": 3})
    text = site.get(url("auditevent", "changelist")).content.decode()
    assert "17 \N{MULTIPLICATION SIGN}" in text
    assert "live: 3, reason: no_rule" in text
