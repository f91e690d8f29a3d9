"""Fills the example project: people, rooms with members, two applications with fresh secrets. May run again."""

from __future__ import annotations

import os
import secrets
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from example_project.rooms.models import Membership, Room
from token_issuer.models import Application, Origin
from token_issuer.services import registering
from token_issuer.services.callers import Caller
from token_issuer.services.drafts import ApplicationDraft, RuleDraft

PEOPLE: Final = {
    "host": "hosts room-42 and teaches",
    "guest": "listens in room-42 and takes classes",
    "outsider": "is a member of nothing",
    "admin": "runs the site, at /admin/",
}
ROOMS: Final = {"room-42": "Room 42", "garden": "The garden"}
MEMBERS: Final = [("room-42", "host", "host"), ("room-42", "guest", "guest"), ("garden", "guest", "host")]


class Command(BaseCommand):
    """Demo data, for a developer's own machine."""

    help = "Fills the example project with people, rooms and two applications. DEMO_PASSWORD sets everybody's password."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        """Make what is missing; leave what is there."""
        if not settings.DEBUG:
            msg = "Demo people have a password that is printed; this site is not in DEBUG."
            raise CommandError(msg)
        password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(9)
        people = {name: _person(name, password) for name in PEOPLE}
        _fill_rooms(people)
        caller = Caller(user=people["admin"], origin=Origin.COMMAND)
        for draft in (_rooms_application(), _classes_application(people)):
            if not Application.objects.filter(slug=draft.slug).exists():
                registering.register(caller, draft, at=timezone.now())
        for name, who in PEOPLE.items():
            self.stdout.write(f"  {name:<10} {who}")
        self.stdout.write(f"  password   {password}  (everybody's)")


def _person(name: str, password: str) -> User:
    is_admin = name == "admin"
    person, _ = User.objects.get_or_create(
        username=name, defaults={"is_staff": is_admin, "is_superuser": is_admin, "email": f"{name}@example.com"}
    )
    if not person.check_password(password):  # a new hash would end the sessions of an earlier run
        person.set_password(password)
        person.save(update_fields=["password"])
    return person


def _fill_rooms(people: dict[str, User]) -> None:
    rooms = {slug: Room.objects.get_or_create(slug=slug, defaults={"name": name})[0] for slug, name in ROOMS.items()}
    for slug, name, role in MEMBERS:
        Membership.objects.get_or_create(room=rooms[slug], user=people[name], defaults={"role": role})


def _rooms_application() -> ApplicationDraft:
    """Agora, for which the site's own function decides: ``example_project/policy.py``."""
    return ApplicationDraft(
        provider="agora",
        slug="rooms",
        name="Rooms",
        public_id=secrets.token_hex(16),
        secret={"certificate": secrets.token_hex(16)},
    )


def _classes_application(people: dict[str, User]) -> ApplicationDraft:
    """VideoSDK, for which rules decide: teachers let people in, students join, both in class rooms only."""
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in ("teachers", "students")}
    groups["teachers"].user_set.add(people["host"])
    groups["students"].user_set.add(people["guest"])
    students = RuleDraft(
        privileges=["allow_join"], groups=[groups["students"]], resource_pattern="class-*", limit=20, window=3600
    )
    teachers = RuleDraft(
        privileges=["allow_join", "allow_mod"], groups=[groups["teachers"]], resource_pattern="class-*"
    )
    return ApplicationDraft(
        provider="videosdk",
        slug="classes",
        name="Classes",
        public_id=secrets.token_hex(16),
        secret={"secret": secrets.token_hex(32)},
        rules=[teachers, students],
    )
