"""What a server of an application may know of a token of that application (RFC 7662). Uses nothing up, ends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from token_issuer.conf import conf
from token_issuer.crypto import refresh_texts
from token_issuer.errors import TokenRejected
from token_issuer.providers.scopes import TOKENS_INTROSPECT
from token_issuer.services import presenting, verifying
from token_issuer.services.verdicts import Verdict, judge
from token_issuer.services.verified import Access, Kind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.crypto import TokenText
    from token_issuer.models import ApiKey
    from token_issuer.services.callers import Caller

KnownKind = Literal["access", "refresh", "one_time"]

_KINDS: Final = frozenset({Kind.ACCESS, Kind.ONE_TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """A token that is good at this instant. ``client_id`` is the key that asked for it, else the application.

    ``issuer`` and ``audience`` are an access token's ``iss`` and ``aud``; the other kinds carry none.
    """

    kind: KnownKind
    client_id: str
    subject: str
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    token_id: UUID | None = None
    access: Access | None = None
    one_time: bool = False
    issuer: str = ""
    audience: str = ""


def introspect(server: Caller, text: TokenText, *, at: datetime) -> Introspection | None:
    """Return what is known of a token of the server's own application, None for anything that is not good.

    A refresh token is good while it is the newest of its family: an earlier one gets an answer only for a moment, and
    nobody should count on it.

    Raises:
        PolicyDenied: the key has no scope for it (``scope_missing``).
    """
    server.require_scope(TOKENS_INTROSPECT)
    key = server.api_key
    if key is None:
        return None
    try:
        refreshable = refresh_texts.read(text) is not None
        found = _refresh_token(text, key, at=at) if refreshable else _token(text, key, at=at)
    except TokenRejected:
        return None
    return found


def _refresh_token(text: TokenText, key: ApiKey, *, at: datetime) -> Introspection | None:
    presented, family = presenting.found(text)
    verdict = judge(family, presented.generation, at=at, grace=conf.refresh_grace)
    if family.application_id != key.application_id or verdict is not Verdict.ROTATE:
        return None
    if presenting.objection(family, at=at) is not None:
        return None
    return Introspection(
        kind="refresh",
        client_id=family.application.public_id if family.api_key is None else family.api_key.public_id,
        subject=family.subject,
        scopes=frozenset(),  # what it may be exchanged for is decided then
        issued_at=family.rotated_at or family.created_at,
        expires_at=min(family.expires_at, family.idle_expires_at),
    )


def _token(text: TokenText, key: ApiKey, *, at: datetime) -> Introspection | None:
    # Whomever it is meant for: a server of its application knows what to do with the answer.
    found = verifying.verify_if(text, _KINDS, at=at, audience=verifying.ANY_AUDIENCE)
    token = found.token if found is not None else None
    if found is None or token is None or found.application_id != key.application_id:
        return None
    return Introspection(
        kind="access" if found.kind is Kind.ACCESS else "one_time",
        client_id=found.api_key_public_id or token.application.public_id,
        subject=found.subject,
        scopes=found.scopes,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        token_id=token.pk,
        access=found.access,
        one_time=found.one_time,
        issuer=(conf.issuer or "") if found.kind is Kind.ACCESS else "",
        audience=found.audience,
    )
