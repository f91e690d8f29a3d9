"""What else of ours people hold and paste: refresh tokens, login keys, API keys and what those sign.

Told by their look, judged by their rows, and left as they are: nothing is used up, closed or noted as used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from token_issuer.conf import conf
from token_issuer.crypto import TokenText, digests, opaque, self_signed
from token_issuer.errors import TokenRejected
from token_issuer.models import ApiKey, OneTimeKey, Standing, TokenFamily
from token_issuer.services import authenticating, presenting, recognising
from token_issuer.services.transactions import write_alias
from token_issuer.services.verdicts import Verdict, judge
from token_issuer.services.verified import Kind

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.models import ApiKeySecret, Application

HeldKind = Literal["refresh", "login_key", "api_key", "api_key_secret", "self_signed"]
HeldRow: TypeAlias = "TokenFamily | OneTimeKey | ApiKey"

UNKNOWN: Final = "unknown"
WITHIN_GRACE: Final = "within_grace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A credential of ours that is no provider's token.

    ``verdict`` is empty when it is good, else a word: ``malformed`` (its checksum is wrong), ``unknown``, ``expired``,
    ``revoked``, ``consumed``, ``superseded`` (a refresh token that was exchanged already), ``within_grace`` (so was
    this, but until ``retried_until`` it is answered with the same successor again), ``family_closed``,
    ``secret_ended``, ``principal_gone``, ``password_changed``, ``application_or_certificate_off``, or what else speaks
    against what an API key signed. ``row`` is what it belongs to, ``ended_at`` and ``reason`` how that was ended.
    """

    kind: HeldKind
    verdict: str
    row: HeldRow | None = None
    public_id: str | None = None
    subject: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    retried_until: datetime | None = None

    @property
    def application(self) -> Application | None:
        """Whose it is, None for what has no row."""
        return None if self.row is None else self.row.application


def find(text: TokenText, *, at: datetime, within: frozenset[UUID] | None = None) -> Held | None:
    """Return what is known of such a text, None when it does not look like one.

    ``within``: any other application's is as unknown as one that nobody made.

    Raises:
        Unavailable: the database does not answer.
    """
    kind = kind_of(text)
    if kind is None:
        return None
    found = _FINDERS[kind](text, at)
    foreign = within is not None and found.application is not None and found.application.pk not in within
    return Held(kind=kind, verdict=UNKNOWN) if foreign else found


def kind_of(text: TokenText) -> HeldKind | None:
    """Return what a text claims to be, by its look alone."""
    if not recognising.is_plausible(text):
        return None
    value = text.reveal()
    found = next((kind for prefix, kind in _PREFIXES.items() if value.startswith(prefix)), None)
    if found == "api_key" and "." not in value:
        return None  # the public id alone is no secret
    if found is None and recognising.recognise(text) is Kind.SELF_SIGNED:
        return "self_signed"
    return found


def _refresh(text: TokenText, at: datetime) -> Held:
    try:
        presented, family = presenting.found(text)
    except TokenRejected:
        return Held(kind="refresh", verdict=UNKNOWN)
    verdict = _of_family(family, presented.generation, at=at)
    rotated_at = family.rotated_at
    return Held(
        kind="refresh",
        verdict=verdict,
        row=family,
        public_id=family.application.public_id,
        subject=family.subject,
        issued_at=family.rotated_at or family.created_at,
        expires_at=min(family.expires_at, family.idle_expires_at),
        ended_at=family.closed_at,
        reason=family.reason,
        retried_until=rotated_at + conf.refresh_grace if rotated_at and verdict == WITHIN_GRACE else None,
    )


def _of_family(family: TokenFamily, generation: int, *, at: datetime) -> str:
    verdict = judge(family, generation, at=at, grace=conf.refresh_grace)
    if verdict is Verdict.ENDED:
        return "expired" if family.closed_at is None else "family_closed"
    if not verdict.is_good:
        return "ahead_of_record" if verdict is Verdict.AHEAD else "superseded"
    against = presenting.objection(family, at=at)
    if against is not None:
        return against.word
    return WITHIN_GRACE if verdict is Verdict.RETRY else ""


def _login_key(text: TokenText, at: datetime) -> Held:
    if not opaque.passes(opaque.LOGIN_KEY, text):
        return Held(kind="login_key", verdict="malformed")
    digest = digests.digest(text)
    rows = OneTimeKey.objects.using(write_alias()).with_epochs_now().select_related("application", "user")
    key = rows.filter(digest=digest).first()
    if key is None or not digests.same(key.digest, digest):
        return Held(kind="login_key", verdict=UNKNOWN)
    standing = key.standing(at)
    return Held(
        kind="login_key",
        verdict="" if standing is Standing.LIVE else str(standing.value),
        row=key,
        public_id=key.application.public_id,
        issued_at=key.created_at,
        expires_at=key.expires_at,
        ended_at=key.consumed_at or key.revoked_at,
        reason=key.reason,
    )


def _api_key(text: TokenText, at: datetime) -> Held:
    public_id, _, secret = (TokenText(part) for part in text.reveal().partition("."))
    if not opaque.is_public_id(public_id.reveal()) or not opaque.passes(opaque.API_KEY_SECRET, secret):
        return Held(kind="api_key", verdict="malformed")
    row = authenticating.secret_row(secret)
    if row is None or not digests.same(row.api_key.public_id, public_id.reveal()):
        return Held(kind="api_key", verdict=UNKNOWN)
    return _of_key("api_key", row, at=at)


def _api_key_secret(text: TokenText, at: datetime) -> Held:
    if not opaque.passes(opaque.API_KEY_SECRET, text):
        return Held(kind="api_key_secret", verdict="malformed")
    row = authenticating.secret_row(text)
    return Held(kind="api_key_secret", verdict=UNKNOWN) if row is None else _of_key("api_key_secret", row, at=at)


def _of_key(kind: HeldKind, secret: ApiKeySecret, *, at: datetime) -> Held:
    key = secret.api_key
    ends = [end for end in (secret.expires_at, key.expires_at) if end is not None]
    return Held(
        kind=kind,
        verdict=authenticating.objection(key, at=at) or ("" if secret.is_live(at) else "secret_ended"),
        row=key,
        public_id=key.public_id,
        issued_at=secret.created_at,
        expires_at=min(ends, default=None),
        ended_at=key.revoked_at or secret.revoked_at,
        reason=key.reason,
    )


def _self_signed(text: TokenText, at: datetime) -> Held:
    said = self_signed.read(text)
    if said is None:
        return Held(kind="self_signed", verdict="malformed")
    rows = ApiKey.objects.using(write_alias()).select_related("application").filter(public_id=said.public_id)
    key = next((row for row in rows if digests.same(row.public_id, said.public_id)), None)
    if key is None:
        return Held(kind="self_signed", verdict=UNKNOWN)
    try:
        authenticating.examined(text, at=at)
        verdict = ""
    except TokenRejected as error:
        verdict = error.verdict
    ends = datetime.fromtimestamp(said.expires_ts, tz=UTC) if said.expires_ts else None
    return Held(
        kind="self_signed", verdict=verdict, row=key, public_id=key.public_id, expires_at=ends, ended_at=key.revoked_at
    )


_PREFIXES: Final[Mapping[str, HeldKind]] = {
    recognising.REFRESH_TOKEN: "refresh",
    opaque.LOGIN_KEY: "login_key",
    opaque.API_KEY_SECRET: "api_key_secret",
    opaque.PUBLIC_ID: "api_key",
}
_FINDERS: Final[Mapping[HeldKind, Callable[[TokenText, datetime], Held]]] = {
    "refresh": _refresh,
    "login_key": _login_key,
    "api_key": _api_key,
    "api_key_secret": _api_key_secret,
    "self_signed": _self_signed,
}
