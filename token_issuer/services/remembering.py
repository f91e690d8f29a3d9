"""What the cache mode keeps of a token that the database found good: for a second, and never against the database.

    key      "token_issuer:1:" and the 32 hex digits of the token's id, so nothing of a caller's is in it
    value    JSON of what ``Verified`` needs and the instant until which it may be believed; or ``GONE``, a tombstone

Kept with ``add``, so that it never covers a tombstone; a tombstone is put with ``set`` and covers everything. A value
is believed only until a second after the instant of the question that the database answered, so what is kept late, or
lives too long in the cache, is believed no longer for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils.functional import SimpleLazyObject

from token_issuer.conf import conf
from token_issuer.models import Principal
from token_issuer.services.bounded_cache import BoundedCache, bounded_cache
from token_issuer.services.transactions import reading, write_alias
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from token_issuer.crypto.signed_texts import AccessToken

BELIEVED: Final = timedelta(seconds=1)
"""How long a token may be taken for good after the database found it so."""

GONE: Final = "gone"
_VERSION: Final = 1


class TokenRevoked(Exception):
    """The cache holds a tombstone."""


class Memory:
    """One process's memory of tokens, shared through the cache. ``clock`` is monotonic seconds."""

    def __init__(self, cache: BoundedCache, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._distrusted_until = float("-inf")

    def recall(self, said: AccessToken, *, audience: str, at: datetime) -> Verified | None:
        """Return what is remembered of a token whose signature and claims are good; None: ask the database.

        Raises:
            TokenRevoked: it ended.
        """
        if self._clock() < self._distrusted_until:
            return None
        value = self._cache.ask(lambda cache: cache.get(_key(said.token_id)))
        if value == GONE:
            raise TokenRevoked
        return _read(value, said, audience=audience, at=at) if isinstance(value, str) else None

    def keep(self, verified: Verified, *, key_id: str, at: datetime) -> None:
        """Remember what the database said of a question that was asked at ``at``, or after."""
        assert verified.token_id is not None  # noqa: S101  an access token has a row
        value, key = _written(verified, key_id=key_id, until=at + BELIEVED), _key(verified.token_id)
        self._cache.ask(lambda cache: cache.add(key, value, timeout=BELIEVED.total_seconds()))

    def bury(self, token_id: UUID, *, seconds: float) -> None:
        """Let no process believe in a token for so long, which should be the rest of its life."""
        self._cache.ask(lambda cache: cache.set(_key(token_id), GONE, timeout=seconds))

    def distrust(self) -> None:
        """Ask the database only until whatever is remembered now is believed no longer."""
        self._distrusted_until = self._clock() + BELIEVED.total_seconds()

    def trust_again(self) -> None:
        """Believe what is remembered at once."""
        self._distrusted_until = float("-inf")


memory: Final = Memory(bounded_cache)


def is_on() -> bool:
    """Whether the site chose the cache mode."""
    return conf.revocation_check == "cache"


def _written(verified: Verified, *, key_id: str, until: datetime) -> str:
    assert verified.expires_at is not None  # noqa: S101  access tokens run out
    pk = verified.user.pk
    return json.dumps(
        {
            "until": until.timestamp(),
            "kid": key_id,
            "sub": verified.subject,
            "scope": sorted(verified.scopes),
            "exp": verified.expires_at.timestamp(),
            "user": None if pk is None else str(pk),
            "principal": verified.principal.value,
            "application": str(verified.application_id),
            "slug": verified.application_slug,
            "api_key": None if verified.api_key_id is None else str(verified.api_key_id),
            "public_id": verified.api_key_public_id,
        }
    )


def _read(value: str, said: AccessToken, *, audience: str, at: datetime) -> Verified | None:
    """Return what a value says of this very token; None when it is too old, of another token, or none of ours."""
    try:
        found = json.loads(value)
        if not _is_of(found, said) or not _is_fresh(found["until"], at):
            return None
        return Verified(
            kind=Kind.ACCESS,
            user=_user(found["user"]),
            subject=said.subject,
            application_id=UUID(found["application"]),
            application_slug=found["slug"],
            principal=Principal(found["principal"]),
            token_id=said.token_id,
            scopes=said.scopes,
            expires_at=said.expires_at,
            audience=audience,
            api_key_id=None if found["api_key"] is None else UUID(found["api_key"]),
            api_key_public_id=found["public_id"],
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_of(found: dict[str, Any], said: AccessToken) -> bool:
    # What was remembered of one text of this id says nothing of another text of it.
    told = (found["kid"], found["sub"], found["scope"], found["exp"])
    return told == (said.key_id, said.subject, sorted(said.scopes), said.expires_at.timestamp())


def _is_fresh(until: float, at: datetime) -> bool:
    # Another machine's clock may be a little ahead; what claims to be believable for longer is not of our making.
    return at.timestamp() < until <= (at + 2 * BELIEVED).timestamp()


def _user(pk: str | None) -> Any:  # noqa: ANN401  the site's model, when somebody looks
    return AnonymousUser() if pk is None else SimpleLazyObject(lambda: _active(pk))


def _active(pk: str) -> AbstractBaseUser | AnonymousUser:
    """Read the user when somebody asks for more than who it is; one who is gone or not active is nobody."""
    users = get_user_model()._default_manager.using(write_alias())
    try:
        found = reading(users.filter(pk=pk).first)
    except (ValueError, ValidationError):
        found = None
    return found if found is not None and found.is_active else AnonymousUser()


def _key(token_id: UUID) -> str:
    return f"token_issuer:{_VERSION}:{token_id.hex}"
