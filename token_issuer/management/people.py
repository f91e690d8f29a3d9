"""Users and groups as the command line names them, and who is allowed what."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from token_issuer.models import EpochKind, IssuedToken, epoch_key
from token_issuer.services.drafts import RuleDraft
from token_issuer.services.transactions import write_alias

ALLOW_FORMS = "everyone:PRIVILEGE, group:NAME:PRIVILEGE or user:KEY:PRIVILEGE; several privileges are written a,b"


def user_of(text: str) -> Any:  # noqa: ANN401  the site's own user model
    """Return the user of this primary key or user name. CommandError for nobody, and when the two are two people."""
    named, keyed = _by_name(text), _by_key(text)
    if named is not None and keyed is not None and named.pk != keyed.pk:
        msg = f"{text!r} is one user's name and another one's key. Use the key of the first: {named.pk}."
        raise CommandError(msg)
    if named is None and keyed is None:
        msg = f"There is no user with the name or key {text!r}."
        raise CommandError(msg)
    return named or keyed


def principal_of(text: str) -> UUID:
    """Return the key that tokens keep of a person of this primary key or user name; by the key also a deleted one's."""
    try:
        return epoch_key(EpochKind.USER, user_of(text).pk)
    except CommandError:
        key = epoch_key(EpochKind.USER, text)
        if not IssuedToken.objects.using(write_alias()).filter(principal_key=key).exists():
            raise
        return key


def rules_of(texts: Iterable[str]) -> list[RuleDraft]:
    """Return the rules that ``--allow`` asks for."""
    return [_rule(text) for text in texts]


def _rule(text: str) -> RuleDraft:
    kind, _, rest = text.partition(":")
    name, words = _split(kind, rest)
    privileges = words.split(",")
    if kind == "everyone" and words:
        return RuleDraft(everyone=True, privileges=privileges)
    if kind == "group" and name and words:
        return RuleDraft(groups=[_group(name)], privileges=privileges)
    if kind == "user" and name and words:
        return RuleDraft(users=[user_of(name)], privileges=privileges)
    msg = f"--allow {text!r} is not understood. Write {ALLOW_FORMS}."
    raise CommandError(msg)


def _split(kind: str, rest: str) -> tuple[str, str]:
    """Return name and privileges. Scopes hold colons (tokens:issue) and so may names: the shortest name that is one."""
    if kind == "everyone":
        return "", rest
    first, last = rest.partition(":"), rest.rpartition(":")
    find = {"group": _group, "user": user_of}.get(kind)
    if first != last and find is not None:
        with suppress(CommandError):
            find(first[0])
            return first[0], first[2]
    return last[0], last[2]


def _by_name(text: str) -> Any:  # noqa: ANN401  the site's own user model
    found = _first(get_user_model().USERNAME_FIELD, text)
    return found if found is not None and str(found.get_username()) == text else None  # MariaDB compares loosely


def _by_key(text: str) -> Any:  # noqa: ANN401  the site's own user model
    found = _first("pk", text)
    return found if found is not None and _plain(str(found.pk)) == _plain(text) else None  # int("1_0") is 10


def _first(field: str, text: str) -> Any:  # noqa: ANN401  the site's own user model
    try:
        return get_user_model()._default_manager.using(write_alias()).filter(**{field: text}).first()
    except (ValidationError, ValueError):  # not a key of this model
        return None


def _plain(key: str) -> str:
    return key.replace("-", "").lower()  # a UUID may be written without hyphens


def _group(name: str) -> Group:
    found = next((row for row in Group.objects.using(write_alias()).filter(name=name) if row.name == name), None)
    if found is None:
        msg = f"There is no group {name!r}."
        raise CommandError(msg)
    return found
