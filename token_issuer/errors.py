"""The error tree: stable codes and attributes, no HTTP and no secrets.

``code`` is one of the closed list in ``docs/errors.md``; the HTTP status of each lives in
``token_issuer.api.errors`` alone. Messages are written for developers and never quote a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar


class TokenIssuerError(Exception):
    """Anything this package refuses. ``code`` is stable, the message is for people."""

    code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FieldError(TokenIssuerError):
    """A value that was handed in does not fit; ``field`` names it, ``fields`` names all that failed.

    Nested fields are joined with a dot (``profile.name``).
    """

    code = "invalid_request"

    def __init__(self, field: str, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.reason = message
        self.fields: Mapping[str, Sequence[str]] = fields or {field: (message,)}


class BadGrant(FieldError):
    """A requested grant cannot be expressed in the provider's format."""


class BadOption(FieldError):
    """An administrator's option, identifier or secret does not fit the provider."""


class TokenMalformed(TokenIssuerError):
    """A text is not a token of the format that was asked to read it."""

    code = "invalid_request"


class NotFound(TokenIssuerError):
    """There is no such thing, or none that this caller may know of."""

    code = "not_found"


class Conflict(TokenIssuerError):
    """Somebody else changed the same thing first, or it is no longer in a state that allows this.

    ``reason`` is a stable word where a program has to tell it from other refusals.
    """

    code = "invalid_request"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NotAuthenticated(TokenIssuerError):
    """The caller is nobody: anonymous, deleted or deactivated."""

    code = "not_authenticated"


class PolicyDenied(TokenIssuerError):
    """Policy said no; ``reason`` is a stable word such as ``no_rule`` or ``privilege_not_granted``.

    ``fields`` names what the caller can correct; there is seldom anything.
    """

    code = "policy_denied"
    fields: Mapping[str, Sequence[str]] = {}

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or f"Policy denied this: {reason}.")
        self.reason = reason


class ReadOnly(PolicyDenied):
    """A short token that may only read came with a request that changes something. It is not used up."""

    def __init__(self) -> None:
        super().__init__("readonly_token", "The token allows reading only.")


class SubjectMismatch(PolicyDenied):
    """A front-end is about to speak for somebody whom its user is not; ``fields`` tells the right one."""

    def __init__(self, field: str, subject: int | str) -> None:
        super().__init__("subject_mismatch", f"{field} is not who you are at the vendor.")
        self.fields = {field: (f"must be {json.dumps(subject, ensure_ascii=False)}",)}


class RateLimited(TokenIssuerError):
    """A rule's window is used up; ``retry_after`` is whole seconds until the next one, at least 1."""

    code = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"The limit of this rule is reached; try again in {retry_after} s.")
        self.retry_after = retry_after


class ApplicationDisabled(TokenIssuerError):
    """An administrator has switched the application off."""

    code = "application_disabled"


class NoActiveCertificate(TokenIssuerError):
    """The application has nothing active to sign or call with; ``purpose`` says which."""

    code = "no_active_certificate"

    def __init__(self, purpose: str) -> None:
        super().__init__(f"The application has no active certificate for the purpose {purpose!r}.")
        self.purpose = purpose


class VendorUnavailable(TokenIssuerError):
    """A vendor that must be asked did not answer, or not usefully.

    ``reason`` is a stable word: ``unreachable`` (the request never left), ``timed_out``, ``dropped`` (the connection
    ended after the request), ``refused`` (the vendor's no), ``failed`` (the vendor's own trouble), ``garbled`` (an
    answer nobody can read). ``final`` says that asking again in the same way is no use. ``ms`` is how long it took,
    where somebody measured it.
    """

    code = "vendor_unavailable"

    def __init__(self, message: str, *, reason: str, final: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.final = final
        self.ms: float | str = ""


class PolicyUnavailable(TokenIssuerError):
    """The site's policy function failed; that is a refusal, never a permission."""

    code = "policy_unavailable"


class Unavailable(TokenIssuerError):
    """A store this decision needs did not answer; nothing was decided."""

    code = "unavailable"


class TokenRejected(TokenIssuerError):
    """Unknown, expired, revoked, consumed and reused: one public answer, so that it is no oracle.

    ``verdict`` keeps the difference for audit and logs; it is never shown to the presenter.
    """

    code = "invalid_token"

    def __init__(self, verdict: str = "unknown") -> None:
        super().__init__("The token is not valid.")
        self.verdict = verdict
