"""The step before a form that depends on something: a short list of links, never an unbounded drop-down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from token_issuer.admin.tenancy import limited
from token_issuer.models import Application
from token_issuer.registry import providers

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One link. ``ends_url``: where the tokens of what it leads to are ended, if the page behind it is not that."""

    url: str
    label: str
    text: str = ""
    ends_url: str = ""


def application_choices(request: HttpRequest) -> list[Choice]:
    """Return a link for each application, the first ``LONGEST`` by name; the rest have theirs on their own pages."""
    rows = _listed(request)
    return [Choice(url=f"?application={row.pk}", label=str(row), text=row.environment) for row in rows]


def certificate_choices(request: HttpRequest) -> list[Choice]:
    """Return a link for each purpose that these applications have a secret for."""
    known = providers()
    return [
        Choice(
            url=f"?application={row.pk}&purpose={purpose}", label=str(row), text=f"{purpose} {row.environment}".strip()
        )
        for row in _listed(request)
        for purpose in (known[row.provider].secret_fields if row.provider in known else ())
    ]


def chosen_application(request: HttpRequest) -> Application | None:
    """Return the application that the address names, if this person may see it."""
    try:
        row_id = UUID(request.GET.get("application", ""))
    except ValueError:
        return None
    return limited(request, Application.objects.filter(pk=row_id), "pk").first()


def _listed(request: HttpRequest) -> QuerySet[Application]:
    return limited(request, Application.objects.order_by("name", "pk"), "pk")[:LONGEST]
