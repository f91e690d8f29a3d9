"""Sites with several tenants: which applications a member of staff sees and manages here (``APPLICATIONS_OF_STAFF``).

Superusers are asked about like everybody else: the site's function decides. What it does not answer stays shut.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from token_issuer.conf import conf
from token_issuer.models import Application
from token_issuer.services.logged import facts
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest

logger = logging.getLogger("token_issuer.security")

Rows = TypeVar("Rows", bound="QuerySet[Any]")

_REMEMBERED: Final = "_token_issuer_applications"


def applications_of(request: HttpRequest) -> frozenset[UUID] | None:
    """Return the applications that this member of staff may see and manage; None for all. Asked once per request.

    Raises:
        PermissionDenied: the site's function failed, or answered something else.
    """
    known = vars(request)
    if _REMEMBERED not in known:
        known[_REMEMBERED] = _asked(request)
    return cast("frozenset[UUID] | None", known[_REMEMBERED])


def is_restricted(request: HttpRequest) -> bool:
    """Whether there are applications that this person may not see, or nobody can say so. Raises nothing."""
    try:
        return applications_of(request) is not None
    except (PermissionDenied, DatabaseError):
        return True


def limited(request: HttpRequest, rows: Rows, column: str = "application_id") -> Rows:
    """Return the rows of the applications that this person may see; those without an application are nobody's."""
    allowed = applications_of(request)
    return rows if allowed is None else rows.filter(**{f"{column}__in": allowed})


def _asked(request: HttpRequest) -> frozenset[UUID] | None:
    try:
        function = conf.applications_of_staff
        slugs = function(request.user) if function is not None else None
        if slugs is None:
            return None
        named = _texts(slugs)
    except Exception as error:
        by = f"user {request.user.pk}"
        logger.exception(
            "APPLICATIONS_OF_STAFF failed for %s", by, extra=facts("staff_refused", by=by, reason=type(error).__name__)
        )
        raise PermissionDenied(_("This site could not say which applications are yours.")) from error
    rows = Application.objects.using(write_alias()).filter(slug__in=named)
    # MariaDB compares loosely.
    return frozenset(pk for pk, slug in rows.values_list("pk", "slug") if slug in named)


def _texts(slugs: Any) -> frozenset[str]:  # noqa: ANN401  whatever the site's function gives
    if isinstance(slugs, str | bytes):
        msg = "It must return slugs, not one text."
        raise TypeError(msg)
    found = frozenset(slugs)
    if not all(isinstance(slug, str) for slug in found):
        msg = "It must return slugs, which are texts."
        raise TypeError(msg)
    return frozenset(slug for slug in found if slug.isascii() and slug.isprintable())  # others no database takes
