"""What GROUPS_OF_USER names on this site."""

from __future__ import annotations


def houses_of(person):
    """Return the names of the groups a person belongs to: the first word of the handle."""
    return [person.handle.partition("-")[0]]
