"""The tokens that Voximplant gives a client at every login: what they are, and how long they live.

Source: the vendor's references of ``LoginTokens``. They disagree about the unit: the page on authorization and the
native SDKs say seconds, and the vendor's own iOS demo adds them to now; the Web SDK's comments say "seconds before
expiration (in UNIX timestamp format)", its newest reference milliseconds. The Web SDK hands through what the server
said. So a number is read by its size, and where that is not clear, the documented lifetime counts: 48 hours for the
access token, 30 days for the refresh token.

Both are bound to the device that logged in, and only that device renews them: the calls run over the SDK's own
connection, and every login or refresh gives new ones in place of the old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from token_issuer.providers.base import Lifetimes
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import PairTexts
from token_issuer.providers.fields import check, grant_field

ACCESS_LIFETIME: Final = 48 * 3600  # seconds, as the vendor documents them
REFRESH_LIFETIME: Final = 30 * 86_400

LIFETIMES: Final = Lifetimes(
    minimum=1,
    default=REFRESH_LIFETIME,
    maximum=REFRESH_LIFETIME,
    source="The Web SDK's reference of LoginTokens: an access token lives 48 hours, a refresh token 30 days.",
    for_application=False,  # an application's maximum is a login key's: five minutes, or nothing
)

_RELATIVE_BELOW: Final = 10**8  # a smaller number is a number of seconds, if such a token can live as long
_MILLISECONDS_ABOVE: Final = 10**11  # a larger one is a Unix time in milliseconds: as seconds it is the year 5138
_LARGEST: Final = 10**14
_SLACK: Final = 86_400  # seconds: clocks differ
_LONGEST_TEXT: Final = 4096  # bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LoginTokens:
    """``AuthResult.tokens`` or ``RefreshTokenResult.tokens``, as the SDK has them."""

    accessToken: str = grant_field(
        label=_("Access token"), min_bytes=1, max_bytes=_LONGEST_TEXT, pattern=r"[\x21-\x7e]+"
    )
    accessExpire: int = grant_field(label=_("Its end, as the SDK says it"), minimum=1, maximum=_LARGEST)
    refreshToken: str = grant_field(
        label=_("Refresh token"), min_bytes=1, max_bytes=_LONGEST_TEXT, pattern=r"[\x21-\x7e]+"
    )
    refreshExpire: int = grant_field(label=_("Its end, as the SDK says it"), minimum=1, maximum=_LARGEST)

    def __post_init__(self) -> None:
        check(self)


def pair(tokens: LoginTokens, *, at: datetime) -> PairTexts:
    """Return the pair that a client handed in at this instant."""
    access = seconds_left(tokens.accessExpire, documented=ACCESS_LIFETIME, at=at)
    refresh = seconds_left(tokens.refreshExpire, documented=REFRESH_LIFETIME, at=at)
    return PairTexts(
        access=tokens.accessToken,
        access_expires_at=at + timedelta(seconds=access),
        refresh=tokens.refreshToken,
        refresh_expires_at=at + timedelta(seconds=refresh),
        reported={"accessExpire": tokens.accessExpire, "refreshExpire": tokens.refreshExpire},
    )


def seconds_left(reported: int, *, documented: int, at: datetime) -> int:
    """Return the seconds that a token has left, whatever unit the SDK meant; ``documented`` where that is not clear."""
    now = int(at.timestamp())
    if reported < _RELATIVE_BELOW:
        return reported if reported <= documented + _SLACK else documented
    unix_time, duration, unix_time_in_ms = reported - now, reported // 1000, reported // 1000 - now
    readings = [unix_time_in_ms] if reported > _MILLISECONDS_ABOVE else [unix_time, duration]
    likely = [seconds for seconds in readings if 1 <= seconds <= documented + _SLACK]
    return likely[0] if len(likely) == 1 else documented
