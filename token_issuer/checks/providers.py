"""The providers that were found, and what they need installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from django.core.checks import Error

from token_issuer import registry
from token_issuer.checks.numbered import Problems, check, is_dict, setting
from token_issuer.models import Application
from token_issuer.providers.base import Provider
from token_issuer.services.transactions import write_alias


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
        for module, extra in _absent(provider):
            yield f"The provider {provider.name!r} needs {module!r}, which the extra {extra!r} installs."


@check(
    Error,
    "token_issuer.E026",
    hint="Install the package with that extra, or switch the application off.",
    database=True,
)
def check_extras_of_applications() -> Problems:
    if not is_dict():
        return
    known = registry.providers()
    for application in Application.objects.using(write_alias()).filter(disabled_at__isnull=True).order_by("slug"):
        provider = known.get(application.provider)
        for module, extra in _absent(provider) if provider is not None else ():
            yield f"The application {application.slug!r} needs {module!r}, which the extra {extra!r} installs."


def _absent(provider: Provider) -> Iterator[tuple[str, str]]:
    for module, extra in provider.requires.items():
        if find_spec(module) is None:
            yield module, extra


def _chosen_providers() -> Iterator[Provider]:
    """Yield the providers that the site chose; ours are found everywhere and need nothing until they are used."""
    if not any(problem.source == 'TOKEN_ISSUER["PROVIDERS"]' for problem in registry.problems()):
        yield from (found for found in registry.providers().values() if not _is_ours(found))


def _is_ours(provider: Provider) -> bool:
    return type(provider).__module__.startswith("token_issuer.")
