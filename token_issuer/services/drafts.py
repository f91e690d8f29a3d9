"""What an administrator hands in, as values, and whether it can work: checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

from token_issuer.crypto import Secret, SecretParts
from token_issuer.errors import BadOption
from token_issuer.models import Application
from token_issuer.policy import BadPattern, check_pattern
from token_issuer.providers import fields
from token_issuer.providers.base import Provider
from token_issuer.registry import privileges_of
from token_issuer.services.opening import calling_key
from token_issuer.services.transactions import write_alias


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """A rule to be. ``users`` and ``groups`` are rows; lifetimes and windows are seconds."""

    privileges: Sequence[str]
    everyone: bool = False
    users: Sequence[Any] = ()
    groups: Sequence[Any] = ()
    resource_pattern: str = "*"
    subject_pattern: str = ""
    maximum_lifetime: int | None = None
    limit: int | None = None
    window: int | None = None
    wildcards: bool = False
    allow_username: bool = False
    priority: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationDraft:
    """An application to be. ``secret`` are the parts the provider asks for; or ``reference`` names where they are.

    ``algorithm`` is the first certificate's, where the provider has several; its default when it is left out.
    """

    provider: str
    slug: str
    name: str
    public_id: str
    options: Mapping[str, object] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    reference: str = ""
    algorithm: str = ""
    default_lifetime: int | None = None
    maximum_lifetime: int | None = None
    slots: int = 4
    environment: str = ""
    rules: Sequence[RuleDraft] = ()

    def __post_init__(self) -> None:
        # Error reporters print the locals of every frame that a draft's secret goes through.
        object.__setattr__(self, "secret", SecretParts(self.secret))

    def known_as(self, provider: Provider) -> str:
        """Return the public id: what was handed in; for our own tokens, which no vendor names, else the slug."""
        return self.public_id or (self.slug if provider.verified_here else "")


def check_application(provider: Provider, draft: ApplicationDraft) -> None:
    """Raise BadOption naming every value that does not fit, before anything is written."""
    wrong: dict[str, list[str]] = {}
    _collect(wrong, lambda: provider.check_public_id(draft.known_as(provider)))
    _collect(
        wrong,
        lambda: check_configuration(
            provider,
            options=draft.options,
            default_lifetime=draft.default_lifetime,
            maximum_lifetime=draft.maximum_lifetime,
        ),
    )
    purpose = provider.first_purpose
    if purpose is not None:
        if not draft.reference and (draft.secret or provider.minting_purpose):
            _collect(wrong, lambda: check_secret(provider, purpose, draft.secret))
    elif draft.secret or draft.reference:
        wrong["secret"] = ["is not needed: nothing signs these tokens"]
    _collect(wrong, lambda: check_new_slug(draft.slug))
    for rule in draft.rules:
        _collect(wrong, partial(check_rule, provider, rule))
        _collect(wrong, partial(_check_people, rule))
    _raise(wrong)


def check_configuration(
    provider: Provider,
    *,
    options: Mapping[str, object],
    default_lifetime: int | None,
    maximum_lifetime: int | None,
) -> None:
    """Raise BadOption naming every setting of an application that does not fit its provider."""
    wrong: dict[str, list[str]] = {}
    _collect(wrong, lambda: fields.parse(provider.options_class, options, error=BadOption))
    _collect(wrong, lambda: check_lifetimes(provider, default_lifetime, maximum_lifetime))
    _raise(wrong)


def check_new_slug(slug: str) -> None:
    """Raise BadOption("slug") unless it is a slug that nobody has."""
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise BadOption("slug", "may hold letters, digits, hyphens and underscores only") from error
    if Application.objects.using(write_alias()).filter(slug=slug).exists():
        raise BadOption("slug", "is taken by another application")


def check_secret(provider: Provider, purpose: str, parts: Mapping[str, str]) -> None:
    """Raise BadOption naming the part that is missing, unknown or malformed. Never quotes a value.

    Nothing at all is right where the secret is made here.
    """
    if provider.generates and not parts:
        return  # made when it is needed
    known = [part.name for part in provider.secret_fields.get(purpose, ())]
    for name in parts:
        if name not in known:
            raise BadOption(name, "is not a part of this provider's secret")
    for name in known:
        if not parts.get(name):
            raise BadOption(name, "is required")
    provider.check_secret(purpose, parts)
    calling_key(provider, Secret(**parts), purpose=purpose, key_id="")


def check_lifetimes(provider: Provider, default: int | None, maximum: int | None) -> None:
    """Raise BadOption when an application's lifetimes leave the provider's limits or contradict each other."""
    limits = provider.lifetimes
    for name, value in (("maximum_lifetime", maximum), ("default_lifetime", default)):
        if value is not None and not limits.minimum <= value <= limits.maximum:
            raise BadOption(name, f"must be {limits.minimum} to {limits.maximum} seconds ({limits.source})")
    if default is not None and maximum is not None and default > maximum:
        raise BadOption("default_lifetime", "must not be longer than the maximum lifetime")


def check_rule(provider: Provider, draft: RuleDraft) -> None:
    """Raise BadOption naming every part of a rule that can never work."""
    wrong: dict[str, list[str]] = {}
    _collect(wrong, lambda: _check_privileges(provider, draft))
    _collect(wrong, lambda: _check_limit(draft))
    _collect(wrong, lambda: _check_maximum(provider, draft))
    for name, pattern, star in (
        ("resource_pattern", draft.resource_pattern, True),
        ("subject_pattern", draft.subject_pattern, False),
    ):
        _collect(wrong, partial(_check_pattern, name, pattern, star=star, allow_username=draft.allow_username))
    _raise(wrong)


def _check_privileges(provider: Provider, draft: RuleDraft) -> None:
    words = privileges_of(provider)
    unknown = sorted(set(draft.privileges) - set(words))
    if unknown:
        known = ", ".join(sorted(words))
        raise BadOption("privileges", f"{', '.join(unknown)}: not a privilege of {provider.label}; there are {known}")
    if not draft.privileges:
        raise BadOption("privileges", "a rule without privileges allows nothing")


def _check_limit(draft: RuleDraft) -> None:
    if (draft.limit is None) != (draft.window is None):
        raise BadOption("limit", "a limit and its window go together")


def _check_maximum(provider: Provider, draft: RuleDraft) -> None:
    least = least_lifetime(provider)
    if draft.maximum_lifetime is not None and draft.maximum_lifetime < least:
        raise BadOption("maximum_lifetime", f"must be at least {least} seconds: no token lives for less")


def least_lifetime(provider: Provider) -> int:
    """Return the seconds that every token of a provider lives for at least."""
    # Where it depends on the grant, only the request can tell.
    depends = type(provider).lifetimes_for is not Provider.lifetimes_for
    return 1 if depends else provider.lifetimes.minimum


def _check_people(draft: RuleDraft) -> None:
    if not (draft.everyone or draft.users or draft.groups):
        raise BadOption("groups", "name at least one group")


def _check_pattern(name: str, pattern: str, *, star: bool, allow_username: bool) -> None:
    try:
        check_pattern(pattern, star=star)
    except BadPattern as error:
        raise BadOption(name, str(error)) from error
    if "{user.username}" in pattern and not allow_username:
        raise BadOption(name, "{user.username} needs the rule's leave: people may be able to rename themselves")


def _collect(wrong: dict[str, list[str]], check: Callable[[], object]) -> None:
    try:
        check()
    except BadOption as error:
        for name, texts in error.fields.items():
            wrong.setdefault(name, []).extend(texts)


def _raise(wrong: Mapping[str, list[str]]) -> None:
    if wrong:
        first = next(iter(wrong))
        raise BadOption(first, wrong[first][0], fields=wrong)
