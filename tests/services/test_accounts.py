"""Numbers are taken once, from one counter, for one person at one application."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.factories import AT, ApplicationFactory, UserFactory, VendorAccountFactory
from token_issuer.errors import Unavailable
from token_issuer.models import Application, IssuedToken, VendorAccount
from token_issuer.models.vendor_account import LARGEST_NUMBER
from token_issuer.services import accounts, deciding, issuing


@pytest.fixture
def question(person, calls):
    return deciding.understand(person, "calls", {"channel": "a"})


def test_who_was_faster_in_another_request_keeps_his_number(question):
    """Both requests have read that there is no account yet."""
    assert [accounts.number_of(question), accounts.number_of(question)] == [1, 1]
    assert VendorAccount.objects.get().number == 1


def test_the_last_number_is_given_and_none_after_it(question, calls):
    Application.objects.update(account_sequence=LARGEST_NUMBER - 1)
    assert accounts.number_of(question) == LARGEST_NUMBER
    VendorAccount.objects.all().delete()
    with pytest.raises(Unavailable, match=r"^This application has no numbers left for new people\.$"):
        accounts.number_of(question)


def test_accounts_made_beforehand_for_others_stay_without_a_number(question, calls, user):
    others = [
        VendorAccountFactory(application=calls, user=UserFactory()),
        VendorAccountFactory(application=ApplicationFactory(provider="agora"), user=user),
    ]
    accounts.number_of(question)
    assert VendorAccount.objects.filter(pk__in=[row.pk for row in others], number=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_first_number_may_be_taken_in_a_hosts_transaction(person, calls):
    given: list[issuing.Issuance] = []
    with transaction.atomic():
        issuing.issue(person, "calls", body={"channel": "a"}, at=AT, on_commit=given.append)
    assert given[0].grant.subject == IssuedToken.objects.get().subject == "16"
