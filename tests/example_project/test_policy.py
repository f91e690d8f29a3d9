"""The example project's policy function asks its own membership table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from example_project.policy import rooms
from example_project.rooms.models import Membership, Room
from tests.factories import UserFactory
from token_issuer import Allow, Deny

pytestmark = pytest.mark.django_db


def asked(user: Any, channel: str) -> Allow | Deny:
    ask: Any = SimpleNamespace(user=user, grant=SimpleNamespace(channel=channel))
    return rooms(ask)


@pytest.fixture
def member():
    return Membership.objects.create(room=Room.objects.create(slug="room-42", name="Room 42"), user=UserFactory())


def test_a_guest_may_listen(member):
    assert asked(member.user, "room-42") == Allow(["subscriber"])


def test_a_host_may_speak(member):
    Membership.objects.update(role=Membership.Role.HOST)
    assert asked(member.user, "room-42") == Allow(["publisher"])


@pytest.mark.parametrize("channel", ["garden", "room-4", "room-42*", "*", ""])
def test_a_member_of_one_room_gets_no_other(member, channel):
    assert asked(member.user, channel) == Deny("not_a_member")


def test_others_are_not_members(member):
    assert asked(UserFactory(), "room-42") == Deny("not_a_member")


def test_a_membership_reads_as_a_sentence(member):
    assert str(member) == f"{member.user} is guest in Room 42"
