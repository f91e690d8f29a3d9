"""What a search line means: ``key:value``, or a value whose look says which key is meant. Always one index."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from token_issuer.models import ApiKeySecret, Application, EpochKind, epoch_key
from token_issuer.models.prefixes import begins_with
from token_issuer.services.recognising import is_ours

Rows = QuerySet[Any]
Find = Callable[[Rows, str], Rows]

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_MOST_ROWS: Final = 20
_LONGEST_TERM: Final = 64  # ids, addresses and fingerprints are shorter, every token of a vendor is longer


def matching(rows: Rows, term: str, *, searches: Mapping[str, Find], guess: Callable[[str], str]) -> Rows:
    """Return the rows that a search line names; none when its value cannot be one of that column."""
    key, colon, value = term.partition(":")
    if not colon or key not in searches:
        key, value = guess(term), term
    return searches[key](rows, value.strip())


def could_be_a_token(term: str) -> bool:
    """Whether a search line looks like a pasted token or secret rather than a name."""
    return is_ours(term.strip()) or (len(term) > _LONGEST_TERM and len(term.split()) == 1)


def kind_of(term: str) -> str:
    """Return ``id``, ``ip``, ``fingerprint`` or an empty text, by the look of a value."""
    if _uuid(term):
        return "id"
    if _address(term):
        return "ip"
    return "fingerprint" if _FINGERPRINT.fullmatch(term) else ""


def by_id(column: str) -> Find:
    """Search a UUID column."""

    def find(rows: Rows, value: str) -> Rows:
        row_id = _uuid(value)
        return rows.filter(**{column: row_id}) if row_id else rows.none()

    return find


def by_text(column: str) -> Find:
    """Search a text column for exactly this."""
    return lambda rows, value: rows.filter(**{column: value}) if "\0" not in value else rows.none()


def by_address(column: str) -> Find:
    """Search an IP address column."""

    def find(rows: Rows, value: str) -> Rows:
        address = _address(value)
        return rows.filter(**{column: address}) if address else rows.none()

    return find


def by_principal(rows: Rows, value: str) -> Rows:
    """Search tokens by a user's name or primary key; the key also finds those of a user who was deleted."""
    return rows.filter(principal_key__in=[epoch_key(EpochKind.USER, key) for key in user_keys(value)])


def by_user(rows: Rows, value: str) -> Rows:
    """Search a user column by a user's name or primary key."""
    return rows.filter(user_id__in=user_keys(value))


def by_owner(rows: Rows, value: str) -> Rows:
    """Search API keys by the name or primary key of the user who owns them."""
    return rows.filter(owner_id__in=user_keys(value))


def by_secret(rows: Rows, value: str) -> Rows:
    """Search API keys by the fingerprint of one of their secrets."""
    found = (
        ApiKeySecret.objects.using(rows.db).filter(fingerprint=value).order_by().values_list("api_key_id", flat=True)
    )
    return rows.filter(pk__in=[*found[:_MOST_ROWS]]) if "\0" not in value else rows.none()


def user_keys(value: str) -> list[object]:
    """Return the primary keys that a name or a written key stands for."""
    users = get_user_model()
    if "\0" in value:
        return []
    keys: list[object] = list(
        users._default_manager.filter(**{users.USERNAME_FIELD: value}).values_list("pk", flat=True)[:2]
    )
    try:
        return [*keys, users._meta.pk.clean(value, None)]
    except ValidationError:
        return keys


def of_application(rows: Rows, slug: str) -> Rows:
    """Search by an application's slug. It is looked up first: the planner knows how many rows an id has."""
    found = (
        Application.objects.using(rows.db).filter(slug=slug).values_list("pk", flat=True) if "\0" not in slug else ()
    )
    return rows.filter(application_id__in=[*found])


def by_row_of(column: str, model: type[Model], key: str) -> Find:
    """Search a foreign key by another column of the rows that it refers to, of which the first few are looked up."""

    def find(rows: Rows, value: str) -> Rows:
        if "\0" in value:
            return rows.none()
        found = model._default_manager.using(rows.db).filter(**{key: value}).order_by().values_list("pk", flat=True)
        return rows.filter(**{f"{column}__in": [*found[:_MOST_ROWS]]})

    return find


def by_beginning(column: str) -> Find:
    """Search a text column for what begins with this."""
    return lambda rows, value: (
        rows.filter(begins_with(column, value.removesuffix("*"), using=rows.db)) if "\0" not in value else rows.none()
    )


def within_application(column: str) -> Find:
    """Search ``application/text`` in a column that is indexed behind the application; ``*`` stands for any ending."""

    def find(rows: Rows, value: str) -> Rows:
        slug, slash, text = value.partition("/")
        if not slash or "\0" in value:
            return rows.none()
        rows = of_application(rows, slug)
        if not text.endswith("*"):
            return rows.filter(**{column: text})
        return rows.filter(begins_with(column, text[:-1], using=rows.db))

    return find


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if "%" in text else str(address)  # a scope is nothing that a database takes
