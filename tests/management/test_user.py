"""A user's belongings from the command line."""

from __future__ import annotations

import pytest

from tests.factories import (
    AT,
    ApiKeyFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    caller,
)
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, VendorAccount
from token_issuer.services import proving


@pytest.fixture
def ada(user):
    IssuedTokenFactory(user=user)
    TokenFamilyFactory(user=user)
    OneTimeKeyFactory(user=user)
    return user


def test_it_shows_what_there_is(run, ada):
    done = run("token_issuer_user", "ada")
    assert (done.code, done.out) == (0, f"ada (key {ada.pk}) has 1 live tokens, 1 pairs, 1 login keys.\n")
    assert IssuedToken.objects.live(AT).count() == 1


def test_it_ends_all_of_it(run, ada):
    done = run("token_issuer_user", "ada", "--end")
    assert f"Ended for ada (key {ada.pk}): 1 live tokens, 1 pairs, 1 login keys." in done.out
    assert "may honour the last token until 2026-03-01T12:10:00Z" in done.out
    assert not IssuedToken.objects.live(AT).exists()


def test_it_says_what_is_not_ours(run, ada):
    assert "His sessions on this site are Django's" in run("token_issuer_user", "ada", "--end").out


def test_he_is_named_by_his_key_too(run, ada):
    assert run("token_issuer_user", str(ada.pk)).out.startswith(f"ada (key {ada.pk})")


def test_nobody_is_a_refusal(run, db):
    done = run("token_issuer_user", "nobody", "--end")
    assert (done.code, done.err) == (1, "There is no user with the name or key 'nobody'.")


def test_the_reason_is_kept(run, ada):
    run("token_issuer_user", "ada", "--end", "--reason=left the company")
    event = AuditEvent.objects.get(kind=AuditKind.ACCESS_ENDED)
    assert event.detail["reason"] == "left the company"
    assert event.user_agent.startswith("token_issuer_user by ")


def test_without_one_it_says_who_did_it(run, ada):
    run("token_issuer_user", "ada", "--end")
    event = AuditEvent.objects.get(kind=AuditKind.ACCESS_ENDED)
    assert event.detail["reason"] == "ended by an administrator"


@pytest.mark.parametrize("switch", ["--api-keys", "--owned-keys", "--made-keys", "--out-of-rules", "--reason=x"])
def test_what_goes_with_ending_is_refused_without_it(run, ada, switch):
    done = run("token_issuer_user", "ada", switch)
    assert (done.code, done.err) == (
        1,
        "--api-keys, --owned-keys, --made-keys, --out-of-rules and --reason go with --end.",
    )


def test_a_reason_has_a_length(run, ada):
    done = run("token_issuer_user", "ada", "--end", f"--reason={'x' * 201}")
    assert (done.code, done.err) == (1, "--reason must be at most 200 characters.")


def test_api_keys_are_named_and_left(run, ada):
    key = ApiKeyFactory(acts_as=ada)
    assert f"The API key {key.public_id} (for tests) acts as him" in run("token_issuer_user", "ada", "--end").out
    key.refresh_from_db()
    assert key.revoked_at is None


def test_api_keys_end_when_asked(run, ada):
    key = ApiKeyFactory(acts_as=ada)
    done = run("token_issuer_user", "ada", "--end", "--api-keys")
    assert f"Revoked the API key {key.public_id}." in done.out
    key.refresh_from_db()
    assert key.revoked_at == AT


@pytest.mark.parametrize(
    ("column", "switch", "why"), [("owner", "--owned-keys", "is his"), ("created_by", "--made-keys", "was made by him")]
)
def test_keys_that_are_his_or_that_he_made_end_when_asked(run, ada, column, switch, why):
    key = ApiKeyFactory(**{column: ada})
    assert f"({key.purpose}) {why}; --end {switch} revokes it." in run("token_issuer_user", "ada", "--end").out
    assert f"Revoked the API key {key.public_id}." in run("token_issuer_user", "ada", "--end", switch).out
    key.refresh_from_db()
    assert key.revoked_at == AT


def test_he_is_taken_out_of_rules_when_asked(run, ada):
    rule = RuleFactory(everyone=False, for_users=[ada])
    assert "1 rules name him; --end --out-of-rules takes him out." in run("token_issuer_user", "ada").out
    assert "Took him out of 1 rules." in run("token_issuer_user", "ada", "--end", "--out-of-rules").out
    assert not rule.users.exists()


def test_what_he_made_is_named(run, ada, rooms):
    rooms.rules.update(created_by=ada)
    rooms.certificates.update(created_by=ada)
    assert "He made 1 certificates, 1 rules: look at them, they go on." in run("token_issuer_user", "ada").out


def test_it_tells_of_logins_at_vendors_and_forgets_them(run, user, hotel):
    proving.prove(caller(user), hotel, user, parts={"word": "correct", "floor": "1"}, at=AT)
    assert "He is logged in at vendors from here by 1 accounts." in run("token_issuer_user", "ada").out
    done = run("token_issuer_user", "ada", "--end")
    assert "Forgot what proves him at vendors (1 accounts)." in done.out
    assert VendorAccount.objects.get().sealed_secret is None
    assert "Forgot" not in run("token_issuer_user", "ada", "--end").out
