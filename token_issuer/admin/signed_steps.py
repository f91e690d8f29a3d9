"""What a page hands to itself through a form: signed, for one person, for an hour. Nothing of it is kept here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.core import signing

if TYPE_CHECKING:
    from django.http import HttpRequest

LIFETIME: Final = timedelta(hours=1)

_DONE: Final = "token_issuer_done"  # in the session: the numbers of the forms that were sent last
_REMEMBERED: Final = 20


def signed(request: HttpRequest, purpose: str, facts: dict[str, Any]) -> str:
    """Return what the form carries."""
    return signing.dumps({**facts, "by": str(request.user.pk)}, salt=_salt(purpose))


def unsigned(request: HttpRequest, purpose: str, text: str) -> dict[str, Any] | None:
    """Return the facts; None when they were changed, are somebody else's or too old."""
    try:
        facts: dict[str, Any] = signing.loads(text, salt=_salt(purpose), max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return facts if facts.pop("by", None) == str(request.user.pk) else None


def new_number() -> str:
    """Return what tells one form from another."""
    return uuid4().hex


def is_first(request: HttpRequest, number: str) -> bool:
    """Whether the form with this number comes for the first time: a reload sends it again."""
    done = request.session.get(_DONE, [])
    if number in done:
        return False
    request.session[_DONE] = [*done, number][-_REMEMBERED:]
    return True


def _salt(purpose: str) -> str:
    return f"token_issuer.admin.{purpose}"
