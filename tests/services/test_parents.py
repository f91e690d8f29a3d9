"""What an access token makes while it is being ended: refused, or dead at its first use."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from tests.factories import AT, ApiKeyFactory, caller
from token_issuer.errors import TokenRejected
from token_issuer.models import (
    AuditEvent,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    Origin,
    RevocationEpoch,
    TokenFamily,
    epoch_key,
)
from token_issuer.services import closing, issuing, login_keys, redeeming, refreshing, revoking, verifying
from token_issuer.services.parents import STILLBORN
from token_issuer.services.remembering import memory

SCOPE = {"scope": "tokens:issue reports:read"}
LATER = AT + timedelta(seconds=1)
MEANWHILE: list = []


def policy(ask):
    """Leave it to the rules, once what was to happen meanwhile has happened."""
    if MEANWHILE:
        MEANWHILE.pop()()


@pytest.fixture
def pair(own, user):
    """A pair of the user's."""
    return issuing.issue(caller(user, origin=Origin.PYTHON), "own", body=SCOPE, at=AT)


@pytest.fixture
def lone(own, user):
    """An access token without a refresh token."""
    return issuing.issue(caller(user), "own", body=SCOPE, at=AT)


@pytest.fixture
def meanwhile(own, settings):
    """What a site's policy waits for."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"own": f"{__name__}.policy"}}
    MEANWHILE.clear()
    yield MEANWHILE.append
    MEANWHILE.clear()


def holder(made):
    """Whoever presents this access token."""
    known = verifying.verify(made.token, at=LATER)
    return caller(known.user, origin=Origin.BEARER, scopes=known.scopes, presented=known)


def issued(by, at=LATER):
    return issuing.issue(by, "own", body={"scope": "reports:read"}, at=at)


def login_key(by):
    return login_keys.make(by, "own", body={"scope": "reports:read"}, at=LATER)


ENDINGS = {
    "log-out everywhere": lambda user, made: revoking.revoke_user(caller(user), user, reason="", at=LATER),
    "the token": lambda user, made: revoking.revoke_own(caller(user), made.token_id, reason="", at=LATER),
    "the family": lambda user, made: closing.close_family(caller(user), TokenFamily.objects.get(), reason="", at=LATER),
    "the application": lambda user, made: revoking.revoke_application(
        caller(user), made.application, reason="", at=LATER
    ),
    "the row": lambda user, made: (AuditEvent.objects.all().delete(), IssuedToken.objects.all().delete()),
    "the password": lambda user, made: (user.set_password("another"), user.save()),
}


@pytest.mark.parametrize("check", ["database", "cache"])
@pytest.mark.parametrize("make", [issued, login_key])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ended_while_policy_thought_makes_nothing(pair, user, meanwhile, settings, ending, make, check):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REVOCATION_CHECK": check}
    memory.trust_again()
    holder(pair)  # the second time, a cache remembers it, and no row is read
    by = holder(pair)
    assert (by.presented.token is None) is (check == "cache")
    meanwhile(lambda: ENDINGS[ending](user, pair))
    with pytest.raises(TokenRejected):
        make(by)
    assert (TokenFamily.objects.count(), OneTimeKey.objects.count()) == (1, 0)


@pytest.mark.parametrize("which", ["pair", "lone"])
@pytest.mark.parametrize("make", [issued, login_key])
def test_what_has_not_ended_makes_what_is_good(request, which, make):
    made = make(holder(request.getfixturevalue(which)))
    if make is login_key:
        made = redeeming.redeem(caller(AnonymousUser(), origin=Origin.REDEEM), made.text, at=LATER).issuance
    assert verifying.verify(made.token, at=LATER).scopes == {"reports:read"}
    if made.pair is not None:
        assert refreshing.refresh(made.pair.refresh_token, at=LATER).pair is not None


@pytest.mark.parametrize("which", ["pair", "lone"])
def test_a_login_key_that_an_access_token_asked_for_lengthens_no_life(request, which):
    parent = request.getfixturevalue(which)
    key = login_key(holder(parent))
    given = redeeming.redeem(caller(AnonymousUser(), origin=Origin.REDEEM), key.text, at=LATER).issuance.pair
    assert (given and given.expires_at) == (parent.pair and parent.pair.expires_at)


@pytest.mark.parametrize("days", [0, 1, 20])
def test_a_pair_that_an_access_token_asks_for_ends_with_that_tokens_own(pair, days):
    """Asking for another never lengthens a life; the idle limit is the nearer of both."""
    at = AT + timedelta(days=days, seconds=1)
    text = pair.pair.refresh_token
    newest = pair
    for day in range(0, days + 1, 5):
        newest = refreshing.refresh(text, at=AT + timedelta(days=day, seconds=1))
        assert newest.pair is not None
        text = newest.pair.refresh_token
    newest = refreshing.refresh(text, at=at)
    known = verifying.verify(newest.token, at=at)
    other = issued(caller(known.user, origin=Origin.BEARER, scopes=known.scopes, presented=known), at=at)
    first, second = TokenFamily.objects.order_by("pk")
    assert other.pair.expires_at == second.expires_at == first.expires_at
    assert second.idle_expires_at == min(at + timedelta(days=14), first.expires_at)


def test_an_access_token_without_a_pair_gets_an_access_token_alone(lone):
    made = issued(holder(lone))
    assert made.pair is None
    assert not TokenFamily.objects.exists()


def test_an_access_token_that_outlives_its_family_gets_no_pair(pair):
    TokenFamily.objects.update(idle_expires_at=LATER, expires_at=LATER)
    assert issued(holder(pair)).pair is None


def test_what_else_somebody_with_a_login_key_came_with_has_no_part_in_it(lone, person, user):
    made = login_keys.make(person, "own", body={"scope": "reports:read"}, at=LATER)
    by = replace(holder(lone), origin=Origin.REDEEM, by_cookie=True)
    revoking.revoke_own(person, lone.token_id, reason="", at=LATER)
    pair = redeeming.redeem(by, made.text, at=LATER).issuance.pair
    assert pair is not None
    assert not pair.in_cookie


def test_what_was_ended_before_and_issued_again_makes_what_is_good(own, user):
    """The sums are compared, whatever they are."""
    for _ in range(2):
        revoking.revoke_user(caller(user), user, reason="", at=AT)
        revoking.revoke_application(caller(user), own, reason="", at=AT)
    made = issuing.issue(caller(user, origin=Origin.PYTHON), "own", body=SCOPE, at=AT)
    grandchild = issued(holder(issuing.issue(holder(made), "own", body=SCOPE, at=LATER)))
    assert verifying.verify(grandchild.token, at=LATER).user == user


@pytest.fixture
def ended_before_insert(user):
    """Log the user out right before the first INSERT into a table, after everything else was judged."""

    def ended(table, work, *, key=None):
        pending = [key or epoch_key(EpochKind.USER, user.pk)]

        def interfere(execute, sql, params, many, context):
            if pending and sql.startswith("INSERT") and table in sql:
                RevocationEpoch.objects.create(kind="user", key=pending.pop(), epoch=1, not_before=LATER)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(interfere):
            made = work()
        assert not pending
        return made

    return ended


@pytest.mark.parametrize("table", [IssuedToken._meta.db_table, TokenFamily._meta.db_table])
def test_a_pair_that_is_written_after_the_ending_is_dead(pair, ended_before_insert, table):
    by = holder(pair)
    made = ended_before_insert(table, lambda: issued(by))
    with pytest.raises(TokenRejected):
        verifying.verify(made.token, at=LATER)
    with pytest.raises(TokenRejected):
        refreshing.refresh(made.pair.refresh_token, at=LATER)


def test_a_token_that_is_written_after_the_ending_is_dead(lone, ended_before_insert):
    by = holder(lone)
    made = ended_before_insert(IssuedToken._meta.db_table, lambda: issued(by))
    assert made.pair is None
    with pytest.raises(TokenRejected):
        verifying.verify(made.token, at=LATER)


def test_a_login_key_that_is_written_after_the_ending_is_dead(lone, ended_before_insert):
    by = holder(lone)
    made = ended_before_insert(OneTimeKey._meta.db_table, lambda: login_key(by))
    assert OneTimeKey.objects.get().epochs == STILLBORN
    with pytest.raises(TokenRejected):
        redeeming.redeem(caller(AnonymousUser(), origin=Origin.REDEEM), made.text, at=LATER)


@pytest.mark.parametrize("what", ["certificate", "application", "everything"])
def test_what_ends_the_parent_alone_ends_what_it_makes(own, lone, once, ended_before_insert, what):
    """Its sets are not those of what it makes for another application."""
    by, row = holder(lone), IssuedToken.objects.get()
    keys = {
        "certificate": row.certificate_id,
        "application": row.application_id,
        "everything": epoch_key(EpochKind.EVERYTHING),
    }
    made = ended_before_insert(
        IssuedToken._meta.db_table,
        lambda: issuing.issue(by, "once", body={"access": "readwrite"}, at=LATER),
        key=keys[what],
    )
    with pytest.raises(TokenRejected):
        verifying.verify(made.token, at=LATER)


def test_a_servers_token_ends_with_its_key(own, ended_before_insert):
    key = ApiKeyFactory(application=own, scopes=["tokens:issue", "reports:read"])
    server = caller(AnonymousUser(), origin=Origin.API_KEY, api_key=key)
    made = issuing.issue(server, "own", body=SCOPE, at=AT)
    known = verifying.verify(made.token, at=LATER)
    by = caller(AnonymousUser(), origin=Origin.BEARER, api_key=key, scopes=known.scopes, presented=known)
    child = ended_before_insert(IssuedToken._meta.db_table, lambda: issued(by), key=key.pk)
    with pytest.raises(TokenRejected):
        verifying.verify(child.token, at=LATER)


def test_nothing_of_a_credential_is_in_a_callers_repr(pair):
    assert "presented" not in repr(holder(pair))
