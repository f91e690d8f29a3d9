"""Rooms, and the people in them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Room(models.Model):
    """A place to talk. Its slug is the channel's name at the vendor."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering: ClassVar[list[str]] = ["slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's place in a room."""

    class Role(models.TextChoices):
        """What a member may do there."""

        HOST = "host", "host"
        GUEST = "guest", "guest"

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=5, choices=Role.choices, default=Role.GUEST)

    class Meta:
        ordering: ClassVar[list[str]] = ["room", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["room", "user"], name="one_membership_per_room_and_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} in {self.room}"
