"""What can go wrong, as a small tree with stable codes. No message, attribute or cause holds a token or a secret.

    ClientError
    ├── ConfigurationError   the program or its settings are wrong; waiting does not help
    ├── SignedOut            the refresh token is no longer good; somebody must sign in again
    ├── KeyRefused           the server does not accept this API key
    ├── TokenExpired         there is no valid token, and ``auto_refresh`` is off
    ├── Denied               the server understood and says no; ``reason`` is its word
    ├── BadRequest           the server does not understand; ``fields`` names what is wrong
    ├── RateLimited          too many; wait ``retry_after`` seconds
    ├── ServerUnavailable    no answer, or none that can be used; ``retry_after`` says when to ask again
    └── StoreError           the store could not be read or written

What a server writes for people is kept in ``description`` and ``fields`` and stays out of the message, because messages
end in logs and a server in debug mode may repeat what it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self


class ClientError(Exception):
    """Anything this client refuses or was refused.

    ``code`` is the server's word or ours; ``retry_after`` is seconds until asking again may help, None where it does
    not; ``request_id`` is what the server's log and audit know the request by.
    """

    default_code: ClassVar[str] = "client_error"

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        retry_after: float | None = None,
        request_id: str = "",
        description: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.retry_after = retry_after
        self.request_id = request_id
        self.description = description

    def again(self, retry_after: float) -> Self:
        """Return the same refusal for a later caller, who has so many seconds left to wait."""
        copy = type(self)(*self.args)
        copy.__dict__.update(self.__dict__, retry_after=retry_after)
        return copy


class ConfigurationError(ClientError):
    """The program or its settings are wrong."""

    default_code = "configuration"


class SignedOut(ClientError):
    """What this client holds is no longer good: it expired, was revoked, or was used by somebody else."""

    default_code = "invalid_grant"


class KeyRefused(ClientError):
    """The server does not accept the API key: unknown, revoked, expired, or used from a foreign network."""

    default_code = "invalid_client"


class TokenExpired(ClientError):
    """There is no valid token, and ``auto_refresh`` is off: call ``refresh()``."""

    default_code = "expired"


class Denied(ClientError):
    """The server says no; ``reason`` is its stable word, such as ``not_a_member``."""

    default_code = "policy_denied"
    reason: str = ""

    @classmethod
    def because(cls, reason: str, **facts: object) -> Self:
        """Return the refusal with its reason in the message."""
        error = cls(f"The server says no: {reason}.", code=str(facts.get("code", "")))
        error.__dict__.update(facts, reason=reason)
        return error


class BadRequest(ClientError):
    """The server does not understand the request; ``fields`` has its sentences by the field's name."""

    default_code = "invalid_request"
    fields: Mapping[str, Sequence[str]] = {}


class RateLimited(ClientError):
    """Too many requests; ``retry_after`` seconds are left."""

    default_code = "rate_limited"


class ServerUnavailable(ClientError):
    """No answer, or none that can be used. Nothing is known about what the server did."""

    default_code = "unavailable"


class StoreError(ClientError):
    """The store could not be read or written."""

    default_code = "store"
