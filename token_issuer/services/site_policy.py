"""Asking the site's own function. Its failure is a refusal, never a permission."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from token_issuer.conf import conf
from token_issuer.errors import PolicyUnavailable
from token_issuer.policy import Allow, Deny
from token_issuer.services.logged import facts

if TYPE_CHECKING:
    from token_issuer.models import Application, Origin
    from token_issuer.providers.base import Grant

logger = logging.getLogger("token_issuer.issue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a site policy is asked: may ``user`` get this ``grant`` for this ``application``?

    ``grant`` is the provider's own value without a subject (``ask.grant.channel``); ``lifetime`` is in seconds,
    None when the caller named none; ``origin`` is the door it came by; ``actor`` is the API key that asks, or None.
    """

    user: Any  # the site's own user model
    application: Application
    grant: Any  # the provider's own grant class
    lifetime: int | None
    origin: Origin
    actor: Any = None

    @property
    def privileges(self) -> frozenset[str]:
        """The words the grant asks for."""
        grant: Grant = self.grant
        return grant.privileges


SitePolicy = Callable[[Ask], object]


def asked(ask: Ask) -> tuple[Allow | Deny | None, str]:
    """Return (the site's answer, who gave it).

    Raises:
        PolicyUnavailable: the function raised, or answered something else than Allow, Deny or None.
    """
    slug = ask.application.slug
    path = conf.policy_path_for(slug)
    if path is None:
        return None, ""
    try:
        answer = _function(slug)(ask)
    except Exception as error:
        logger.exception("the site policy for %s failed", slug, extra=facts("policy_failed", application=slug))
        msg = "The site's policy could not be asked."
        raise PolicyUnavailable(msg) from error
    if answer is not None and not isinstance(answer, Allow | Deny):
        logger.error(
            "the site policy for %s answered neither Allow, Deny nor None",
            slug,
            extra=facts("policy_failed", application=slug),
        )
        msg = "The site's policy gave an answer that is neither Allow, Deny nor None."
        raise PolicyUnavailable(msg)
    return answer, f"policy:{path}"


def _function(slug: str) -> SitePolicy:
    function = conf.policy_for(slug)
    if function is None:
        msg = "POLICIES names no function for this application any more."
        raise LookupError(msg)
    return function
