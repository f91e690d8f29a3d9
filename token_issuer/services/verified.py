"""What is known of a credential that was found good; views see it as ``request.auth``."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from token_issuer.models import Principal

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from token_issuer.models import ApiKey, IssuedToken

Access = Literal["readonly", "readwrite"]


class Kind(enum.Enum):
    """What kind of credential it is. Each door takes the kinds it names, and no other."""

    ACCESS = "access"  # our access token, a signed JWT
    ONE_TIME = "one_time"  # our short token, used once or until it expires
    API_KEY = "api_key"  # an API key and its secret
    SELF_SIGNED = "self_signed"  # a JWT that a server signed with its API key's secret
    VENDOR = "vendor"  # a token for a vendor's cloud, which opens nothing here


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A credential that is good at this instant.

    ``user`` is whose it is: an AnonymousUser where a server acts for nobody. ``scopes`` are what it may do (access
    tokens, API keys and what they sign); ``access`` is what a short token may do; ``one_time`` says that it is good
    once, and verifying does not use it up. ``expires_at`` is None for an API key without an end. ``token`` and
    ``api_key`` are the rows behind it, None where it has none or, in the cache mode, where none was read.
    """

    kind: Kind
    user: AbstractBaseUser | AnonymousUser
    subject: str
    application_id: UUID
    application_slug: str
    principal: Principal = Principal.USER
    token_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    access: Access | None = None
    one_time: bool = False
    expires_at: datetime | None = None
    audience: str = ""
    api_key_id: UUID | None = None
    api_key_public_id: str = ""
    token: IssuedToken | None = field(default=None, repr=False, compare=False)
    api_key: ApiKey | None = field(default=None, repr=False, compare=False)

    @property
    def is_server(self) -> bool:
        """Whether it speaks for a server that acts for nobody."""
        return self.principal is Principal.API_KEY

    def has_scope(self, *scopes: str) -> bool:
        """Whether it may do all of these."""
        return self.scopes.issuperset(scopes)
