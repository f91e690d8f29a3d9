"""The public Python surface: ``issue``, ``deposit``, ``verify``, ``consume``, asynchronous twins, and ``revoke``.

An edge like the HTTP one: it reads the clock once and says who calls. Names are kept by SemVer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, overload
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from token_issuer.crypto import TokenText, revealed
from token_issuer.errors import NotFound
from token_issuer.models import Origin
from token_issuer.services import consuming, issuing, pairs, revoking, verifying
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import write_alias
from token_issuer.services.verified import Kind

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from token_issuer.models import VendorPair
    from token_issuer.services.issuing import Issuance
    from token_issuer.services.revoking import Ending
    from token_issuer.services.verifying import Verified

User: TypeAlias = "AbstractBaseUser | AnonymousUser | None"
Kinds: TypeAlias = Collection[Kind | str]

OPENING: Final = frozenset({Kind.ACCESS, Kind.API_KEY, Kind.SELF_SIGNED})
"""What ``verify`` takes unless it is told: what opens this site, more than once."""


@overload
def issue(
    user: User, application: str, *, on_commit: None = None, at: datetime | None = None, **body: object
) -> Issuance: ...
@overload
def issue(
    user: User,
    application: str,
    *,
    on_commit: Callable[[Issuance], object],
    at: datetime | None = None,
    **body: object,
) -> None: ...
def issue(
    user: User,
    application: str,
    *,
    on_commit: Callable[[Issuance], object] | None = None,
    at: datetime | None = None,
    **body: object,
) -> Issuance | None:
    """Issue a token to a user, under the same policy as over HTTP.

    ``body`` are the grant's fields and, optionally, ``lifetime`` and ``slot``: ``issue(user, "rooms",
    channel="room-42", role="publisher", lifetime=600)``. The text is ``issuance.token.reveal()``.

    Raises:
        OpenTransaction: called inside a transaction without ``on_commit``.
        NotAuthenticated: the user is anonymous, deleted or deactivated in the database.
        NotFound, ApplicationDisabled, BadGrant, PolicyDenied, PolicyUnavailable, RateLimited, NoActiveCertificate.
    """
    caller, at = Caller(user=_as_stored(user), origin=Origin.PYTHON), at or timezone.now()
    if on_commit is None:
        return issuing.issue(caller, application, body=body, at=at)
    issuing.issue(caller, application, body=body, at=at, on_commit=on_commit)
    return None


def deposit(user: User, application: str, *, at: datetime | None = None, **body: object) -> VendorPair:
    """Keep the access and refresh token that a vendor gave to a user, sealed; ``issue`` then hands out the former.

    ``body`` is what the provider takes: ``deposit(request.user, "connectify", access_token=…, refresh_token=…,
    expires_in=3600)``, and optionally ``device``, a name for one of several connections, and ``version``, that of the
    pair it replaces.

    Raises:
        OpenTransaction: called inside a transaction.
        NotAuthenticated: the user is anonymous, deleted or deactivated in the database.
        NotFound, ApplicationDisabled, BadGrant, PolicyDenied, PolicyUnavailable.
        Conflict: another version stands there (``stale_version``).
    """
    pair = pairs.muted(body)
    body.clear()
    caller = Caller(user=_as_stored(user), origin=Origin.PYTHON)
    return pairs.deposit(caller, application, body=pair, at=at or timezone.now())


def verify(
    token: str | TokenText, *, kinds: Kinds = OPENING, audience: str | None = None, at: datetime | None = None
) -> Verified:
    """Return what we know of a credential of these kinds that is good now. Nothing is used up.

    ``kinds`` are ``Kind`` or their values; ``{"vendor"}`` asks whether we still vouch for a token that we issued for a
    vendor's cloud, which opens nothing here. A short token is for ``consume``: what works once would work here until it
    expires. ``audience`` is whom an access token must be meant for; None for this site, ``ISSUER``.

    Raises:
        TokenRejected: it is not good; ``verdict`` says why, for logs only.
        Unavailable: the database does not answer, so neither yes nor no.
        ValueError: there is no such kind.
    """
    wrapped = TokenText(revealed(token))
    del token  # what an error reporter would print of this frame
    return verifying.verify(wrapped, at=at or timezone.now(), audience=audience, kinds=_read(kinds))


async def averify(
    token: str | TokenText, *, kinds: Kinds = OPENING, audience: str | None = None, at: datetime | None = None
) -> Verified:
    """Do what ``verify`` does, for asynchronous code such as a WebSocket's."""
    wrapped = TokenText(revealed(token))
    del token
    later = sync_to_async(verifying.verify, thread_sensitive=True)
    return await later(wrapped, at=at or timezone.now(), audience=audience, kinds=_read(kinds))


def _read(kinds: Kinds) -> frozenset[Kind]:
    if isinstance(kinds, str):
        raise TypeError("kinds is a collection of kinds")
    return frozenset(map(Kind, kinds))


def consume(
    token: str | TokenText, *, safe: bool = False, application: str | None = None, at: datetime | None = None
) -> Verified:
    """Return what a short token is good for, and use it up if it works once. Do your work after it returns.

    What is returned is a lease: work that has begun need not ask again when the token expires meanwhile. ``safe`` says
    that the work changes nothing, which is all that a ``readonly`` token is for; ``application`` is the slug of the
    application that the token must be of.

    Raises:
        OpenTransaction: called inside a transaction, whose rollback would give the token back.
        ReadOnly: the token may only read; it is not used up.
        TokenRejected: it is not good; ``verdict`` says why, for logs only.
        Unavailable: the database does not answer.
    """
    wrapped = TokenText(revealed(token))
    del token
    return consuming.consume(wrapped, at=at or timezone.now(), safe=safe, application=application)


async def aconsume(
    token: str | TokenText, *, safe: bool = False, application: str | None = None, at: datetime | None = None
) -> Verified:
    """Do what ``consume`` does, for asynchronous code."""
    wrapped = TokenText(revealed(token))
    del token
    return await sync_to_async(consume)(wrapped, safe=safe, application=application, at=at)


def revoke(token: str | TokenText | UUID, *, reason: str, by: User = None, at: datetime | None = None) -> Ending:
    """End a token, named by its id or its text. ``by`` is the user who decided, for the audit.

    Raises:
        NotFound: no token of ours has this id or text.
    """
    named = token if isinstance(token, UUID) else TokenText(revealed(token))
    del token
    at = at or timezone.now()
    caller = Caller(user=by if by is not None else AnonymousUser(), origin=Origin.PYTHON)
    return revoking.revoke_any(caller, _token_id(named, at=at), reason=reason, at=at)


def _as_stored(user: User) -> AbstractBaseUser | AnonymousUser:
    """Read the user again: an object in memory may be older than his deactivation."""
    if user is None or user.pk is None:
        return AnonymousUser()
    users = get_user_model()._default_manager.using(write_alias())
    return users.filter(pk=user.pk).first() or AnonymousUser()


def _token_id(token: TokenText | UUID, *, at: datetime) -> UUID:
    if isinstance(token, UUID):
        return token
    found = verifying.find_named(token, at=at)
    if found is None:
        msg = "There is no such token."
        raise NotFound(msg)
    return found.pk
