"""What a token comes from: a family that begins with it or goes on, or a login key that was redeemed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Subquery

from token_issuer.crypto import keyring, refresh_texts, stamps
from token_issuer.ids import uuid7
from token_issuer.models import EpochKind, Origin, Principal, TokenFamily, epoch_key
from token_issuer.models.revocation_epoch import EVERYTHING_KEY
from token_issuer.providers import fields
from token_issuer.services.parents import epochs_under

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from token_issuer.crypto import TokenText
    from token_issuer.models import IssuedToken
    from token_issuer.providers.base import Grant
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question

# Doors whose callers keep a refresh token themselves. A session renews by itself, and its browser gets a pair in a
# cookie alone, where the application says so.
_IN_BODY = frozenset({Origin.BEARER, Origin.API_KEY, Origin.REDEEM, Origin.PYTHON})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The refresh token beside an access token; ``in_cookie`` says that a body must not carry it."""

    refresh_token: TokenText
    expires_at: datetime
    in_cookie: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What a token comes from.

    ``newborn`` is a family to insert with it; ``family`` and ``generation`` are its place in one. ``epochs`` is the sum
    that what it comes from was made under (an expression), None where the token reads its own. ``claim`` runs first in
    the recording transaction and raises when there is nothing to claim; it may tell the door (``recording.Entry``).
    """

    family: TokenFamily | None = None
    generation: int | None = None
    newborn: TokenFamily | None = None
    epochs: Combinable | None = None
    claim: Callable[[], Origin | None] | None = field(default=None, repr=False)
    pair: Pair | None = None


def begun(question: Question, grant: Grant, *, at: datetime, parent: IssuedToken | None) -> Lineage | None:
    """Return the lineage of what is freshly decided; None for a token alone that no other one asked for.

    ``parent``: the access token that the caller came with.
    """
    pair = newborn(question, grant, at=at, parent=parent)
    if pair is not None or parent is None:
        return pair
    return Lineage(epochs=own_epochs(question, grant, parent=parent))


def newborn(
    question: Question,
    grant: Grant,
    *,
    at: datetime,
    parent: IssuedToken | None = None,
    epochs: int | None = None,
    latest: datetime | None = None,
    in_browser: bool = False,
) -> Lineage | None:
    """Return the lineage of a new pair, None for a caller or a provider that gets a token alone.

    ``parent``: the access token that the caller came with. ``epochs``: of the login key that it comes from, None for a
    fresh decision. ``latest``: when it ends at the latest, whatever the application allows. ``in_browser``: it goes to
    a browser that is signed in with it, though its caller came by another door.
    """
    limits = question.provider.refresh_limits(question.options)
    caller = question.caller
    # What goes into a body there any script can read.
    in_cookie = in_browser or caller.by_cookie or caller.origin is Origin.SESSION
    if limits is None or caller.principal is not Principal.USER:
        return None
    if not (limits.browsers if in_cookie else caller.origin in _IN_BODY):
        return None
    ends = _ends_of(parent, at + timedelta(seconds=limits.absolute))
    if ends is not None and latest is not None:
        ends = min(ends, latest)
    if ends is None or ends <= at:
        return None
    family = TokenFamily(
        id=uuid7(),
        application=question.application,
        api_key=caller.api_key,
        principal=caller.principal,
        principal_key=caller.principal_key,
        user_id=caller.user_id,
        subject=grant.subject or "",
        grant=fields.dump(question.grant),
        lifetime=question.lifetime,
        slot=question.slot,
        resource_key=epoch_key(EpochKind.RESOURCE, question.application.pk, grant.resource),
        mac_key_id=keyring.ring().sealing_key.key_id,
        idle_expires_at=min(at + timedelta(seconds=limits.idle), ends),
        expires_at=ends,
        password_stamp=stamp_of(caller),
        epochs=own_epochs(question, grant, parent=parent) if epochs is None else epochs,
        in_cookie=in_cookie,
        created_at=at,
        **caller.circumstances,
    )
    # The token was issued under what its family was, whatever is ended between the two INSERTs.
    stored = Subquery(TokenFamily.objects.order_by().filter(pk=family.pk).values("epochs"))
    pair = Pair(refresh_token=text_of(family, 0), expires_at=family.expires_at, in_cookie=in_cookie)
    return Lineage(family=family, generation=0, newborn=family, epochs=stored, pair=pair)


def _ends_of(parent: IssuedToken | None, latest: datetime) -> datetime | None:
    """Return when a new family ends at the latest; None where there is to be none.

    Whoever found or stole an access token without a refresh token must not live on with it for weeks, and whoever has
    a pair must not live longer by asking for another.
    """
    if parent is None:
        return latest
    return min(latest, parent.family.expires_at) if parent.family is not None else None


def text_of(family: TokenFamily, generation: int) -> TokenText:
    """Return the refresh token of a generation: derived each time, stored nowhere."""
    return refresh_texts.make(family=family.pk, generation=generation, key_id=family.mac_key_id)


def stamp_of(caller: Caller) -> str:
    """Return the mark of the caller's password as it is now; empty for a server that is nobody."""
    person = caller.person
    return stamps.password_stamp(person.password) if person is not None else ""


def own_epochs(question: Question, grant: Grant, *, parent: IssuedToken | None) -> Combinable:
    """Return the sum that a family or a login key is made under, to be read in its own INSERT, as a token's is.

    ``parent``: the access token that the caller came with; when it has ended by then, what it makes is dead.
    """
    caller, application = question.caller, question.application
    keys = {caller.principal_key, application.pk, EVERYTHING_KEY}
    keys.add(epoch_key(EpochKind.RESOURCE, application.pk, grant.resource))
    return epochs_under(parent, keys | ({caller.api_key.pk} if caller.api_key is not None else set()))
