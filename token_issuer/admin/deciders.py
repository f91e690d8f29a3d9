"""Who decides about an application, in the order of asking: the site's function first, then rule by rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from token_issuer.admin.rule_sentences import Told, told
from token_issuer.conf import conf
from token_issuer.models import Rule

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from token_issuer.models import Application

MOST_RULES: Final = 50  # on one page; the list of rules has all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciders:
    """``policy`` is the dotted path of the site's function, empty without one; ``trouble`` why it cannot be asked."""

    policy: str
    trouble: str
    rules: tuple[tuple[Rule, Told], ...]
    more: bool  # there are rules beyond these
    rules_url: str  # where all of them are


def deciders_of(request: HttpRequest, site: AdminSite, application: Application) -> Deciders:
    """Return who is asked about this application, as far as this person may see rules."""
    rules: QuerySet[Rule] = site.get_model_admin(Rule).get_queryset(request)
    rows = list(
        rules.filter(application=application).select_related("application").order_by("priority", "pk")[: MOST_RULES + 1]
    )
    place = reverse("admin:token_issuer_rule_changelist", current_app=site.name)
    path, trouble = _policy(application.slug)
    return Deciders(
        policy=path,
        trouble=trouble,
        rules=tuple((rule, told(rule)) for rule in rows[:MOST_RULES]),
        more=len(rows) > MOST_RULES,
        rules_url=f"{place}?application__id__exact={application.pk}",
    )


def _policy(slug: str) -> tuple[str, str]:
    try:
        path = conf.policy_path_for(slug) or ""
    except ImproperlyConfigured as error:
        return "", str(error)
    try:
        conf.policy_for(slug)
    except ImproperlyConfigured as error:
        return path, str(error)
    return path, ""
