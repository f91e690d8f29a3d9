"""Rooms and their members in the admin."""

from __future__ import annotations

from django.contrib import admin

from example_project.rooms.models import Membership, Room


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # generic for type checkers only
    """The people in a room."""

    model = Membership
    extra = 0
    raw_id_fields = ["user"]


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for type checkers only
    """A room with its members."""

    list_display = ["slug", "name"]
    search_fields = ["slug", "name"]
    inlines = [MembershipInline]
