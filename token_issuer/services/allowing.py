"""Adding one rule to an application that exists, unless it has the same one already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.models import Application, Rule
from token_issuer.registry import get_provider
from token_issuer.services.drafts import check_rule
from token_issuer.services.registering import add_rule
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.callers import Caller
    from token_issuer.services.drafts import RuleDraft

_COLUMNS = (
    "everyone",
    "resource_pattern",
    "subject_pattern",
    "maximum_lifetime",
    "limit",
    "window",
    "wildcards",
    "allow_username",
)


def allow(caller: Caller, application: Application, draft: RuleDraft, *, at: datetime) -> Rule | None:
    """Return the new rule, or None when one of the same content is there; priority is not compared.

    Raises:
        BadOption: the rule can never work.
    """
    check_rule(get_provider(application.provider), draft)

    def work() -> Rule | None:
        with durable():
            # Locked, so that of two equal calls at once the second one sees the first one's rule.
            Application.objects.using(write_alias()).select_for_update().get(pk=application.pk)
            return None if _exists(application, draft) else add_rule(caller, application, draft, at=at)

    return retrying(work)


def _exists(application: Application, draft: RuleDraft) -> bool:
    same = {name: getattr(draft, name) for name in _COLUMNS}
    rows = Rule.objects.using(write_alias()).filter(application=application, **same)
    return any(_content(rule) == _wanted(draft) for rule in rows.prefetch_related("users", "groups"))


def _content(rule: Rule) -> tuple[object, ...]:
    return (sorted(rule.privileges), {user.pk for user in rule.users.all()}, {group.pk for group in rule.groups.all()})


def _wanted(draft: RuleDraft) -> tuple[object, ...]:
    return (sorted(set(draft.privileges)), {user.pk for user in draft.users}, {group.pk for group in draft.groups})
