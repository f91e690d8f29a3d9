"""Commands name people whose model has nothing but a UUID and a handle."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.factories import AT, VIDEOSDK_KEY, VIDEOSDK_SECRET
from tests.projects.uuid_user.models import Person
from token_issuer.models import IssuedToken, Rule

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", VIDEOSDK_SECRET)
    return Person.objects.create(handle="ada")


def add(*rules: str) -> None:
    arguments = ["videosdk", "rooms", "--public-id", VIDEOSDK_KEY, "--secret-from-env", "ROOMS_SECRET"]
    call_command("token_issuer_add", *arguments, *rules, stdout=io.StringIO())


@pytest.mark.parametrize(
    "named", [lambda person: person.handle, lambda person: str(person.pk), lambda person: person.pk.hex]
)
def test_a_handle_and_a_key_name_the_person(person, named):
    add("--allow", f"user:{named(person)}:allow_join")
    out = io.StringIO()
    call_command("token_issuer_mint", "rooms", "--user", named(person), "--grant=roomId=a", stdout=out, at=AT)
    assert json.loads(out.getvalue())["token_id"] == str(IssuedToken.objects.get(user=person).pk)
    assert Rule.objects.get().users.get() == person


def test_nobody_is_named(person):
    with pytest.raises(CommandError, match="There is no user with the name or key '5'"):
        add("--allow", "user:5:allow_join")


def test_the_doctor_needs_no_user(person):
    add("--allow=everyone:allow_join")
    call_command("token_issuer_doctor", "--application=rooms", stdout=io.StringIO())
    assert IssuedToken.objects.get().user is None
