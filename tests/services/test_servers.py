"""What a server's key may do: for itself, as a user, on behalf of users, and to the tokens of its application."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import AT, ApiKeyFactory, ApplicationFactory, IssuedTokenFactory, RuleFactory, UserFactory, caller
from token_issuer.errors import BadGrant, NotFound, PolicyDenied, TokenRejected
from token_issuer.models import (
    ApiKey,
    AuditEvent,
    AuditKind,
    EpochKind,
    IssuedToken,
    Origin,
    Principal,
    RevocationEpoch,
    epoch_key,
)
from token_issuer.services import api_keys, explaining, issuing, login_keys, refreshing, revoking, verifying

LATER = AT + timedelta(minutes=1)
ISSUE = "tokens:issue"
REVOKE = "tokens:revoke"


@pytest.fixture
def key(rooms):
    return ApiKeyFactory(application=rooms)


def server(key, user=None):
    scopes = frozenset(key.scopes)
    return caller(user or AnonymousUser(), origin=Origin.API_KEY, api_key=key, scopes=scopes)


def issue(by, *, slug="rooms", **body):
    return issuing.issue(by, slug, body={"roomId": "room-1"} | body, at=AT)


# On behalf of a user


def test_a_server_issues_on_behalf_of_a_user(key, user):
    made = issue(server(key), on_behalf_of=user.pk)
    row = IssuedToken.objects.get()
    assert (row.principal, row.user, row.principal_key) == (Principal.USER, user, epoch_key(EpochKind.USER, user.pk))
    assert (row.api_key, row.origin, row.subject) == (key, Origin.API_KEY, f"user-{user.pk}")
    assert verifying.verify(made.token.reveal(), at=AT).user == user


def test_the_users_rules_bind_the_server_too(key, user):
    with pytest.raises(PolicyDenied) as error:
        issue(server(key), on_behalf_of=user.pk, permissions=["allow_mod"])
    assert error.value.reason == "privilege_not_granted"


def test_a_rule_for_others_opens_nothing_on_behalf_of_a_user(user):
    members = RuleFactory(application__slug="members", everyone=False, for_users=[UserFactory()]).application
    with pytest.raises(PolicyDenied):
        issue(server(ApiKeyFactory(application=members)), slug="members", on_behalf_of=user.pk)


@pytest.mark.parametrize("who", [None, True, "", "nobody", "1_0", " 1", 10**30, 1.0, [1], {"pk": 1}, "\0", "-1"])
def test_what_is_no_user_is_refused(key, user, who):
    with pytest.raises(BadGrant) as error:
        issue(server(key), on_behalf_of=who)
    assert str(error.value) == "on_behalf_of: names no active user"
    assert not IssuedToken.objects.exists()


def test_an_inactive_user_looks_like_none(key):
    with pytest.raises(BadGrant) as error:
        issue(server(key), on_behalf_of=UserFactory(is_active=False).pk)
    assert str(error.value) == "on_behalf_of: names no active user"


def test_a_key_that_acts_as_a_user_names_no_other(rooms, user):
    key = ApiKeyFactory(application=rooms, acts_as=user)
    with pytest.raises(BadGrant) as error:
        issue(server(key, user), on_behalf_of=UserFactory().pk)
    assert str(error.value) == "on_behalf_of: cannot be named: this key acts as one user"


@pytest.mark.parametrize("use_case", [issuing.issue, explaining.explain, login_keys.make])
def test_nor_where_its_call_does_not_speak_for_that_user(rooms, user, use_case):
    """As an access token of the key's own would."""
    key = ApiKeyFactory(application=rooms, acts_as=user)
    with pytest.raises(BadGrant) as error:
        use_case(server(key), "rooms", body={"roomId": "room-1", "on_behalf_of": UserFactory().pk}, at=AT)
    assert str(error.value) == "on_behalf_of: cannot be named: this key acts as one user"


def test_a_key_of_another_application_opens_nothing_here(rooms, user):
    key = ApiKeyFactory(application=ApplicationFactory(slug="others", ready=True))
    with pytest.raises(NotFound, match=r"There is no such application\."):
        issue(server(key), on_behalf_of=user.pk)


def test_a_person_names_nobody_else(person, rooms):
    with pytest.raises(BadGrant) as error:
        issue(person, on_behalf_of=UserFactory().pk)
    assert [*error.value.fields] == ["on_behalf_of"]


def test_a_token_of_a_deleted_user_is_refused_and_its_row_still_tells(key, user):
    made = issue(server(key), on_behalf_of=user.pk)
    subject, principal_key = f"user-{user.pk}", epoch_key(EpochKind.USER, user.pk)
    user.delete()
    with pytest.raises(TokenRejected) as error:
        verifying.verify(made.token.reveal(), at=LATER)
    row = IssuedToken.objects.get()
    assert error.value.verdict == "principal_gone"
    assert (row.subject, row.api_key, row.principal, row.principal_key, row.user) == (
        subject, key, Principal.USER, principal_key, None,
    )  # fmt: skip


def test_a_refusal_names_the_key_that_asked(key, user):
    for _ in range(2):
        with pytest.raises(PolicyDenied):
            issue(server(key), on_behalf_of=user.pk, permissions=["allow_mod"])
    event = AuditEvent.objects.get()
    assert (event.kind, event.count, event.detail["by_api_key"]) == (AuditKind.DENIED, 2, key.public_id)


def test_refusals_of_two_keys_are_counted_apart(rooms, user):
    for key in (ApiKeyFactory(application=rooms), ApiKeyFactory(application=rooms)):
        with pytest.raises(PolicyDenied):
            issue(server(key), on_behalf_of=user.pk, permissions=["allow_mod"])
    assert AuditEvent.objects.count() == 2


# Ending tokens


@pytest.mark.parametrize("scopes", [[], [ISSUE]])
def test_a_key_ends_what_it_issued(rooms, scopes):
    key = ApiKeyFactory(application=rooms, scopes=scopes)
    token = IssuedTokenFactory(application=rooms, api_key=key)
    assert revoking.revoke_own(server(key), token.pk, reason="done", at=LATER).changed


def test_without_the_scope_it_ends_nothing_else(key, rooms):
    token = IssuedTokenFactory(application=rooms)
    with pytest.raises(NotFound):
        revoking.revoke_own(server(key), token.pk, reason="done", at=LATER)


def test_with_the_scope_it_ends_any_token_of_its_application(rooms):
    key = ApiKeyFactory(application=rooms, scopes=[REVOKE])
    inside, outside = IssuedTokenFactory(application=rooms), IssuedTokenFactory()
    revoking.revoke_own(server(key), inside.pk, reason="done", at=LATER)
    with pytest.raises(NotFound):
        revoking.revoke_own(server(key), outside.pk, reason="done", at=LATER)
    assert [row.revoked_at for row in IssuedToken.objects.order_by("pk")] == [LATER, None]
    assert AuditEvent.objects.get().detail == {"reason": "done", "by_api_key": key.public_id}


def test_a_persons_own_credential_ends_his_own_tokens_whatever_its_scopes(person, user, rooms):
    foreign = IssuedTokenFactory(application=rooms)
    holder = caller(user, origin=Origin.BEARER, scopes=frozenset({REVOKE}))
    with pytest.raises(NotFound):
        revoking.revoke_own(holder, foreign.pk, reason="done", at=LATER)


@pytest.mark.parametrize("acting", [True, False])
def test_ending_all_of_a_servers_tokens_ends_what_its_key_issued(rooms, user, acting):
    key = ApiKeyFactory(application=rooms, acts_as=user if acting else None)
    issued = IssuedTokenFactory(application=rooms, user=user, api_key=key)
    by_session = IssuedTokenFactory(application=rooms, user=user)
    ended = revoking.revoke_mine(server(key, user if acting else None), reason="moved", at=LATER)
    assert (ended.kind, ended.live) == (EpochKind.API_KEY, 1)
    assert [row.pk for row in IssuedToken.objects.live(LATER)] == [by_session.pk]
    assert (RevocationEpoch.objects.get().key, issued.api_key) == (key.pk, key)
    assert AuditEvent.objects.get().detail["of"] == key.public_id


# For itself


@pytest.fixture
def site(settings, db):
    """The site's own tokens, with a scope of its own."""
    settings.TOKEN_ISSUER = {
        **settings.TOKEN_ISSUER,
        "ISSUER": "https://issuer.example",
        "SCOPES": {"reports:read": "Read reports", "reports:write": "Write reports"},
    }
    return ApplicationFactory(slug="site", provider="own", ready=True)


@pytest.fixture
def reader(site):
    return ApiKeyFactory(application=site, scopes=["reports:read", "tokens:issue"])


def test_a_server_gets_its_own_token_for_what_its_key_may(reader):
    issuing.issue(server(reader), "site", body={"scope": "reports:read"}, at=AT)
    row = IssuedToken.objects.get()
    assert (row.principal, row.principal_key, row.user, row.subject) == (
        Principal.API_KEY, reader.pk, None, reader.public_id,
    )  # fmt: skip
    assert (row.privileges, row.decision) == (["reports:read"], f"api_key:{reader.public_id}")


def test_it_gets_no_more_than_its_key_may(reader):
    with pytest.raises(PolicyDenied):
        issuing.issue(server(reader), "site", body={"scope": "reports:write"}, at=AT)


def test_a_token_of_its_own_gets_it_no_more_than_that_token_may(reader):
    narrow = caller(AnonymousUser(), origin=Origin.BEARER, api_key=reader, scopes=frozenset({"tokens:issue"}))
    with pytest.raises(PolicyDenied):
        issuing.issue(narrow, "site", body={"scope": "reports:read"}, at=AT)


def test_what_a_server_has_ends_with_its_key(reader):
    made = issuing.issue(server(reader), "site", body={"scope": "reports:read"}, at=AT)
    api_keys.revoke(caller(UserFactory()), reader, reason="leaked", at=LATER)
    with pytest.raises(TokenRejected):
        verifying.verify(made.token.reveal(), at=LATER)


# As a user


@pytest.fixture
def deputy(site, user):
    """A key that acts as a user who may have both scopes, and has one of them itself."""
    RuleFactory(application=site, privileges=["reports:read", "reports:write", "tokens:issue"])
    return ApiKeyFactory(application=site, scopes=["reports:read", "tokens:issue"], acts_as=user)


def test_a_key_that_acts_as_a_user_gets_his_token_for_what_both_may(deputy, user):
    issuing.issue(server(deputy, user), "site", body={"scope": "reports:read"}, at=AT)
    row = IssuedToken.objects.get()
    assert (row.user, row.privileges) == (user, ["reports:read"])


@pytest.mark.parametrize("scopes", [None, frozenset({"reports:read", "reports:write", "tokens:issue"})])
def test_it_gets_no_more_than_its_own_scopes_whatever_its_user_may(deputy, user, scopes):
    by = caller(user, origin=Origin.API_KEY, api_key=deputy, scopes=scopes)
    with pytest.raises(PolicyDenied) as error:
        issuing.issue(by, "site", body={"scope": "reports:read reports:write"}, at=AT)
    assert error.value.reason == "scope_missing"


def test_a_scope_that_the_key_has_lost_is_not_refreshed(deputy, user):
    pair = issuing.issue(server(deputy, user), "site", body={"scope": "reports:read tokens:issue"}, at=AT).pair
    assert pair is not None
    ApiKey.objects.update(scopes=["tokens:issue"])
    assert refreshing.refresh(pair.refresh_token, at=LATER).grant.privileges == {"tokens:issue"}


def test_a_server_that_names_a_user_asks_for_what_he_may_have(deputy, user):
    ApiKey.objects.update(acts_as=None, acts_as_key=None)
    deputy.refresh_from_db()
    made = issuing.issue(server(deputy), "site", body={"scope": "reports:write", "on_behalf_of": user.pk}, at=AT)
    assert made.grant.privileges == {"reports:write"}


def never(ask):
    raise AssertionError("nobody was named")


@pytest.mark.parametrize("use_case", [issuing.issue, explaining.explain])
def test_a_vendors_token_is_for_somebody(key, settings, use_case):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"*": f"{__name__}.never"}}
    with pytest.raises(BadGrant) as error:
        use_case(server(key), "rooms", body={"roomId": "room-1"}, at=AT)
    assert str(error.value) == "on_behalf_of: must name the user whom the token is for"
