"""Another spelling of a pair, for clients of an SDK that has its own: asked for with a profile in ``Accept``.

``Accept: application/json; profile="login-tokens"`` gets the names of Voximplant's ``LoginTokens``. Their numbers are
seconds from now, as the vendor's mobile SDKs read them; its web pages contradict each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from django.http import HttpRequest

    from token_issuer.services.issuing import Issuance

LOGIN_TOKENS: Final = "login-tokens"
MEDIA_TYPE: Final = f'application/json; profile="{LOGIN_TOKENS}"'


def asked(request: HttpRequest) -> bool:
    """Whether the request's ``Accept`` asks for the other spelling; one that cannot be read asks for nothing.

    To be called before the use case: what has been committed must be answered.
    """
    try:
        profiles = {str(kind.params.get("profile", "")) for kind in request.accepted_types}
    except (LookupError, ValueError):
        # RFC 8187: a parameter may name its own encoding, which nobody has to know.
        return False
    return LOGIN_TOKENS in profiles


def spelt(made: Issuance, usual: dict[str, Any], *, other: bool) -> dict[str, Any]:
    """Return the usual answer, or the same pair in the ``other`` names."""
    return _login_tokens(made) if other else usual


def _login_tokens(made: Issuance) -> dict[str, Any]:
    answer: dict[str, Any] = {"accessToken": made.token.reveal(), "accessExpire": made.expires_in}
    pair = made.pair
    if pair is None:
        return answer
    if not pair.in_cookie:
        answer["refreshToken"] = pair.refresh_token.reveal()
    return {**answer, "refreshExpire": int((pair.expires_at - made.issued_at).total_seconds())}
