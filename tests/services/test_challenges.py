"""Answering a vendor's challenge: for the user's own account, from its sealed proof, once."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import transaction

from tests.factories import AT, VOXIMPLANT_DOMAIN, ApplicationFactory, RuleFactory, UserFactory, VendorAccountFactory
from tests.factories import caller as at_a_browser
from tests.statements import counted
from token_issuer.crypto import digests
from token_issuer.errors import BadGrant, PolicyDenied, RateLimited, TokenMalformed
from token_issuer.models import AnsweredLoginKey, AuditEvent, IssuedToken, Origin
from token_issuer.providers.fields import dump
from token_issuer.services import deciding, explaining, inspecting, issuing, login_keys, proving, verifying

PASSWORD = "pässword:1|2"
KEY = "k:1|2"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def hash_of(user: str, key: str = KEY, password: str = PASSWORD) -> str:
    """The vendor's formula, written down once more."""
    return md5(f"{key}|{md5(f'{user}:voximplant.com:{password}')}")


@pytest.fixture
def phone(db):
    """A Voximplant application that everyone signed in may log in to."""
    return RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant", ready=True)).application


@pytest.fixture
def account(phone, user):
    """The user's account there, with a password that an administrator entered."""
    return proving.prove(at_a_browser(user), phone, user, parts={"password": PASSWORD}, subject="jo.doe", at=AT)


@pytest.fixture
def answer(person, phone, at):
    def answer(key: str = KEY, *, by=person, when=at, **body):
        return issuing.issue(by, "phone", body={"login_key": key, **body}, at=when)

    return answer


def test_the_token_is_the_hash_of_the_users_own_account(answer, account):
    made = answer()
    assert made.token.reveal() == hash_of("jo.doe")
    assert made.sdk == {"username": f"jo.doe@{VOXIMPLANT_DOMAIN}", "hash": hash_of("jo.doe")}


def test_the_row_ends_with_the_key(answer, account, user, at):
    made = answer()
    row = IssuedToken.objects.get()
    assert (row.pk, row.user, row.subject, row.resource, row.privileges) == (
        made.token_id,
        user,
        "jo.doe",
        "",
        ["login"],
    )
    assert (row.format, row.certificate, row.slot, row.origin) == ("voximplant-hash", None, 0, Origin.SESSION)
    assert row.expires_at - row.issued_at == timedelta(seconds=300)
    assert (made.renew_at, row.digest) == (None, digests.digest(made.token))


def test_a_name_that_nobody_chose_is_the_patterns(answer, phone, user, person):
    proving.prove(person, phone, user, parts={"password": PASSWORD}, at=AT)
    assert answer().token.reveal() == hash_of(f"user-{user.pk}")


def test_another_password_answers_otherwise(answer, account, phone, user, person):
    first = answer().token.reveal()
    proving.prove(person, phone, user, parts={"password": "another"}, at=AT)
    assert answer("second").token.reveal() == hash_of("jo.doe", "second", "another")
    assert first != answer("third").token.reveal()


# Once


def test_a_key_is_answered_once_for_an_account(answer, account):
    answer()
    with pytest.raises(BadGrant, match="was answered already: ask the vendor for a new one") as caught:
        answer()
    assert list(caught.value.fields) == ["login_key"]
    assert (IssuedToken.objects.count(), AnsweredLoginKey.objects.count()) == (1, 1)


def test_it_stays_answered_as_long_as_the_vendor_takes_it(answer, account, at):
    answer()
    row = AnsweredLoginKey.objects.get()
    assert (row.account, row.answered_at, row.expires_at) == (account, at, at + timedelta(seconds=300))
    with pytest.raises(BadGrant):
        answer(when=at + timedelta(seconds=299))


def test_only_a_digest_of_it_is_kept(answer, account):
    answer()
    values = AnsweredLoginKey.objects.values().get()
    assert values["digest"] == digests.digest(KEY)
    assert not any(text in repr(values) for text in (KEY, hash_of("jo.doe")))


def test_each_key_is_another(answer, account):
    texts = {answer(key).token.reveal() for key in ("a", "A", "b", "1")}
    assert len(texts) == AnsweredLoginKey.objects.count() == 4


def test_anothers_account_answers_the_same_key_for_itself(answer, account, phone):
    other = UserFactory()
    proving.prove(at_a_browser(other), phone, other, parts={"password": PASSWORD}, subject="other", at=AT)
    made = {answer().token.reveal(), answer(by=at_a_browser(other)).token.reveal()}
    assert made == {hash_of("jo.doe"), hash_of("other")}


def test_a_refused_request_uses_nothing_up(answer, account, phone, at):
    phone.rules.update(limit=1, window=3600)
    answer("first")
    with pytest.raises(RateLimited):
        answer("second")
    assert answer("second", when=at + timedelta(hours=1)).token.reveal() == hash_of("jo.doe", "second")


def test_a_host_that_rolls_back_uses_nothing_up(answer, account, person, at):
    given: list[object] = []
    with transaction.atomic():
        issuing.issue(person, "phone", body={"login_key": KEY}, at=at, on_commit=given.append)
        transaction.set_rollback(True)
    assert (given, AnsweredLoginKey.objects.count()) == ([], 0)
    answer()


# For whom


def test_who_has_no_account_gets_nothing(answer, phone):
    with pytest.raises(PolicyDenied, match="You have no account at the vendor yet") as caught:
        answer()
    assert caught.value.reason == "no_vendor_account"
    assert AuditEvent.objects.get().detail["reason"] == "no_vendor_account"
    assert (IssuedToken.objects.count(), AnsweredLoginKey.objects.count()) == (0, 0)


def test_an_account_without_a_proof_is_none(answer, phone, user):
    VendorAccountFactory(application=phone, user=user, subject="jo.doe")
    with pytest.raises(PolicyDenied) as caught:
        answer()
    assert caught.value.reason == "no_vendor_account"


def test_an_account_at_another_application_is_none(answer, phone, user, person):
    other = ApplicationFactory(slug="other", provider="voximplant")
    proving.prove(person, other, user, parts={"password": PASSWORD}, at=AT)
    with pytest.raises(PolicyDenied):
        answer()


def test_who_may_not_log_in_is_told_so_and_not_whether_he_has_an_account(answer, account, phone):
    phone.rules.all().delete()
    with pytest.raises(PolicyDenied) as caught:
        answer()
    assert caught.value.reason != "no_vendor_account"
    assert not AnsweredLoginKey.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "other"}, "username"),
        ({"slot": 1}, "slot"),
        ({"lifetime": 300}, "lifetime"),
        ({"login_key": "a b"}, "login_key"),
        ({"login_key": "k" * 257}, "login_key"),
    ],
)
def test_what_a_body_cannot_say(person, account, at, body, field):
    with pytest.raises(BadGrant) as caught:
        issuing.issue(person, "phone", body={"login_key": KEY, **body}, at=at)
    assert list(caught.value.fields) == [field]
    assert not AnsweredLoginKey.objects.exists()


def test_an_application_needs_no_secret_to_answer(answer, account, phone):
    assert not phone.certificates.exists()
    assert answer()


@pytest.mark.parametrize(
    ("changes", "seconds"), [({"subject": "clerk"}, 0), ({"subject": "Jo.Doe"}, 0), ({}, 1)], ids=str
)
def test_nothing_is_answered_by_what_was_his_a_moment_before(account, phone, user, person, at, changes, seconds):
    """His old name may be somebody else's by now, and his old password is one that was changed for a reason."""
    question = deciding.understand(person, "phone", {"login_key": KEY})
    decision = deciding.decide(question)
    grant = issuing.with_subject(question, decision)
    later = AT + timedelta(seconds=seconds)
    proving.prove(person, phone, user, parts={"password": "another"}, at=later, **changes)
    with pytest.raises(PolicyDenied, match="was changed or taken back meanwhile") as caught:
        issuing.issue_decided(question, decision, grant, certificate=None, at=at)
    assert (caught.value.reason, IssuedToken.objects.count()) == ("ended_meanwhile", 0)
    assert not AnsweredLoginKey.objects.exists()


# Elsewhere


def test_explaining_uses_nothing_up(person, account, at):
    told = explaining.explain(person, "phone", body={"login_key": KEY}, at=at)
    assert (told.allowed, told.lifetime) == (True, 300)
    assert not AnsweredLoginKey.objects.exists()


def test_explaining_says_what_was_answered(person, answer, account, at):
    answer()
    with pytest.raises(BadGrant, match="was answered already") as caught:
        explaining.explain(person, "phone", body={"login_key": KEY}, at=at)
    assert caught.value.field == "login_key"
    assert explaining.explain(person, "phone", body={"login_key": "another"}, at=at).allowed


def test_explaining_says_when_there_is_no_account(person, phone, at):
    told = explaining.explain(person, "phone", body={"login_key": KEY}, at=at)
    assert (told.allowed, told.reason) == (False, "no_vendor_account")


def test_explaining_wants_no_certificate_where_nothing_signs(person, once, at):
    assert explaining.explain(person, "once", body={}, at=at).allowed


def test_no_login_key_of_ours_waits_with_one_of_the_vendors(person, account, at):
    with pytest.raises(BadGrant, match="cannot wait in a login key") as caught:
        login_keys.make(person, "phone", body={"login_key": KEY}, at=at)
    assert caught.value.field == "login_key"


def test_the_audit_knows_a_hash_by_its_digest(answer, account):
    row = verifying.find(answer().token)
    assert row is not None
    assert row.subject == "jo.doe"


def test_32_hex_digits_of_nobody_are_no_token(phone, at):
    with pytest.raises(TokenMalformed):
        inspecting.inspect("0" * 32, at=at)


def test_nothing_secret_is_logged_or_shown(answer, account, caplog, at):
    with caplog.at_level("DEBUG"):
        made = answer()
        with pytest.raises(BadGrant) as caught:
            answer()
    spoken = (
        f"{caplog.text} {made!r} {made.grant!r} {caught.value!r} {caught.value} {[vars(one) for one in caplog.records]}"
    )
    ha1 = md5(f"jo.doe:voximplant.com:{PASSWORD}")
    assert not any(text in spoken for text in (KEY, PASSWORD, ha1, hash_of("jo.doe")))
    assert dump(made.grant) == {"login_key": KEY}


def test_it_costs_three_statements_more_than_a_token_that_answers_nothing(answer, account, phone):
    answer("warm")
    # Application and account, rules; the account's row, INSERT and SELECT of the answer; INSERT of the token.
    with counted(6):
        answer()
