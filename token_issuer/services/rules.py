"""Fetching an application's rules for one person, in one SELECT."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When

from token_issuer.conf import conf
from token_issuer.errors import PolicyUnavailable
from token_issuer.models import Rule
from token_issuer.policy import RuleFacts
from token_issuer.services.logged import facts
from token_issuer.services.transactions import write_alias

logger = logging.getLogger("token_issuer.issue")

if TYPE_CHECKING:
    from token_issuer.models import Application
    from token_issuer.providers.base import Provider


def rules_for(user: Any, application: Application, provider: Provider) -> tuple[RuleFacts, ...]:  # noqa: ANN401  the site's
    """Return the rules that name this person, in the order they are asked."""
    rows = matching(user).filter(application_id=application.pk).order_by("priority", "id")
    found: dict[Any, tuple[Rule, list[str]]] = {}
    for rule in rows:
        name = rule.group_name  # type: ignore[attr-defined]  # annotated by matching()
        groups = found.setdefault(rule.pk, (rule, []))[1]
        if name:
            groups.append(name)
    return tuple(_facts(rule, groups, provider) for rule, groups in found.values())


def matching(user: Any) -> QuerySet[Rule]:  # noqa: ANN401  the site's own user model
    """Return the rules that name this person, once for each of his groups they name (``group_name``)."""
    # Both annotations and the filter share one join: a second .filter(groups__…) would make another.
    member = Case(When(group_pk__in=_groups_of(user), then=F("groups__name")))
    rules = Rule.objects.using(write_alias()).annotate(group_pk=F("groups__pk")).annotate(group_name=member)
    return rules.filter(
        Q(everyone=True) | Exists(chosen(user).filter(rule_id=OuterRef("pk"))) | Q(group_name__isnull=False)
    )


def naming(user: Any) -> QuerySet[Rule]:  # noqa: ANN401  the site's own user model
    """Return the rules that name this person himself, and not everyone or a group of his."""
    return Rule.objects.using(write_alias()).filter(pk__in=chosen(user).values("rule_id"))


def chosen(user: Any) -> QuerySet[Any]:  # noqa: ANN401  the site's own user model
    """Return the rows that tie this person to rules."""
    rows: QuerySet[Any] = Rule.users.through.objects.using(write_alias()).filter(**{_user_column(): user.pk})
    return rows


def _user_column() -> str:
    """The column of the rule-to-user table that holds the user's key, whatever the site's model is called."""
    return f"{get_user_model()._meta.model_name}_id"


def _groups_of(user: Any) -> QuerySet[Group]:  # noqa: ANN401  the site's own user model
    groups = Group.objects.using(write_alias())
    of_user = conf.groups_of_user
    if of_user is not None:
        return groups.filter(name__in=_named_by_site(of_user, user))
    try:
        field = get_user_model()._meta.get_field("groups")
    except FieldDoesNotExist:
        return groups.none()
    return groups.filter(**{f"{field.related_query_name()}": user.pk})


def _named_by_site(of_user: Callable[[Any], Iterable[Any]], user: Any) -> list[str]:  # noqa: ANN401  the site's own user model
    try:
        return [str(name) for name in of_user(user)]
    except Exception as error:
        logger.exception("GROUPS_OF_USER failed", extra=facts("policy_failed"))
        msg = "The site could not say which groups somebody is in."
        raise PolicyUnavailable(msg) from error


def _facts(rule: Rule, groups: list[str], provider: Provider) -> RuleFacts:
    return RuleFacts(
        id=str(rule.pk),
        privileges=provider.implied(frozenset(rule.privileges)),
        resource_pattern=rule.resource_pattern,
        subject_pattern=rule.subject_pattern,
        maximum_lifetime=rule.maximum_lifetime,
        limit=rule.limit,
        window=rule.window,
        wildcards=rule.wildcards,
        allow_username=rule.allow_username,
        groups=tuple(groups),
    )
