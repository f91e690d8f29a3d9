"""The demo data: what it makes, and that a second run changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from example_project.rooms.models import Membership
from token_issuer import issue
from token_issuer.errors import PolicyDenied
from token_issuer.models import Application, Rule

pytestmark = pytest.mark.django_db(transaction=True)

POLICIES = {"rooms": "example_project.policy.rooms"}


@pytest.fixture
def demo(settings, monkeypatch):
    """A site in DEBUG, filled."""
    settings.DEBUG = True
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": POLICIES}
    monkeypatch.setenv("DEMO_PASSWORD", "correct horse")
    call_command("demo_data", verbosity=0)


def person(name):
    return get_user_model().objects.get(username=name)


def test_the_host_may_speak_and_the_guest_may_listen(demo):
    assert issue(person("host"), "rooms", channel="room-42", role="publisher").sdk["uid"] == 16
    assert issue(person("guest"), "rooms", channel="room-42").sdk["uid"] == 32


@pytest.mark.parametrize(
    ("name", "slug", "body", "reason"),
    [
        ("guest", "rooms", {"channel": "room-42", "role": "publisher"}, "privilege_not_granted"),
        ("host", "rooms", {"channel": "garden"}, "not_a_member"),
        ("outsider", "rooms", {"channel": "room-42"}, "not_a_member"),
        ("outsider", "classes", {"roomId": "class-1"}, "no_rule"),
        ("guest", "classes", {"roomId": "class-1", "permissions": ["allow_mod"]}, "privilege_not_granted"),
        ("host", "classes", {"roomId": "party"}, "resource_not_granted"),
        ("host", "classes", {}, "wildcard_not_granted"),
    ],
)
def test_the_others_may_not(demo, name, slug, body, reason):
    with pytest.raises(PolicyDenied) as refusal:
        issue(person(name), slug, **body)
    assert refusal.value.reason == reason


def test_a_second_run_changes_nothing(demo):
    before = [*Application.objects.values()], [*Membership.objects.values()], Rule.objects.count()
    passwords = [*get_user_model().objects.values_list("password", flat=True)]
    call_command("demo_data", verbosity=0)
    assert before == ([*Application.objects.values()], [*Membership.objects.values()], Rule.objects.count())
    assert passwords == [*get_user_model().objects.values_list("password", flat=True)]


def test_a_site_that_is_not_in_debug_is_left_alone(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="not in DEBUG"):
        call_command("demo_data")
