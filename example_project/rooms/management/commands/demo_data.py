"""Fills the example project: people, rooms with members, notes, applications, a server's key. May run again."""

from __future__ import annotations

import os
import secrets
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from example_project import demo_applications, demo_vendors
from example_project.notes.models import Note
from example_project.rooms.models import Membership, Room
from token_issuer.models import ApiKey, Application, Origin
from token_issuer.services import api_keys, registering
from token_issuer.services.callers import Caller

PEOPLE: Final = {
    "host": "hosts room-42, teaches, and writes notes",
    "guest": "listens in room-42, takes classes, and writes notes",
    "outsider": "is a member of nothing, and may read his notes",
    "admin": "runs the site, at /admin/",
}
ROOMS: Final = {"room-42": "Room 42", "garden": "The garden"}
MEMBERS: Final = [("room-42", "host", "host"), ("room-42", "guest", "guest"), ("garden", "guest", "host")]
NOTES: Final = [("host", "Bring the adapter for the projector."), ("guest", "Water the garden on Friday.")]


class Command(BaseCommand):
    """Demo data, for a developer's own machine."""

    help = (
        "Fills the example project with people, rooms, notes and applications. DEMO_PASSWORD sets everybody's password."
        " The API key of the demo server is printed once, when it is new."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        """Make what is missing; leave what is there."""
        if not settings.DEBUG:
            msg = "Demo people have a password that is printed; this site is not in DEBUG."
            raise CommandError(msg)
        password = os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(9)
        people = {name: _person(name, password) for name in PEOPLE}
        _fill(people)
        caller = Caller(user=people["admin"], origin=Origin.COMMAND)
        _register(caller, people)
        for name, who in PEOPLE.items():
            self.stdout.write(f"  {name:<10} {who}")
        self.stdout.write(f"  password   {password}  (everybody's)")
        self._print_new_key(caller, people["admin"])

    def _print_new_key(self, caller: Caller, owner: User) -> None:
        draft = demo_applications.server(owner)
        if ApiKey.objects.filter(purpose=draft.purpose, revoked_at__isnull=True).exists():
            return  # its secret was shown when it was made, and nobody can read it again
        key, text = api_keys.create(caller, Application.objects.get(slug="api"), draft, at=timezone.now())
        self.stdout.write("  the API key of a demo server, shown once:")
        self.stdout.write(f"TOKEN_ISSUER_API_KEY={key.public_id}\nTOKEN_ISSUER_API_SECRET={text.reveal()}")


def _person(name: str, password: str) -> User:
    is_admin = name == "admin"
    person, _ = User.objects.get_or_create(
        username=name, defaults={"is_staff": is_admin, "is_superuser": is_admin, "email": f"{name}@example.com"}
    )
    if not person.check_password(password):  # a new hash would end the sessions of an earlier run
        person.set_password(password)
        person.save(update_fields=["password"])
    return person


def _fill(people: dict[str, User]) -> None:
    rooms = {slug: Room.objects.get_or_create(slug=slug, defaults={"name": name})[0] for slug, name in ROOMS.items()}
    for slug, name, role in MEMBERS:
        Membership.objects.get_or_create(room=rooms[slug], user=people[name], defaults={"role": role})
    for name, note in NOTES:
        Note.objects.get_or_create(owner=people[name], text=note)


def _register(caller: Caller, people: dict[str, User]) -> None:
    drafts = [
        demo_applications.rooms(),
        demo_applications.classes(people),
        demo_applications.api(people),
        demo_applications.uploads(people),
    ]
    for draft in drafts:
        if not Application.objects.filter(slug=draft.slug).exists():
            registering.register(caller, draft, at=timezone.now())
    demo_vendors.connect(caller, at=timezone.now())
