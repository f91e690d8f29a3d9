"""Login tokens that a browser leaves here and fetches back: the same user's, for the same device."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.errors import BadGrant, Conflict, NotFound, PolicyDenied
from token_issuer.models import Application, AuditEvent, AuditKind, IssuedToken, Rule, VendorPair
from token_issuer.services import explaining, issuing, naming, pairs, proving, revoking

TOKENS = {"accessToken": "access-1", "accessExpire": 172_800_000, "refreshToken": "r-1", "refreshExpire": 2_592_000}
DAY = timedelta(days=1)


@pytest.fixture
def phone(db):
    """An application that everyone signed in may log in to."""
    application = ApplicationFactory(slug="phone", provider="voximplant", public_id="app.acc.voximplant.com")
    return RuleFactory(application=application, privileges=["login"]).application


@pytest.fixture
def leave(phone, person, at):
    def leave(*, by=person, at=at, **changes):
        return pairs.deposit(by, "phone", body={**TOKENS, "device": "tab-1", **changes}, at=at)

    return leave


def fetched(by, at, device="tab-1"):
    return issuing.issue(by, "phone", body={"device": device}, at=at)


def explained(by, at, device="tab-1"):
    told = explaining.explain(by, "phone", body={"device": device}, at=at)
    return told.allowed, told.reason


def test_what_a_browser_left_it_gets_back(leave, person, user, at):
    leave()
    made = fetched(person, at + DAY)
    assert made.sdk == {
        "username": f"user-{user.pk}@app.acc.voximplant.com",
        "accessToken": "access-1", "accessExpire": 86_400,
        "refreshToken": "r-1", "refreshExpire": 29 * 86_400,
    }  # fmt: skip
    assert (made.expires_at, made.renew_at) == (at + 30 * DAY, None)
    row = IssuedToken.objects.get()
    assert (row.format, row.resource) == ("voximplant-access", "tab-1")


def test_after_the_access_token_it_gets_what_renews(leave, person, at):
    leave()
    assert fetched(person, at + 3 * DAY).token.reveal() == "r-1"
    with pytest.raises(PolicyDenied) as caught:
        fetched(person, at + 30 * DAY)
    assert caught.value.reason == "connect_again"


@pytest.mark.parametrize("later", [timedelta(0), 3 * DAY])
def test_what_was_revoked_is_handed_out_no_more_nor_is_what_left_with_it(leave, person, at, later):
    leave()
    revoking.revoke_own(person, fetched(person, at).token_id, reason="lost", at=at)
    with pytest.raises(PolicyDenied) as caught:
        fetched(person, at + later)
    assert caught.value.reason == "connect_again"
    leave(accessToken="access-2", refreshToken="r-2")
    assert fetched(person, at + later).token.reveal() in {"access-2", "r-2"}


def test_another_device_and_another_person_have_none(leave, person, at):
    leave()
    for by, device in ((person, "tab-2"), (person, "Tab-1"), (caller(UserFactory()), "tab-1")):
        with pytest.raises(PolicyDenied) as caught:
            fetched(by, at, device)
        assert caught.value.reason == "not_connected"


def test_every_login_brings_new_ones_and_the_late_one_is_told(leave, person, at):
    """Two tabs of one device: the one whose tokens are older by now does not put them back."""
    leave(version=0)
    leave(accessToken="access-2", version=1)
    with pytest.raises(Conflict):
        leave(accessToken="access-1", version=1)
    assert fetched(person, at).token.reveal() == "access-2"


def test_a_device_is_named(leave):
    with pytest.raises(BadGrant) as caught:
        leave(device="")
    assert caught.value.field == "device"


def test_what_the_sdk_said_is_in_the_audit(leave):
    leave()
    detail = AuditEvent.objects.get(kind=AuditKind.PAIR_KEPT).detail
    assert detail["reported"] == {"accessExpire": 172_800_000, "refreshExpire": 2_592_000}


def test_only_its_device_renews_it(leave, person, at):
    leave()
    with pytest.raises(NotFound, match="own device alone"):
        pairs.refresh(person, "phone", body={"device": "tab-1"}, at=at)


def test_nobody_leaves_any_whom_no_rule_lets_log_in(leave):
    Rule.objects.all().delete()
    with pytest.raises(PolicyDenied):
        leave()
    assert not VendorPair.objects.exists()


def test_the_applications_maximum_is_a_login_keys(leave, person, at):
    leave()
    Application.objects.update(default_lifetime=300, maximum_lifetime=300)
    assert fetched(person, at + DAY).expires_at == at + 30 * DAY
    assert fetched(person, at + 3 * DAY).expires_at == at + 30 * DAY
    assert explained(person, at + 3 * DAY) == (True, "")


def test_a_rule_for_short_lives_hands_none_back(leave, person, at):
    leave()
    Rule.objects.update(maximum_lifetime=30 * 86_400 - 1)
    with pytest.raises(PolicyDenied) as caught:
        fetched(person, at)
    assert caught.value.reason == "lifetime_not_granted"
    assert fetched(person, at + timedelta(seconds=1)).token.reveal() == "access-1"


def test_a_revocation_says_until_when_what_left_opens_anything(leave, person, at):
    """The refresh token left, too, and outlives the access token by far."""
    leave()
    made = fetched(person, at + DAY)
    ending = revoking.revoke_own(person, made.token_id, reason="lost", at=at + DAY)
    assert ending.ends_at == at + DAY + timedelta(seconds=29 * 86_400) == IssuedToken.objects.get().expires_at


def test_explaining_looks_for_the_pair(leave, person, at):
    assert explained(person, at) == (False, "not_connected")
    leave()
    assert explained(person, at + DAY) == explained(person, at + 3 * DAY) == (True, "")
    assert explained(person, at, "tab-2") == explained(caller(UserFactory()), at) == (False, "not_connected")
    assert explained(person, at + 30 * DAY) == (False, "connect_again")
    Rule.objects.update(maximum_lifetime=3600)
    assert explained(person, at) == (False, "lifetime_not_granted")
    assert explained(person, at + 2 * DAY - timedelta(hours=1)) == (False, "lifetime_not_granted")
    assert explained(person, at + 3 * DAY) == (False, "lifetime_not_granted")
    assert explained(person, at + 30 * DAY - timedelta(hours=1)) == (True, "")
    assert not IssuedToken.objects.exists()


def test_explaining_knows_a_token_that_was_revoked(leave, person, at):
    leave()
    revoking.revoke_own(person, fetched(person, at).token_id, reason="lost", at=at)
    with pytest.raises(PolicyDenied) as caught:
        fetched(person, at)
    assert explained(person, at) == (False, caught.value.reason) == (False, "connect_again")


# A name of one's own


def renamed(how, person, phone, user, at):
    if how == "named":
        naming.name(person, phone, user, subject="clerk", at=at)
    else:
        proving.prove(person, phone, user, subject="clerk", parts={"password": "correct"}, at=at)


@pytest.mark.parametrize("how", ["named", "proved"])
def test_tokens_of_another_name_are_not_handed_back(leave, person, phone, user, at, how):
    """They still open the account of whoever is given that name next."""
    proving.prove(person, phone, user, subject="boss", parts={"password": "correct"}, at=at)
    pair, others = leave(), leave(by=caller(UserFactory()))
    renamed(how, person, phone, user, at)
    with pytest.raises(PolicyDenied) as caught:
        fetched(person, at)
    assert (caught.value.reason, [*VendorPair.objects.all()]) == ("not_connected", [others])
    event = AuditEvent.objects.get(kind=AuditKind.PAIR_FORGOTTEN)
    assert (event.user, event.application, event.at) == (user, phone, at)
    assert event.detail == {"device": pair.device, "of": str(user.pk), "account": event.detail["account"]}


def test_another_password_of_the_same_name_keeps_them(leave, person, phone, user, at):
    for word in ("correct", "another"):
        proving.prove(person, phone, user, subject="boss", parts={"password": word}, at=at)
        leave()
    assert VendorPair.objects.count() == 1
    assert fetched(person, at).sdk["username"] == "boss@app.acc.voximplant.com"
