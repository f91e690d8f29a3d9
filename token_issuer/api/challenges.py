"""What our authentication and permission classes raise: answers that are right in a site's own views as well.

Source: RFC 6750 section 3. DRF sends ``auth_header`` as WWW-Authenticate and ``wait`` as Retry-After.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions

from token_issuer.services.bearer import Scheme, challenge

_WAIT: Final = 5  # seconds


class InvalidToken(exceptions.AuthenticationFailed):
    """401: a credential of ours that is not good. What is wrong with it is never told."""

    status_code = 401
    auth_header: str

    def __init__(self, scheme: Scheme = "bearer") -> None:
        super().__init__(_("The credentials were not accepted."), code="invalid_token")
        self.__dict__["auth_header"] = challenge("invalid_token", scheme=scheme)

    def __setattr__(self, name: str, value: object) -> None:
        # A view of DRF writes here the challenge of whichever class stands first, and makes it a 403 where that one
        # has none; but it was our credential, wherever our class stands.
        if name not in {"auth_header", "status_code"}:
            super().__setattr__(name, value)


class TokenInAddress(exceptions.ParseError):
    """400: a token came in the address, where logs and histories keep it. RFC 9700 section 4.3.2."""

    auth_header = challenge("invalid_request")
    default_detail = _("A token belongs into the Authorization header, never into the address.")
    default_code = "invalid_request"


class InsufficientScope(exceptions.PermissionDenied):
    """403: a good token that may not do this."""

    default_detail = _("The token does not allow this.")
    default_code = "insufficient_scope"

    def __init__(self, scopes: Collection[str] = ()) -> None:
        super().__init__()
        self.auth_header = challenge("insufficient_scope", scopes=scopes)


class ServiceUnavailable(exceptions.APIException):
    """503: the database does not answer, so nothing can be said of the credential."""

    status_code = 503
    default_detail = _("The service cannot answer now; try again soon.")
    default_code = "unavailable"
    wait = _WAIT
