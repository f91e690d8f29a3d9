"""Is it good? The row's state, its principal, its certificate and its signature all have a say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApiKeyFactory, CertificateFactory, TokenFamilyFactory, UserFactory
from tests.statements import counted
from token_issuer.crypto import digests, stamps
from token_issuer.errors import TokenRejected
from token_issuer.ids import uuid7
from token_issuer.models import ApiKey, Application, Certificate, IssuedToken, Principal, TokenFamily
from token_issuer.services import issuing, rotating, verifying

LATER = AT + timedelta(minutes=1)


@pytest.fixture
def text(person, rooms):
    return issuing.issue(person, "rooms", body={"roomId": "room-1"}, at=AT).token.reveal()


def verdict(text, at=LATER) -> str:
    with pytest.raises(TokenRejected, match=r"^The token is not valid\.$") as refusal:
        verifying.verify(text, at=at)
    return refusal.value.verdict


def test_a_good_token_leads_to_its_row_and_user(text, user):
    verified = verifying.verify(text, at=LATER)
    assert (verified.token_id, verified.user, verified.subject) == (
        IssuedToken.objects.get().pk,
        user,
        f"user-{user.pk}",
    )


@pytest.mark.parametrize("wrong", ["", "x", "é", "x" * 20_000])
def test_what_we_never_issued_is_unknown(db, wrong):
    assert verdict(wrong) == "unknown"


def test_another_spelling_is_unknown(text):
    assert verdict(text + "=") == "unknown"
    assert verdict(text.swapcase()) == "unknown"


def test_deadlines_are_exclusive(text):
    end = IssuedToken.objects.get().expires_at
    verifying.verify(text, at=end - timedelta(microseconds=1))
    assert verdict(text, end) == "expired"


def test_a_consumed_token_is_refused(text):
    IssuedToken.objects.update(one_time=True, consumed_at=AT)
    assert verdict(text) == "consumed"


def test_a_revoked_token_is_refused(text):
    IssuedToken.objects.update(revoked_at=AT)
    assert verdict(text) == "revoked"


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_a_token_ends_with_its_user(text, user, how):
    if how == "deleted":
        user.delete()
    else:
        user.is_active = False
        user.save()
    assert verdict(text) == "principal_gone"


@pytest.mark.parametrize(("how", "word"), [("deactivated", "principal_gone"), ("deleted", "api_key_ended")])
def test_a_servers_token_ends_with_the_user_whom_its_key_acts_as(text, rooms, how, word):
    somebody = UserFactory()
    key = ApiKeyFactory(application=rooms, acts_as=somebody)
    IssuedToken.objects.update(api_key=key, principal=Principal.API_KEY, user=None)
    with counted(1):
        verifying.verify(text, at=LATER)
    if how == "deleted":
        somebody.delete()
    else:
        type(somebody).objects.filter(pk=somebody.pk).update(is_active=False)
    assert verdict(text) == word


def test_a_deleted_users_token_does_not_become_a_servers(text, user):
    IssuedToken.objects.update(api_key=ApiKeyFactory())
    user.delete()
    assert verdict(text) == "principal_gone"


def test_a_servers_token_needs_no_user(text):
    IssuedToken.objects.update(api_key=ApiKeyFactory(), principal=Principal.API_KEY, user=None)
    verified = verifying.verify(text, at=LATER)
    assert (verified.is_server, verified.user.is_anonymous) == (True, True)


def test_a_servers_token_without_its_key_is_nobodys(text):
    IssuedToken.objects.update(principal=Principal.API_KEY, user=None)
    assert verdict(text) == "principal_gone"


@pytest.mark.parametrize("ended", [{"revoked_at": AT}, {"expires_at": LATER}, {"acts_as_key": uuid7()}])
def test_a_token_ends_with_the_key_that_asked_for_it(text, ended):
    key = ApiKeyFactory()
    IssuedToken.objects.update(api_key=key)
    verifying.verify(text, at=LATER)
    ApiKey.objects.update(**ended)
    assert verdict(text) == "api_key_ended"


def test_a_token_ends_with_its_family(text):
    family = TokenFamilyFactory()
    IssuedToken.objects.update(family=family)
    verifying.verify(text, at=LATER)
    TokenFamily.objects.update(closed_at=AT)
    assert verdict(text) == "family_closed"


def test_a_new_password_ends_what_remembers_the_old_one(text, user):
    IssuedToken.objects.update(password_stamp=stamps.password_stamp(user.password))
    verifying.verify(text, at=LATER)
    user.set_password("another")
    user.save()
    assert verdict(text) == "password_changed"


def test_a_disabled_application_ends_its_tokens(text):
    Application.objects.update(disabled_at=AT)
    assert verdict(text) == "application_or_certificate_off"


def test_a_retiring_certificate_still_verifies(text, person, rooms):
    rotating.activate(person, CertificateFactory(application=rooms), at=AT)
    assert verifying.verify(text, at=LATER).token_id == IssuedToken.objects.get().pk


def test_a_retired_certificate_does_not(text):
    Certificate.objects.update(retiring_at=AT, retired_at=AT)
    assert verdict(text) == "application_or_certificate_off"


@pytest.mark.parametrize(("forged", "why"), [("aaaa.bbbb.cccc", "malformed"), (None, "bad_signature")])
def test_a_row_alone_does_not_make_a_token(text, forged, why):
    """Somebody who can write rows but has no certificate still has no token."""
    fake = forged or text[:-10] + "AAAAAAAAAA"
    IssuedToken.objects.update(digest=digests.digest(fake))
    assert verdict(fake) == why


@pytest.mark.parametrize("wrong", ["", "é", "x" * (verifying.LONGEST_TOKEN + 1)])
def test_what_cannot_be_a_token_costs_no_statement(db, wrong):
    with counted(0):
        assert verifying.find(wrong) is None


def test_the_longest_text_is_looked_for_by_its_digest(db):
    longest = "x" * verifying.LONGEST_TOKEN
    with counted(1) as seen:
        assert verifying.find(longest) is None
    assert digests.digest(longest) in seen[0]


def test_a_row_is_found_by_the_exact_digest(text):
    """MariaDB finds it in capitals, too."""
    IssuedToken.objects.update(digest=digests.digest(text).upper())
    assert verdict(text) == "unknown"


@pytest.mark.parametrize("ended", [{"revoked_at": AT}, {"epochs": 7}])
def test_of_two_rows_with_one_text_the_ended_one_counts(text, person, ended):
    older = IssuedToken.objects.get()
    assert issuing.issue(person, "rooms", body={"roomId": "room-1"}, at=AT).token.reveal() == text
    assert verifying.verify(text, at=LATER).token_id != older.pk
    IssuedToken.objects.filter(pk=older.pk).update(**ended)
    assert verifying.find(text) == older
    assert verdict(text) == "revoked"


def test_a_refusal_is_logged(db, caplog):
    with caplog.at_level("INFO", logger="token_issuer.verify"):
        verdict("x")
    assert "rejected" in caplog.messages


def test_one_statement(text):
    with counted(1):
        verifying.verify(text, at=LATER)


@pytest.mark.parametrize("version", ["007", "006"])
def test_an_agora_token_of_either_version_is_verified(person, calls, version):
    Application.objects.filter(pk=calls.pk).update(options={"token_version": version})
    issuance = issuing.issue(person, "calls", body={"channel": "room-1"}, at=AT)
    assert issuance.format == f"agora-{version}"
    assert verifying.verify(issuance.token.reveal(), at=LATER).token_id == issuance.token_id
