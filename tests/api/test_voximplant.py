"""A login key of Voximplant over HTTP."""

from __future__ import annotations

import hashlib

import pytest

from tests.api.browsers import Browser
from tests.factories import (
    AT,
    VOXIMPLANT_DOMAIN,
    ApplicationFactory,
    CertificateFactory,
    RuleFactory,
    UserFactory,
    VendorAccountFactory,
    caller,
)
from token_issuer.models import AnsweredLoginKey, IssuedToken
from token_issuer.services import proving

KEY = "k:1|2"
HA1 = "4e89e865d6dd680d0e499ed685e83cef"
HASH = hashlib.md5(f"{KEY}|{HA1}".encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def phone(db):
    return RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant", ready=True)).application


@pytest.fixture
def account(phone, user):
    return VendorAccountFactory(application=phone, user=user, subject="user1", proof={"ha1": HA1})


def test_a_front_end_gets_what_its_sdk_takes(browser, account):
    response = browser.issue("phone", login_key=KEY)
    made = response.json()
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert made["sdk"] == {"username": f"user1@{VOXIMPLANT_DOMAIN}", "hash": HASH}
    assert (made["token"], made["expires_in"], made["renew_in"], made["revocation"]) == (HASH, 300, None, "at_expiry")
    assert (made["subject"], made["resource"], made["privileges"], made["slot"]) == ("user1", "", ["login"], 0)


def test_the_second_answer_is_refused_by_name(browser, account):
    browser.issue("phone", login_key=KEY)
    response = browser.issue("phone", login_key=KEY)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert response.json()["fields"] == {"login_key": ["was answered already: ask the vendor for a new one"]}
    assert KEY not in response.text


def test_without_an_account_there_is_a_reason(browser, phone):
    response = browser.issue("phone", login_key=KEY)
    assert response.status_code == 403
    assert (response.json()["error"], response.json()["reason"]) == ("policy_denied", "no_vendor_account")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"login_key": KEY, "username": "user2"}, "username"),
        ({"login_key": KEY, "slot": 1}, "slot"),
        ({"login_key": KEY, "lifetime": 60}, "lifetime"),
        ({"login_key": 7}, "login_key"),
        ({"login_key": None}, "login_key"),
        ({"login_key": ""}, "login_key"),
        ({"login_key": "k\u0000"}, "login_key"),
        ({}, "login_key"),
        ({"login_key": KEY, "other": 1}, "other"),
    ],
)
def test_bad_bodies_are_answered_by_field(browser, account, body, field):
    response = browser.post("applications/phone/tokens/", body)
    assert response.status_code == 400
    assert field in response.json()["fields"]
    assert not AnsweredLoginKey.objects.exists()


def test_slot_zero_is_no_other_device(browser, account):
    assert browser.issue("phone", login_key=KEY, slot=0).status_code == 201


def test_nobody_signed_in_gets_nothing(nobody, account):
    assert nobody.issue("phone", login_key=KEY).status_code in {401, 403}
    assert not IssuedToken.objects.exists()


def test_somebody_elses_key_is_answered_for_oneself(account, phone):
    """Whoever gets hold of a key has it answered with his own proof, which opens nothing of the key's user."""
    other = UserFactory()
    VendorAccountFactory(application=phone, user=other, subject="user2", proof={"ha1": "0" * 32})
    made = Browser(other).issue("phone", login_key=KEY).json()
    assert made["sdk"]["username"] == f"user2@{VOXIMPLANT_DOMAIN}"
    assert made["token"] != HASH


def test_the_offer_names_no_user(browser, account):
    (offer,) = browser.get("applications/").json()["applications"]
    assert list(offer["grant"]["properties"]) == ["login_key", "device"]


def offered_name(browser):
    return [offer["login_name"] for offer in browser.get("applications/").json()["applications"]]


def test_the_offer_says_what_to_ask_the_cloud_a_key_for(browser, account):
    assert offered_name(browser) == [f"user1@{VOXIMPLANT_DOMAIN}"]


def test_nobody_learns_the_name_of_an_account_that_is_not_his(browser, phone):
    VendorAccountFactory(application=phone, subject="user2", proof={"ha1": HA1})
    assert offered_name(browser) == [None]


def test_an_account_that_cannot_log_in_has_no_name(browser, phone, user):
    VendorAccountFactory(application=phone, user=user, subject="user1")
    assert offered_name(browser) == [None]


def test_a_password_that_is_entered_is_all_it_takes(browser, phone, user):
    proving.prove(caller(user), phone, user, parts={"password": "secret"}, subject="user1", at=AT)
    assert browser.issue("phone", login_key=KEY).json()["token"] == HASH


def test_the_management_key_is_not_needed_and_not_used(browser, account, phone):
    CertificateFactory(application=phone, purpose="call", active=True, secret={"account_id": "1"})
    browser.issue("phone", login_key=KEY)
    assert IssuedToken.objects.get().certificate is None
