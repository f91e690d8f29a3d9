"""Rules in the database, and the words that they name. Run by ``migrate`` and ``check --database``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import Error

from token_issuer.checks.numbered import Problems, check, is_dict
from token_issuer.models import Rule
from token_issuer.registry import privileges_of, providers
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from token_issuer.providers.base import Provider


@check(
    Error,
    "token_issuer.E025",
    hint="Add the word to SCOPES, where the application issues this site's own tokens, or take it out of the rule.",
    database=True,
)
def check_rules_name_known_privileges() -> Problems:
    if not is_dict():
        return
    known = providers()
    rules = Rule.objects.using(write_alias()).filter(application__disabled_at__isnull=True)
    for rule in rules.select_related("application"):
        provider = known.get(rule.application.provider)
        if provider is None:
            continue  # the doctor says that it is gone
        slug = rule.application.slug
        if unknown := _unknown(rule, provider):
            yield f"A rule of the application {slug!r} allows {unknown}, which nothing knows ({rule.pk})."


def _unknown(rule: Rule, provider: Provider) -> str:
    words = {str(word) for word in rule.privileges} - privileges_of(provider).keys()
    return ", ".join(repr(word) for word in sorted(words))
