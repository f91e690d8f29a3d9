"""The claims of a VideoSDK token: made, judged and described. Sources: see the package.

apikey, permissions      always
version                  the number 2, as soon as roles, participantId or roomId is there
iat, exp                 Unix seconds; the vendor accepts a token without ``exp`` and never ends it, we do not
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from token_issuer.providers.base import gettext_noop as _

Verdict = Literal["accept", "reject", "reject-for-end-users"]

PERMISSIONS: Final = ("allow_join", "ask_join", "allow_mod")
ROLES: Final = ("rtc", "crawler")
VERSION: Final = 2

_NEED_VERSION: Final = ("roles", "participantId", "roomId")


def build_claims(
    *,
    apikey: str,
    permissions: Sequence[str],
    issued_ts: int,
    expires_ts: int,
    roles: Sequence[str] = (),
    participant_id: str | None = None,
    room_id: str | None = None,
) -> dict[str, object]:
    """Return the claims in the order of the vendor's own package. ``version`` is there exactly when it must be."""
    scope = {"roles": list(roles) or None, "participantId": participant_id, "roomId": room_id}
    told = {name: value for name, value in scope.items() if value is not None}
    version = {"version": VERSION} if told else {}
    return {"apikey": apikey, "permissions": list(permissions), **version, **told, "iat": issued_ts, "exp": expires_ts}


def check_claims(claims: Mapping[str, object]) -> Verdict:
    """Judge the claims of a token as an issuer must: what the vendor refuses, and what no end user may hold."""
    if next(claim_problems(claims), None):
        return "reject"
    return "reject-for-end-users" if "crawler" in words_of(claims.get("roles")) else "accept"


def claim_problems(claims: Mapping[str, object]) -> Iterator[str]:
    """Say what the vendor (or a careful issuer) refuses in these claims; further claims are tolerated, as it does."""
    for name, fits in _RULES.items():
        if not fits(claims.get(name)):
            yield _SENTENCES[name]
    needy = [name for name in _NEED_VERSION if name in claims]
    if needy and not _is_whole(claims.get("version"), VERSION):
        yield _("roles, participantId and roomId need version, the number 2.")


def _is_whole(value: object, expected: int | None = None) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and expected in {None, value}


def _are_of(known: Sequence[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(word in known for word in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _or_absent(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or fits(value)


_RULES: Final[Mapping[str, Callable[[object], bool]]] = {
    "apikey": _is_text,
    "permissions": _are_of(PERMISSIONS),
    "roles": _or_absent(_are_of(ROLES)),
    "participantId": _or_absent(_is_text),
    "roomId": _or_absent(_is_text),
    "iat": _or_absent(_is_whole),
    "exp": _is_whole,
}
_SENTENCES: Final[Mapping[str, str]] = {
    "apikey": _("apikey must be a text."),
    "permissions": _("permissions must name at least one of allow_join, ask_join, allow_mod, and nothing else."),
    "roles": _("roles must name rtc or crawler, and nothing else."),
    "participantId": _("participantId must be a text."),
    "roomId": _("roomId must be a text."),
    "iat": _("iat must be whole seconds."),
    "exp": _("exp is missing or not whole seconds: the token would never end."),
}


def claim_breadth(claims: Mapping[str, object]) -> Iterator[str]:
    """Say where a token is good for more than one thing because a claim is left out."""
    if "roomId" not in claims:
        yield _("The token opens every room of the account.")
    if "participantId" not in claims:
        yield _("The token is good for any participant.")
    if "roles" not in claims:
        yield _("Without roles the token may open the vendor's server API as well.")


def words_of(value: object) -> frozenset[str]:
    """Return the texts of a list claim; none for anything else."""
    return frozenset(word for word in value if isinstance(word, str)) if isinstance(value, list) else frozenset()


def text_of(value: object) -> str | None:
    """Return a text claim; None for anything else."""
    return value if isinstance(value, str) else None


def instant_of(value: object) -> datetime | None:
    """Return a NumericDate claim as an instant; None for what is no whole second or no date."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None


def shown(value: object) -> str:
    """Return a claim as people read it."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
