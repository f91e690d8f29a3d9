"""Finds providers: the modules of ``token_issuer.providers``, the entry-point group of that name, and the settings.

Found once a process; changing the setting in a test finds them again. A provider that is broken, or whose name is
taken, is left out and reported by ``problems()``, so one bad package does not stop the others' tokens.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType, ModuleType
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from token_issuer import providers as builtin
from token_issuer.conf import conf
from token_issuer.errors import NotFound
from token_issuer.providers.base import Grant, Lifetimes, Options, Privilege, Provider, Revocation, VendorFacts
from token_issuer.providers.fields import specs

ENTRY_POINT_GROUP: Final = "token_issuer.providers"

_NAME = re.compile(r"[a-z][a-z0-9_-]{1,31}")
_KINDS: Final[Mapping[str, type]] = {
    "label": str,
    "vendor": VendorFacts,
    "lifetimes": Lifetimes,
    "revocation": Revocation,
    "renewable": bool,
    "privileges": Mapping,
    "requires": Mapping,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with one provider; ``source`` is where it was found, ``message`` a sentence for the site."""

    source: str
    message: str


def get_provider(name: str) -> Provider:
    """Return the provider of that name.

    Raises:
        NotFound: there is none; the message lists those there are.
    """
    known = providers()
    if name not in known:
        message = f"There is no provider {name!r}; known: {', '.join(known) or 'none'}."
        raise NotFound(message)
    return known[name]


def providers() -> Mapping[str, Provider]:
    """Return every usable provider by name, in the order of names."""
    return _find().providers


def privileges_of(provider: Provider) -> Mapping[str, Privilege]:
    """Return every word that a rule for this provider may name; our own tokens' words are the site's scopes."""
    return provider.privileges_for(conf.scopes)


def problems() -> tuple[Problem, ...]:
    """Return what is wrong with the providers that were found, for the system checks."""
    try:
        return _find().problems
    except ImproperlyConfigured as error:
        return (Problem(source='TOKEN_ISSUER["PROVIDERS"]', message=str(error)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    providers: Mapping[str, Provider]
    problems: tuple[Problem, ...]


@cache
def _find() -> _Found:
    search = _Search(removed=frozenset(conf.providers.remove))
    for source, value in search.sources():
        search.consider(source, value)
    search.report_idle_removals()
    usable = dict(sorted(search.usable.items()))
    return _Found(providers=MappingProxyType(usable), problems=tuple(search.problems))


def _forget(*, setting: str, **kwargs: Any) -> None:  # noqa: ANN401  a signal's other arguments
    if setting == "TOKEN_ISSUER":
        _find.cache_clear()


setting_changed.connect(_forget, dispatch_uid="token_issuer.registry")


class _Search:
    """One search; it remembers what was found, what is wrong, and which removals took something away."""

    def __init__(self, *, removed: frozenset[str]) -> None:
        self.removed = removed
        self.took_away: set[str] = set()
        self.usable: dict[str, Provider] = {}
        self.problems: list[Problem] = []

    def sources(self) -> Iterator[tuple[str, object]]:
        """Yield where something was found, and what: modules for their classes, or classes. In order of precedence."""
        for module in pkgutil.iter_modules(builtin.__path__, prefix=f"{builtin.__name__}."):
            yield from self._loaded(module.name, lambda name=module.name: importlib.import_module(name))
        for entry in entry_points(group=ENTRY_POINT_GROUP):
            yield from self._loaded(f"entry point {entry.name} = {entry.value}", entry.load)
        for path in conf.providers.add:
            yield from self._loaded(path, lambda path=path: import_string(path))

    def _loaded(self, source: str, load: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401  a loader
        try:
            yield source, load()
        except Exception as error:  # somebody else's module: whatever it raises is a report, not a crash
            self.report(source, f"cannot be imported: {type(error).__name__}: {error}")

    def consider(self, source: str, value: object) -> None:
        if isinstance(value, ModuleType):
            for cls in _declared_in(value):
                self._add(f"{source}.{cls.__name__}", cls)
        elif isinstance(value, type) and issubclass(value, Provider):
            self._add(source, value)
        else:
            self.report(source, "is not a provider class")

    def _add(self, source: str, cls: type[Provider]) -> None:
        names = self.removed & {str(getattr(cls, "name", "")), f"{cls.__module__}.{cls.__qualname__}"}
        known = [provider for provider in self.usable.values() if type(provider) is cls]
        if names or known:
            self.took_away |= names
            return
        found = list(faults(cls))
        for fault in found:
            self.report(source, fault)
        if not found:
            self._register(source, cls)

    def _register(self, source: str, cls: type[Provider]) -> None:
        if cls.name in self.usable:
            taken = type(self.usable[cls.name])
            self.report(
                source,
                f"the name {cls.name!r} is taken by {taken.__module__}.{taken.__qualname__}; to replace that one, "
                f'name its path in TOKEN_ISSUER["PROVIDERS"]["remove"]',
            )
            return
        self.usable[cls.name] = cls()

    def report_idle_removals(self) -> None:
        for name in sorted(self.removed - self.took_away):
            self.report('TOKEN_ISSUER["PROVIDERS"]["remove"]', f"{name!r} is no provider that was found")

    def report(self, source: str, message: str) -> None:
        self.problems.append(Problem(source=source, message=message))


def _declared_in(module: ModuleType) -> list[type[Provider]]:
    """Provider classes that this module defines; one without a name and with methods to fill is somebody's base."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Provider)
        and f"{value.__module__}.".startswith(f"{module.__name__}.")
        and (hasattr(value, "name") or not inspect.isabstract(value))
    ]


def faults(cls: type[Provider]) -> Iterator[str]:
    """Say what makes a class no usable provider; nothing when it is one."""
    if inspect.isabstract(cls):
        yield f"does not define {', '.join(sorted(cls.__abstractmethods__))}"
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "name must be 2 to 32 of a-z, 0-9, _ and -, beginning with a letter"
    wrong = [word for word, kind in _KINDS.items() if not isinstance(getattr(cls, word, None), kind)]
    for word in wrong:
        yield f"{word} must be a {_KINDS[word].__name__}"
    if not wrong:
        yield from _inner_faults(cls)
    paths = [each.path for each in cls.drop_ins]
    if len(set(paths)) != len(paths) or not all(map(_NAME.fullmatch, paths)):
        yield "drop_ins must each have a path of its own: 2 to 32 of a-z, 0-9, _ and -, beginning with a letter"
    if cls.refresh_limits is not Provider.refresh_limits and cls.narrowed is Provider.narrowed:
        yield "its tokens are refreshed, so it must define narrowed"
    yield from _class_faults("grant_class", getattr(cls, "grant_class", None), Grant)
    yield from _class_faults("options_class", cls.options_class, Options)


def _inner_faults(cls: type[Provider]) -> Iterator[str]:
    if not cls.label:
        yield "label must not be empty"
    limits = cls.lifetimes
    if not 1 <= limits.minimum <= limits.default <= limits.maximum:
        yield "lifetimes must satisfy 1 <= minimum <= default <= maximum"
    words: Mapping[str, object] = cls.privileges
    for word, privilege in words.items():
        if not isinstance(privilege, Privilege):
            yield f"privileges[{word!r}] must be a Privilege"
        elif unknown := privilege.implies - set(cls.privileges):
            yield f"privileges[{word!r}] implies unknown words: {', '.join(sorted(unknown))}"
    for purpose, parts in cls.secret_fields.items():
        if len({part.name for part in parts}) != len(parts):
            yield f"secret_fields[{purpose!r}] names a part twice"


def _class_faults(word: str, value: object, kind: type) -> Iterator[str]:
    if not isinstance(value, type) or not issubclass(value, kind):
        yield f"{word} must be a subclass of {kind.__name__}"
        return
    try:
        specs(value)
    except TypeError as error:
        yield f"{word}: {error}"
