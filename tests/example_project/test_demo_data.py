"""The demo data: what it makes, and that a second run changes nothing."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from example_project.notes.models import Note
from example_project.rooms.models import Membership
from tests.example_project.conftest import fill, person
from token_issuer import issue
from token_issuer.crypto import TokenText
from token_issuer.errors import PolicyDenied
from token_issuer.models import ApiKey, Application, Certificate, Rule
from token_issuer.services import authenticating

pytestmark = pytest.mark.django_db(transaction=True)


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
        ("outsider", "api", {"scope": "notes:write"}, "privilege_not_granted"),
        ("host", "api", {"scope": "notes:count"}, "privilege_not_granted"),
        ("outsider", "uploads", {"access": "readwrite"}, "privilege_not_granted"),
    ],
)
def test_the_others_may_not(demo, name, slug, body, reason):
    with pytest.raises(PolicyDenied) as refusal:
        issue(person(name), slug, **body)
    assert refusal.value.reason == reason


def test_writers_write_and_everybody_reads(demo):
    assert issue(person("guest"), "api", scope="notes:read notes:write").sdk["scope"] == "notes:read notes:write"
    assert issue(person("outsider"), "api", scope="notes:read").sdk["scope"] == "notes:read"
    assert issue(person("guest"), "uploads", access="readwrite").format == "own-opaque"


def test_access_tokens_are_signed_with_a_key_that_is_published(demo):
    (jwk,) = Certificate.objects.filter(application__slug="api").values_list("public_jwk", flat=True)
    assert jwk is not None
    assert (jwk["alg"], jwk["crv"]) == ("EdDSA", "Ed25519")


def key_in(said):
    """The two lines for the environment."""
    return tuple(re.findall(r"^TOKEN_ISSUER_API_(?:KEY|SECRET)=(\S+)$", said, re.MULTILINE))


def test_the_servers_key_is_shown_and_works(demo):
    public_id, secret = key_in(demo)
    assert authenticating.api_key(public_id, TokenText(secret), ip=None, at=timezone.now()).may_sign


def test_the_servers_key_is_shown_once(demo):
    assert key_in(fill()) == ()


def test_a_new_key_is_made_when_the_one_before_was_revoked(demo):
    ApiKey.objects.update(revoked_at=timezone.now())
    assert key_in(fill())[0] != key_in(demo)[0]


def everything():
    models = (Application, ApiKey, Membership, Note, get_user_model())
    return [list(model.objects.order_by("pk").values()) for model in models], Rule.objects.count()


def test_a_second_run_changes_nothing(demo):
    before = everything()
    fill()
    assert before == everything()


def test_a_site_that_is_not_in_debug_is_left_alone(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="not in DEBUG"):
        call_command("demo_data")
