"""A refresh token as somebody holds it out: whose family it names, and what speaks against that.

What is asked here is asked of every door that reads refresh tokens: refreshing, revocation, introspection.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from django.contrib.auth.models import AnonymousUser

from token_issuer.crypto import TokenText, digests, refresh_texts, stamps
from token_issuer.errors import TokenRejected
from token_issuer.models import Origin, TokenFamily
from token_issuer.services import recalling
from token_issuer.services.callers import Caller
from token_issuer.services.logged import facts
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto import Presented
    from token_issuer.models import ApiKey

logger = logging.getLogger("token_issuer.verify")

_MOVING: Final = ("generation", "rotated_at", "idle_expires_at", "closed_at", "user")


def _nobody() -> Caller:
    return Caller(user=AnonymousUser(), origin=Origin.REFRESH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presenter:
    """Who holds out a refresh token, and how it travelled.

    ``circumstances`` is a caller who is nobody yet: the token itself says who he is. ``client`` is the API key that has
    authenticated, ``public_id`` the application's where its holder names it; neither has to be there, and both must be
    right when they are. ``in_cookie`` says that a browser sent it by itself, and ``signed_in`` is the primary key of
    whoever has a session in that browser.
    """

    circumstances: Caller = field(default_factory=_nobody)
    client: ApiKey | None = None
    public_id: str = ""
    application_slug: str = ""
    in_cookie: bool = False
    signed_in: object | None = None

    def objection(self, family: TokenFamily) -> str:
        """Return what speaks against refreshing this family for this presenter, as a word for logs."""
        # One that lives in a cookie is not taken from a body, which needs no CSRF proof; nor the other way round.
        return self.client_objection(family) or self._transport_objection(family)

    def _transport_objection(self, family: TokenFamily) -> str:
        if self.in_cookie != family.in_cookie:
            return "transport_differs"
        # Who was here before left it behind: his page would go on as him under the name of somebody else.
        left_behind = self.in_cookie and self.signed_in is not None and self.signed_in != family.user_id
        return "another_user" if left_behind else ""

    def client_objection(self, family: TokenFamily) -> str:
        """Return what speaks against his holding this family's tokens at all."""
        application = family.application
        # RFC 6749 section 6: bound to the client that it was issued to. Texts are compared here: MariaDB's are loose.
        if self.client is not None and self.client.pk != family.api_key_id:
            return "client_differs"
        if self.public_id and self.public_id != application.public_id:
            return "client_differs"
        return "application_differs" if self.application_slug not in {"", application.slug} else ""

    def caller(self, family: TokenFamily) -> Caller:
        """Return the caller that the token makes of its presenter."""
        context = self.circumstances
        return Caller(
            user=family.user if family.user is not None else AnonymousUser(),
            origin=Origin.REFRESH,
            api_key=family.api_key,
            ip=context.ip,
            user_agent=context.user_agent,
            request_id=context.request_id,
        )


def found(text: str | TokenText) -> tuple[Presented, TokenFamily]:
    """Return what the text says, and its family with everything that deciding needs: one SELECT, none for garbage.

    Raises:
        TokenRejected: this site did not make it, or the family is gone.
    """
    presented = refresh_texts.read(text)
    if presented is None:
        reject("malformed")
    rows = recalling.with_surroundings(TokenFamily.objects.using(write_alias()).with_epochs_now())
    family = rows.filter(pk=presented.family_id).first()
    if family is None or not digests.same(family.mac_key_id, presented.key_id):
        reject("unknown")
    return presented, family


def look_again(family: TokenFamily) -> None:
    """Read what may have changed in the family's own row since ``found``, outside any transaction.

    Raises:
        TokenRejected: the row is gone.
    """
    try:
        family.refresh_from_db(using=write_alias(), fields=_MOVING)
    except TokenFamily.DoesNotExist:
        reject("unknown", family)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What speaks against a family. ``closes``: it will never be right again, and nobody has written that down yet."""

    word: str
    closes: bool = False


def objection(family: TokenFamily, *, at: datetime) -> Objection | None:
    """Return what speaks against a family that ``found`` returned, apart from its own row; None when nothing does."""
    if family.epochs != family.epochs_now:  # type: ignore[attr-defined]  # annotated by found()
        return Objection(word="revoked")
    user = family.user
    if user is None or not user.is_active:
        return Objection(word="user_gone" if user is None else "user_inactive", closes=True)
    if not digests.same(family.password_stamp, stamps.password_stamp(user.password)):
        return Objection(word="password_changed", closes=True)
    if family.api_key is not None and (ended := family.api_key.ended(at)):
        return Objection(word=f"api_key_{ended}")
    return Objection(word="application_disabled") if family.application.is_disabled else None


def reject(verdict: str, family: TokenFamily | None = None) -> NoReturn:
    """Refuse a refresh token; the log alone learns why."""
    slug = family.application.slug if family is not None else ""
    logger.info("rejected", extra=facts("rejected", application=slug, reason=verdict))
    raise TokenRejected(verdict)
