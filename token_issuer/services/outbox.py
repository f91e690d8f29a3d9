"""Writing down, in the transaction that revokes, what a vendor is to be told. Sending is ``pushing``'s business.

A row is written where the provider can tell its vendor (``Pusher``), can tell it of such a token, and the application
has an active certificate of the purpose ``call``. Without one nothing is written, and a revocation costs no statement
more. Of several tokens with the same rights of one user in one room the vendor is told once, with the one that lives
longest; the rows of the others name that one's (``told_by``).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import Exists, F, OuterRef

from token_issuer.errors import BadOption
from token_issuer.models import Certificate, IssuedToken, VendorPush
from token_issuer.providers import fields
from token_issuer.providers.called import Pusher, RevokedToken
from token_issuer.registry import providers
from token_issuer.services.logged import facts
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from django.db.models import QuerySet

    from token_issuer.models import Application
    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.providers.base import Options
    from token_issuer.services.callers import Caller

logger = logging.getLogger("token_issuer.vendor")

PURPOSE: Final = "call"
MOST: Final = 10_000  # pushes of one revocation; of tokens that live longest first
_OF_EACH: Final = 5  # tokens that are looked at for each of these: some are told of with another
_CHUNK: Final = 500

_COLUMNS: Final = ("subject", "resource", "privileges")
_APPLICATION: Final = ("application_id", "application__provider", "application__options")


class Telling(NamedTuple):
    """What a vendor does that is told of a token: whether it keeps its user out, and the sentence that says so."""

    kept_out: bool
    sentence: str


class Outbox:
    """The pushes that one revocation writes; it is filled anew when its transaction is repeated.

    ``ids`` are those to send: without the rows that another one is sent for. ``left_out`` is how many live tokens more
    there are than ``MOST`` allows: their vendor is not told.

    ``for_all``: what others use may end with it (``RevokedToken``).
    """

    def __init__(self, *, for_all: bool = False) -> None:
        self.ids: list[UUID] = []
        self.left_out = 0
        self._for_all = for_all

    @property
    def noted(self) -> dict[str, int]:
        """What the audit of the revocation keeps of it; nothing where all are told."""
        return {"left_out": self.left_out} if self.left_out else {}

    def write(self, tokens: IssuedTokenQuerySet, *, at: datetime, only: Application | None = None) -> None:
        """Write pushes for these tokens inside the caller's transaction. ``only``: all of them are this application's.

        Those that have expired, or for which there is a push already, are left out, and so is what exceeds ``MOST``.
        """
        self.ids, self.left_out = [], 0
        names = pushers() if only is None or pusher_of(only.provider) else []
        if names:
            self._write(_to_tell(tokens, names, at=at), at=at)

    def _write(self, wanted: QuerySet[IssuedToken, tuple[Any, ...]], *, at: datetime) -> None:
        most = MOST * _OF_EACH
        found = list(wanted[:most])
        beyond = wanted.count() - most if len(found) == most else 0
        self.ids, self.left_out = _written(found, for_all=self._for_all, at=at)
        self.left_out += beyond
        if self.left_out:
            logger.warning(
                "%s tokens of one revocation are too many: their vendors are not told.",
                self.left_out,
                extra=facts("push_left_out"),
            )

    def write_ended(self, members: IssuedTokenQuerySet, *, at: datetime, only: Application | None = None) -> None:
        """Do so for the members of a set whose epoch was raised before, in the same transaction.

        A token under the new epoch is none of them. One that was being made at this moment under the old one, and is
        committed later, has ended as well and is missed: its vendor is not told.
        """
        ended = members.with_epochs_now().exclude(epochs=F("epochs_now"))
        self.write(ended.filter(revoked_at__isnull=True, consumed_at__isnull=True), at=at, only=only)


def pushers() -> list[str]:
    """Return the names of the providers that can tell their vendor."""
    return [name for name in providers() if pusher_of(name)]


def pusher_of(name: str) -> Pusher | None:
    """Return the provider of this name if it is one of them."""
    found: Any = providers().get(name)
    return found if isinstance(found, Pusher) else None


def is_another(caller: Caller, owner_id: object) -> bool:
    """Whether a person decides about what is somebody else's: an administrator, and no server that acts for anybody."""
    return caller.person is not None and caller.api_key is None and caller.user_id != owner_id


def sentences(tokens: Iterable[IssuedToken], caller: Caller, *, at: datetime) -> list[str]:
    """Return what vendors do when this caller revokes these tokens, each sentence once; of others nothing."""
    tokens = [token for token in tokens if pusher_of(token.application.provider)]
    certificates = Certificate.objects.using(write_alias()).active().order_by()
    ids = {token.application_id for token in tokens}
    calling = set(certificates.filter(application__in=ids, purpose=PURPOSE).values_list("application_id", flat=True))
    found: dict[str, None] = {}
    for token in tokens:
        provider, told = token.application.provider, told_of(token, at=at, for_all=is_another(caller, token.user_id))
        options, pusher = options_of(provider, token.application.options), pusher_of(provider)
        if token.application_id in calling and options is not None and pusher and tells(provider, options, told):
            found[pusher.push_sentence(options, told)] = None
    return [*found]


def can_call(application: str = "application_id") -> Exists:
    """Whether the application (named by this column of the outer query) has something to call its vendor with."""
    certificates = Certificate.objects.using(write_alias()).active().order_by()
    return Exists(certificates.filter(application_id=OuterRef(application), purpose=PURPOSE))


def options_of(provider: str, options: object) -> Options | None:
    """Return an application's options as its provider's own value; None where they do not fit (any more)."""
    known = providers().get(provider)
    try:
        return None if known is None else fields.parse(known.options_class, options, error=BadOption)
    except BadOption:
        return None


def tells(provider: str, options: Options | None, token: RevokedToken) -> bool:
    """Whether this vendor can be told of this token. A provider that breaks on it cannot: revoking goes on."""
    pusher = pusher_of(provider)
    if pusher is None or options is None:
        return False
    try:
        return pusher.tells(options, token)
    except Exception as error:  # a stranger's code, in the middle of a revocation
        logger.error(  # noqa: TRY400  its text may quote what it was given
            "%s cannot say whether its vendor can be told of a token: %s",
            provider,
            type(error).__name__,
            extra=facts("push_failed", provider=provider),
        )
        return False


def telling(provider: str, options: Options | None, token: RevokedToken) -> Telling | None:
    """Return what this vendor does when it is told of this token; None where it cannot be."""
    pusher = pusher_of(provider)
    if pusher is None or options is None or not tells(provider, options, token):
        return None
    return Telling(kept_out=pusher.keeps_out(options, token), sentence=pusher.push_sentence(options, token))


def told_of(token: IssuedToken, *, at: datetime, for_all: bool) -> RevokedToken:
    """Return what of a token a vendor can be told at this instant."""
    columns = token.subject, token.resource, token.privileges
    return described(*columns, remaining=token.expires_at - at, for_all=for_all)


def described(
    subject: str, resource: str, privileges: Iterable[str], *, remaining: timedelta, for_all: bool
) -> RevokedToken:
    """Return the same by a token's columns."""
    return RevokedToken(
        subject=subject,
        resource=resource,
        privileges=frozenset(map(str, privileges)),
        # Rounded up: what is told must not end before the token does.
        remaining=math.ceil(remaining.total_seconds()),
        for_all=for_all,
    )


def _to_tell(tokens: IssuedTokenQuerySet, names: list[str], *, at: datetime) -> QuerySet[IssuedToken, tuple[Any, ...]]:
    wanted = tokens.filter(can_call(), expires_at__gt=at, push__isnull=True, application__provider__in=names)
    return wanted.order_by("-expires_at", "pk").values_list("pk", "expires_at", *_APPLICATION, *_COLUMNS)


def _written(found: Iterable[tuple[Any, ...]], *, for_all: bool, at: datetime) -> tuple[list[UUID], int]:
    """Write the rows, and return which are to be sent, and how many tokens are left out."""
    parsed: dict[UUID, Options | None] = {}
    first: dict[Hashable, VendorPush] = {}
    rows, left_out = [], 0
    for pk, expires_at, application_id, provider, options, *columns in found:
        if application_id not in parsed:
            parsed[application_id] = options_of(provider, options)
        told = described(*columns, remaining=expires_at - at, for_all=for_all)
        if not tells(provider, parsed[application_id], told):
            continue
        due = {"created_at": at, "next_try_at": at}
        row = VendorPush(token_id=pk, application_id=application_id, for_all=for_all, **due)
        same = application_id, told.subject, told.resource, told.privileges
        if same in first:
            row.told_by = first[same].pk
        elif len(first) < MOST:
            first[same] = row
        else:
            left_out += 1
            continue
        rows.append(row)
    # Somebody else who ended one of them at the same moment has written the same row.
    VendorPush.objects.using(write_alias()).bulk_create(rows, batch_size=_CHUNK, ignore_conflicts=True)
    return [row.pk for row in first.values()], left_out
