"""The providers that were found, and what they need installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from django.core.checks import Error

from token_issuer import registry
from token_issuer.checks.numbered import Problems, setting
from token_issuer.providers.base import Provider


@setting(Error, "token_issuer.E010", hint="docs/adding-a-provider.md says what a provider needs.")
def check_providers() -> Problems:
    for problem in registry.problems():
        yield f"{problem.source}: {problem.message}"


@setting(
    Error,
    "token_issuer.E011",
    hint='Install the package with that extra, or name the provider in TOKEN_ISSUER["PROVIDERS"]["remove"].',
)
def check_extras() -> Problems:
    for provider in _chosen_providers():
        for module, extra in provider.requires.items():
            if find_spec(module) is None:
                yield f"The provider {provider.name!r} needs {module!r}, which the extra {extra!r} installs."


def _chosen_providers() -> Iterator[Provider]:
    """Yield the providers that the site chose; ours are found everywhere and need nothing until they are used."""
    if not any(problem.source == 'TOKEN_ISSUER["PROVIDERS"]' for problem in registry.problems()):
        yield from (found for found in registry.providers().values() if not _is_ours(found))


def _is_ours(provider: Provider) -> bool:
    return type(provider).__module__.startswith("token_issuer.")
