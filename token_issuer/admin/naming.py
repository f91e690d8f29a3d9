"""Whom people mean: by user name or primary key, also somebody who was deleted and left tokens behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.admin.searching import user_keys
from token_issuer.admin.tenancy import is_restricted
from token_issuer.services import people

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from token_issuer.models import IssuedToken
    from token_issuer.services.people import Person

_LONGEST = 255  # characters of a name or a written key


def people_named(request: HttpRequest, text: str, *, tokens: QuerySet[IssuedToken]) -> list[Person]:
    """Return who is named so; whoever sees some applications only, sees people who have tokens in ``tokens``."""
    written = dict.fromkeys(str(key) for key in user_keys(text)) if 0 < len(text) <= _LONGEST else {}
    found = [person for person in map(people.named, written) if person is not None]
    sees_all = not is_restricted(request)
    return [
        person
        for person in found
        if (sees_all and person.user is not None) or tokens.filter(principal_key=person.principal_key).exists()
    ]
