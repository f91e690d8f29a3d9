"""Temporary tokens: made by hand for a test, without policy, and narrow all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from tests.factories import AT, ApiKeyFactory, ApplicationFactory, UserFactory, VendorAccountFactory, caller
from token_issuer.errors import BadGrant, NotAuthenticated, PolicyDenied
from token_issuer.models import Application, AuditEvent, IssuedToken, Origin, Rule, Standing
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.registry import get_provider, providers
from token_issuer.services import inspecting, issuing, listing, revoking, temporary, verifying
from token_issuer.services.transactions import OpenTransaction

ROOM = {"roomId": "room-1"}
CHANNEL = {"channel": "room-1"}


@pytest.fixture(autouse=True)
def on(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}


@pytest.fixture
def admin(user):
    """Somebody who may, at the admin."""
    user.user_permissions.add(Permission.objects.get(codename="make_temporary_token"))
    return caller(user, origin=Origin.ADMIN)


@pytest.fixture
def make(admin):
    def make(slug="rooms", *, by=None, at=AT, **body):
        return temporary.make(by or admin, slug, body=body or ROOM, at=at)

    return make


def row():
    return IssuedToken.objects.with_epochs_now().get()


def test_it_asks_no_policy(make, rooms, user):
    Rule.objects.all().delete()
    made = make()
    seen = get_provider("videosdk").inspect(made.token.reveal())
    assert (seen.subject, seen.resource, [*seen.privileges]) == (f"user-{user.pk}", "room-1", ["allow_join"])


def test_its_row_says_what_it_is(make, rooms, user):
    make()
    assert (row().temporary, row().decision, row().origin, row().user) == (True, "temporary", Origin.ADMIN, user)


def test_no_other_token_is_temporary(person, rooms):
    issuing.issue(person, "rooms", body=ROOM, at=AT)
    assert not row().temporary


def test_it_is_listed_verified_and_revoked_like_any_other(make, rooms, admin):
    made = make()
    assert [each.pk for each in listing.own_tokens(admin, at=AT, live_only=True).tokens] == [made.token_id]
    assert verifying.verify(made.token, at=AT).token_id == made.token_id
    revoking.revoke_own(admin, made.token_id, reason="done", at=AT)
    assert row().standing(AT) is Standing.REVOKED
    assert inspecting.inspect(made.token.reveal(), at=AT).verdict == "revoked"


def test_an_hour_unless_told(make, rooms):
    assert make().expires_in == 3600


@pytest.mark.parametrize(("lifetime", "seconds"), [(60, 60), ("90m", 5400), ("PT24H", 86_400)])
def test_the_lifetime_is_read_as_elsewhere(make, rooms, lifetime, seconds):
    assert make(lifetime=lifetime, **ROOM).expires_in == seconds


def test_the_applications_maximum_holds(make, rooms):
    Application.objects.update(maximum_lifetime=600)
    assert make().expires_in == 600
    with pytest.raises(BadGrant, match=r"^lifetime: must be 60 to 600 seconds$"):
        make(lifetime=601, **ROOM)


class WeeklyProvider(VideoSDKProvider):
    """A vendor whose tokens may live for a week."""

    name = "weekly"
    lifetimes = replace(VideoSDKProvider.lifetimes, default=7 * 86_400, maximum=7 * 86_400)


class RoomlessProvider(VideoSDKProvider):
    """A vendor whose tokens open no room in particular, and need not."""

    name = "roomless"

    def wildcards(self, grant):
        return frozenset()


class TheirOwnLengthProvider(WeeklyProvider):
    """A vendor who sets how long his tokens live."""

    name = "their-own-length"
    vendor_sets_lifetime = True


@pytest.fixture
def added(settings):
    paths = [f"{each.__module__}.{each.__qualname__}" for each in EXTRA]
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": paths}}
    for each in EXTRA:
        ApplicationFactory(slug=each.name, provider=each.name, ready=True)


EXTRA = (WeeklyProvider, RoomlessProvider, TheirOwnLengthProvider)


def test_a_day_is_the_most_whatever_the_vendor_allows(make, added):
    with pytest.raises(BadGrant, match=r"^lifetime: must be 60 to 86400 seconds for a temporary token$"):
        make("weekly", lifetime=86_401, **ROOM)
    assert make("weekly", lifetime=86_400, **ROOM).expires_in == 86_400


def test_where_the_vendor_sets_the_lifetime_a_day_is_the_most_that_is_taken(make, added):
    assert make("their-own-length", **ROOM).expires_in == 86_400


def test_the_subject_is_ones_own_number(make, calls, user):
    VendorAccountFactory(application=calls, user=user, number=5)
    assert make("calls", **CHANNEL).grant.subject == str(5 * 16)
    assert make("calls", slot=2, **CHANNEL).grant.subject == str(5 * 16 + 2)


def test_a_number_is_allocated_as_usual(make, calls, user):
    made = make("calls", **CHANNEL)
    account = user.pk and calls.accounts.get(user=user)
    assert made.grant.subject == str(account.number * 16)


def test_nobody_else_can_be_named(make, calls):
    with pytest.raises(BadGrant) as error:
        make("calls", uid=7, on_behalf_of=3, **CHANNEL)
    assert set(error.value.fields) == {"uid", "on_behalf_of"}


@pytest.mark.parametrize(
    ("slug", "body", "field"),
    [
        ("rooms", {"permissions": ["allow_join"]}, "roomId"),
        ("calls", {"channel": ""}, "channel"),
        ("calls", {"channel": "room-*"}, "channel"),
    ],
)
def test_a_wildcard_is_refused_by_name(make, rooms, calls, slug, body, field):
    with pytest.raises(BadGrant, match="must name exactly one") as error:
        make(slug, **body)
    assert error.value.field == field
    assert not IssuedToken.objects.exists()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"chat": True}, ["chat"]),
        ({"also_rtm": True}, ["also_rtm"]),
        ({"chat": True, "also_rtm": True, "role": "publisher"}, ["chat", "also_rtm"]),
    ],
)
def test_what_no_channel_binds_is_refused_by_name(make, calls, body, fields):
    with pytest.raises(BadGrant, match="is bound to no channel or room") as error:
        make("calls", **body, **CHANNEL)
    assert list(error.value.fields) == fields
    assert not IssuedToken.objects.exists()


def test_what_is_for_servers_is_refused(make, rooms):
    with pytest.raises(BadGrant, match="crawler: never in a temporary token"):
        make(roles=["crawler"], **ROOM)


@pytest.mark.parametrize("command", [Origin.COMMAND, Origin.PYTHON])
def test_it_is_refused_also_where_servers_ask(make, rooms, user, admin, command):
    with pytest.raises(BadGrant, match="crawler"):
        make(by=replace(admin, origin=command), roles=["crawler"], **ROOM)


def test_our_own_tokens_are_never_temporary(make, own, once):
    for slug, label in (("own", "Own access tokens"), ("once", "Own short tokens")):
        with pytest.raises(BadGrant, match=f"^application: {label}: this site verifies them itself"):
            make(slug, scope="reports:read") if slug == "own" else make(slug, access="readonly")


@pytest.mark.parametrize("name", sorted(providers()))
def test_which_vendors_tokens_can_be_temporary(name):
    assert (temporary.objection(providers()[name]) == "") == (name in {"agora", "videosdk"})


def test_a_vendor_without_rooms_is_refused_by_its_name_and_not_asked(make, speech, vocalstack):
    with pytest.raises(BadGrant, match=r"^application: VocalStack's tokens name no channel or room"):
        make("speech", access="readonly")
    assert vocalstack.orders == []


def test_a_login_at_the_vendor_is_never_temporary(make, db):
    ApplicationFactory(slug="phone", provider="voximplant")
    with pytest.raises(BadGrant, match=r"^application: Voximplant's tokens are a person's login"):
        make("phone", login_key="0" * 32)


def test_a_format_without_a_room_is_refused_by_its_name(make, added):
    with pytest.raises(BadGrant, match=r"^application: VideoSDK's tokens name no channel or room"):
        make("roomless", permissions=["allow_join"])


def test_it_takes_its_own_permission(make, rooms):
    other = caller(UserFactory(), origin=Origin.ADMIN)
    with pytest.raises(PolicyDenied, match=r"This takes the permission token_issuer\.make_temporary_token") as error:
        make(by=other)
    assert error.value.reason == "temporary_not_permitted"
    assert AuditEvent.objects.get().detail["reason"] == "temporary_not_permitted"


def test_a_server_has_no_such_permission(make, rooms, admin):
    with pytest.raises(PolicyDenied):
        make(by=replace(admin, api_key=ApiKeyFactory(application=rooms)))


def test_a_deactivated_administrator_gets_nothing(make, rooms, user):
    user.is_active = False
    with pytest.raises(NotAuthenticated):
        make()


@pytest.mark.parametrize("given", [{"TEMPORARY_TOKENS": False}, {}])
def test_switched_off_names_the_setting(make, rooms, settings, given):
    rest = {name: value for name, value in settings.TOKEN_ISSUER.items() if name != "TEMPORARY_TOKENS"}
    settings.TOKEN_ISSUER = {**rest, **given}
    with pytest.raises(PolicyDenied, match=r'TOKEN_ISSUER\["TEMPORARY_TOKENS"\] is False') as error:
        make()
    assert error.value.reason == "temporary_tokens_off"


def test_debug_switches_it_on(make, rooms, settings):
    settings.TOKEN_ISSUER = {name: value for name, value in settings.TOKEN_ISSUER.items() if name != "TEMPORARY_TOKENS"}
    settings.DEBUG = True
    assert make().decision == "temporary"


@pytest.mark.django_db(transaction=True)
def test_not_inside_a_transaction(make, rooms):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        make()


def test_it_expires(make, rooms):
    made = make()
    assert inspecting.inspect(made.token.reveal(), at=AT + timedelta(hours=1)).verdict == "expired"


def test_another_application_is_found_by_its_own_name(make, rooms):
    ApplicationFactory(slug="other", ready=True)
    assert make("other").application.slug == "other"
