"""Which server is this? An API key with its secret, and a token that a server signed with it.

Garbage costs no query: shape and checksum come first. What is well-formed costs one SELECT, under the unique index of
the secret's digest or of the public id, and once a minute one UPDATE that notes the use. Why something is refused is
for logs; the presenter learns nothing, or he could find out which keys there are.
"""

from __future__ import annotations

import ipaddress
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Q

from token_issuer.conf import conf
from token_issuer.crypto import TokenText, digests, opaque
from token_issuer.crypto import self_signed as signed_text
from token_issuer.errors import TokenRejected
from token_issuer.models import ApiKey, ApiKeySecret, Principal
from token_issuer.services.addresses import kept_of
from token_issuer.services.logged import facts
from token_issuer.services.opening import opened_api_key_secret
from token_issuer.services.transactions import in_transaction, reading, write_alias
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from token_issuer.services.addresses import Address

logger = logging.getLogger("token_issuer.verify")
security = logging.getLogger("token_issuer.security")

NOTED_EVERY: Final = timedelta(minutes=1)


def presented(text: TokenText, *, ip: Address | None, at: datetime) -> ApiKey:
    """Return the key of ``<public id>.<secret>``, as it travels behind ``Api-Key`` in a header. Else as ``api_key``."""
    public_id, _, secret = (TokenText(part) for part in text.reveal().partition("."))
    return api_key(public_id.reveal(), secret, ip=ip, at=at)


def api_key(public_id: str, secret: TokenText, *, ip: Address | None, at: datetime) -> ApiKey:
    """Return the key that these belong to, with its application and the user it acts as, if it is good now.

    Args:
        ip: where the caller really is (``addresses.address_of``), not what the audit keeps of it; None when unknown.

    Raises:
        TokenRejected: it is not; ``verdict`` says why, for logs only.
        Unavailable: the database does not answer.
    """
    if not opaque.is_public_id(public_id):
        _reject("malformed")
    row = secret_row(secret)
    if row is None or not digests.same(row.api_key.public_id, public_id):
        _reject("malformed" if not opaque.passes(opaque.API_KEY_SECRET, secret) else "unknown")
    key = row.api_key
    verdict = "secret_ended" if not row.is_live(at) else objection(key, at=at)
    if verdict:
        _reject(verdict, key)
    require_network(key, ip)
    _note_use(row, at=at)
    return key


def secret_row(secret: TokenText) -> ApiKeySecret | None:
    """Return the row of a key's secret with its key, whatever their state; None for garbage, which costs no query.

    Raises:
        Unavailable: the database does not answer.
    """
    if not opaque.passes(opaque.API_KEY_SECRET, secret):
        return None
    digest = digests.digest(secret)
    row = reading(lambda: _secrets().filter(digest=digest).first())
    # Databases compare loosely; what decides is compared again here, in constant time.
    return row if row is not None and digests.same(row.digest, digest) else None


def objection(key: ApiKey, *, at: datetime) -> str:
    """Return what speaks against a key that was read with application and user, as a word for logs."""
    ended = key.ended(at)
    if ended:
        return ended
    if key.application.is_disabled:
        return "application_or_certificate_off"
    return "principal_gone" if key.acts_as is not None and not key.acts_as.is_active else ""


def verified(key: ApiKey) -> Verified:
    """Return what views are told of a key that ``api_key`` returned."""
    return _verified(key, Kind.API_KEY, scopes=frozenset(key.scopes), expires_at=key.expires_at)


def self_signed(text: str | TokenText, *, at: datetime) -> Verified:
    """Return what is known of a token that a server signed with its own key, if it is good now.

    The key's networks do not bind it: a server signs it for others to present. What it may do is what it asks for,
    never more than the key may.

    Raises:
        TokenRejected: it is not good; ``verdict`` says why, for logs only.
        Unavailable: the database does not answer.
    """
    row, found = examined(text, at=at)
    _note_use(row, at=at)
    return found


def examined(text: str | TokenText, *, at: datetime) -> tuple[ApiKeySecret, Verified]:
    """Do what ``self_signed`` does without noting the use; return the secret that signed it, too."""
    said = signed_text.read(text)
    if said is None:
        _reject("malformed")
    wrong = signed_text.problem(said, audience=conf.issuer, at=at.timestamp())
    if wrong:
        _reject(wrong)
    row = _signer(text, said.public_id, at=at)
    key = row.api_key
    verdict = objection(key, at=at) or ("" if said.permissions <= frozenset(key.scopes) else "privilege_not_granted")
    if verdict:
        _reject(verdict, key)
    expires_at = datetime.fromtimestamp(said.expires_ts, tz=UTC)
    return row, _verified(key, Kind.SELF_SIGNED, scopes=said.permissions, expires_at=expires_at)


def _signer(text: str | TokenText, public_id: str, *, at: datetime) -> ApiKeySecret:
    """Return the working secret that signed the text."""
    rows = _secrets().filter(api_key__public_id=public_id, api_key__may_sign=True, sealed_secret__isnull=False)
    rows = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at), revoked_at__isnull=True)
    found = [row for row in reading(lambda: list(rows)) if digests.same(row.api_key.public_id, public_id)]
    signer = next((row for row in found if _signed(text, row)), None)
    if signer is None:
        _reject("bad_signature" if found else "unknown")
    return signer


def _signed(text: str | TokenText, row: ApiKeySecret) -> bool:
    with opened_api_key_secret(row) as secret:
        return signed_text.is_signed_by(text, secret)


def _secrets() -> QuerySet[ApiKeySecret]:
    rows = ApiKeySecret.objects.using(write_alias())
    return rows.select_related("api_key__application", "api_key__acts_as").order_by("-pk")


def _verified(key: ApiKey, kind: Kind, *, scopes: frozenset[str], expires_at: datetime | None) -> Verified:
    user = key.acts_as
    return Verified(
        kind=kind,
        user=AnonymousUser() if user is None else user,
        subject=key.public_id if user is None else str(user.pk),
        application_id=key.application_id,
        application_slug=key.application.slug,
        principal=Principal.API_KEY if user is None else Principal.USER,
        scopes=scopes,
        expires_at=expires_at,
        api_key_id=key.pk,
        api_key_public_id=key.public_id,
        api_key=key,
    )


def require_network(key: ApiKey, ip: Address | None) -> None:
    """Raise TokenRejected for whoever holds what is the key's and is not where its owner said that he would be."""
    if not _may_call_from(key, ip):
        seen = kept_of(ip) or ""
        security.warning("an API key was used from elsewhere", extra={**_facts("network", key), "ip": seen})
        raise TokenRejected("network")


def _may_call_from(key: ApiKey, ip: Address | None) -> bool:
    if not key.networks:
        return True
    return ip is not None and any(ip in ipaddress.ip_network(text) for text in key.networks)


def _note_use(row: ApiKeySecret, *, at: datetime) -> None:
    """Keep when the secret was used last, to the minute. Several requests at once cost one row's update."""
    before = at - NOTED_EVERY
    if row.last_used_at is not None and row.last_used_at > before:
        return
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
    rows = ApiKeySecret.objects.using(write_alias()).filter(unnoted, pk=row.pk)

    def note() -> None:
        try:
            rows.update(last_used_at=at)
        except DatabaseError:
            # Nobody is refused because a note could not be taken.
            logger.warning("the use of an API key was not noted", exc_info=True, extra=_facts("", row.api_key))

    if in_transaction():
        # A host's transaction would hold the row, and whoever uses the key meanwhile would wait for its end.
        transaction.on_commit(note, using=write_alias(), robust=True)
    else:
        note()


def _reject(verdict: str, key: ApiKey | None = None) -> NoReturn:
    logger.info("rejected", extra=_facts(verdict, key))
    raise TokenRejected(verdict)


def _facts(reason: str, key: ApiKey | None) -> dict[str, object]:
    if key is None:
        return facts("rejected", reason=reason)
    # The public id is no secret, and what an operator looks for.
    return facts(
        "rejected",
        reason=reason,
        application=key.application.slug,
        provider=key.application.provider,
        decision=f"api_key:{key.public_id}",
    )
