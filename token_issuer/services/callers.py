"""Who asks, through which door: what the edge knows and a use case needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from token_issuer.errors import NotAuthenticated, PolicyDenied
from token_issuer.models import EpochKind, Origin, Principal, epoch_key

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from token_issuer.models import ApiKey
    from token_issuer.services.verified import Verified

SCOPE_MISSING: Final = "scope_missing"

_LONGEST_USER_AGENT = 255
_LONGEST_REQUEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, a server's key or both, and the circumstances of the call.

    With ``api_key`` and a user the server acts for that user; with ``api_key`` alone it acts for itself. ``scopes``
    are what the credential may do here, None where it is the person's own session or the site's own code. ``presented``
    is the credential of ours that he came with. ``by_cookie`` says that a class of the site's own knew him without an
    ``Authorization`` header, as browsers are known. Texts from outside are cut to what the audit holds.
    """

    user: AbstractBaseUser | AnonymousUser
    origin: Origin
    api_key: ApiKey | None = None
    scopes: frozenset[str] | None = None
    presented: Verified | None = field(default=None, repr=False, compare=False)
    by_cookie: bool = False
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @property
    def is_server(self) -> bool:
        """Whether the token stays on a server; a session's goes to a browser, a login key's to whoever holds it."""
        if self.origin is Origin.REDEEM:
            return False
        return self.origin in {Origin.PYTHON, Origin.COMMAND} or self.api_key is not None

    @property
    def principal(self) -> Principal:
        """Whose tokens these are: a key's own when it acts for nobody."""
        return Principal.USER if self.api_key is None or self.person is not None else Principal.API_KEY

    @property
    def principal_key(self) -> UUID:
        """The exact key of this person, or server, in windows and epochs; it outlives the row."""
        if self.api_key is not None and self.principal is Principal.API_KEY:
            return self.api_key.pk
        return epoch_key(EpochKind.USER, self.user.pk)

    @property
    def circumstances(self) -> dict[str, Any]:
        """The columns that token and event rows share."""
        return {"ip": self.ip, "user_agent": clean(self.user_agent, _LONGEST_USER_AGENT)}

    @property
    def user_id(self) -> Any:  # noqa: ANN401  whatever the site's user model uses as its key
        """The user's primary key; None when nobody is signed in."""
        return self.user.pk

    @property
    def person(self) -> AbstractBaseUser | None:
        """The user, or None when nobody is signed in (the site's own code may end tokens without one)."""
        return None if isinstance(self.user, AnonymousUser) else self.user

    def require_active(self) -> None:
        """Raise NotAuthenticated for anonymous and deactivated people; a server's key was checked when it came."""
        if self.principal is Principal.API_KEY:
            return
        if not self.user.is_authenticated:
            msg = "Sign in first."
            raise NotAuthenticated(msg)
        if self.user.pk is None:
            msg = "This account is gone."
            raise NotAuthenticated(msg)
        if not self.user.is_active:
            msg = "This account is not active."
            raise NotAuthenticated(msg)

    def require_scope(self, *scopes: str) -> None:
        """Raise PolicyDenied when the credential has none of these scopes."""
        if self.scopes is not None and self.scopes.isdisjoint(scopes):
            raise PolicyDenied(SCOPE_MISSING, f"This takes the scope {' or '.join(scopes)}.")

    @property
    def audited_request_id(self) -> str:
        """The request id as the audit holds it."""
        return clean(self.request_id, _LONGEST_REQUEST_ID)


def clean(text: str, longest: int) -> str:
    """Return the text without control characters, cut to what a column holds."""
    return "".join(mark if mark.isprintable() else " " for mark in text[:longest])
