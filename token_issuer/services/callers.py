"""Who asks, through which door: what the edge knows and a use case needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from token_issuer.errors import NotAuthenticated
from token_issuer.models import EpochKind, Origin, epoch_key

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_LONGEST_USER_AGENT = 255
_LONGEST_REQUEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person and the circumstances of the call. Texts from outside are cut to what the audit holds."""

    user: AbstractBaseUser | AnonymousUser
    origin: Origin
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @property
    def is_server(self) -> bool:
        """Whether the token stays on a server; a session's goes to a browser."""
        return self.origin in {Origin.PYTHON, Origin.COMMAND}

    @property
    def principal_key(self) -> UUID:
        """The exact key of this person in windows and epochs; it outlives the row."""
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
        """Raise NotAuthenticated for anonymous and deactivated people."""
        if not self.user.is_authenticated:
            msg = "Sign in first."
            raise NotAuthenticated(msg)
        if not self.user.is_active:
            msg = "This account is not active."
            raise NotAuthenticated(msg)

    @property
    def audited_request_id(self) -> str:
        """The request id as the audit holds it."""
        return clean(self.request_id, _LONGEST_REQUEST_ID)


def clean(text: str, longest: int) -> str:
    """Return the text without control characters, cut to what a column holds."""
    return "".join(mark if mark.isprintable() else " " for mark in text[:longest])
