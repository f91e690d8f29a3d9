"""What each call answers, as plain JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from token_issuer.api import transports
from token_issuer.api.texts import instant, instant_or_none, shown, shown_schema
from token_issuer.providers import fields
from token_issuer.providers.called import AccountProver
from token_issuer.services import revoking

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import IssuedToken, VendorPair, VendorPush
    from token_issuer.services.checking import Checked
    from token_issuer.services.explaining import Explanation
    from token_issuer.services.held import Held
    from token_issuer.services.inspecting import Report
    from token_issuer.services.introspecting import Introspection
    from token_issuer.services.issuing import Issuance
    from token_issuer.services.listing import Offer
    from token_issuer.services.login_keys import LoginKeyMade
    from token_issuer.services.redeeming import Redeemed
    from token_issuer.services.revoking import Ending, SetEnding

Answer = dict[str, Any]


def offer(found: Offer) -> Answer:
    """An application that the caller may ask. What cannot be asked for is not offered."""
    limits = {"minimum": found.limits.minimum, "default": found.limits.default, "maximum": found.limits.maximum}
    told = {"login_name": found.login_name} if isinstance(found.provider, AccountProver) else {}
    return {
        "slug": found.application.slug,
        "label": found.application.name,
        "provider": found.provider.name,
        "grant": shown_schema(fields.json_schema(found.provider.grant_class)),
        "lifetime": None if found.provider.vendor_sets_lifetime else limits,
        "slots": found.application.slots if found.provider.has_slots else 1,
        **told,
    }


def issuance(made: Issuance, *, at: datetime) -> Answer:
    """A new token: the only answer that ever holds one, and the only time."""
    renew_at = made.renew_at
    return {
        "token": made.token.reveal(),
        "format": made.format,
        "token_id": str(made.token_id),
        "application": made.application.slug,
        "provider": made.provider.name,
        "public_id": made.application.public_id,
        "subject": made.grant.subject,
        "resource": made.grant.resource,
        "privileges": sorted(made.grant.privileges),
        "slot": made.slot,
        "issued_at": instant(made.issued_at),
        "expires_at": instant(made.expires_at),
        "expires_in": made.expires_in,
        "renew_at": instant_or_none(renew_at),
        "renew_in": None if renew_at is None else int((renew_at - made.issued_at).total_seconds()),
        "server_time": instant(at),
        "one_time": made.one_time,
        "revocation": made.provider.revocation.value,
        "sdk": made.sdk,
        "notices": [shown(text) for text in made.notices],
        **transports.told(made.pair),
    }


def oauth_token(made: Issuance) -> Answer:
    """The same token in the words of RFC 6749 section 5.1."""
    answer = {"access_token": made.token.reveal(), "token_type": "Bearer", "expires_in": made.expires_in}
    scope = {"scope": " ".join(sorted(made.grant.privileges))} if made.grant.privileges else {}
    return {**answer, **scope, **transports.told(made.pair)}


def introspection(found: Introspection | None) -> Answer:
    """What a server may know of a token, in the words of RFC 7662 section 2.2; ``kind`` and ``access`` are ours."""
    if found is None:
        return {"active": False}
    told = {
        "scope": " ".join(sorted(found.scopes)),
        "token_type": "Bearer" if found.kind == "access" else "",
        "jti": str(found.token_id or ""),
        "iss": found.issuer,
        "aud": found.audience,
        "access": found.access or "",
    }
    return {
        "active": True,
        "kind": found.kind,
        "client_id": found.client_id,
        "sub": found.subject,
        "iat": int(found.issued_at.timestamp()),
        "exp": int(found.expires_at.timestamp()),
        **{name: text for name, text in told.items() if text},
        **({"one_time": found.one_time} if found.kind == "one_time" else {}),
    }


def login_key(made: LoginKeyMade, *, at: datetime) -> Answer:
    """A new login key: the only answer that ever holds it, and the only time."""
    return {
        "key": made.text.reveal(),
        "key_id": str(made.key_id),
        "application": made.application.slug,
        "resource": made.grant.resource,
        "privileges": sorted(made.grant.privileges),
        "lifetime": made.lifetime,
        "starts_session": made.starts_session,
        "expires_at": instant(made.expires_at),
        "expires_in": int((made.expires_at - made.created_at).total_seconds()),
        "server_time": instant(at),
    }


def redemption(found: Redeemed, *, at: datetime) -> Answer:
    """What a login key gave: its token, and whether its holder is signed in now."""
    return {**issuance(found.issuance, at=at), "session_started": found.starts_session}


def explanation(found: Explanation, *, with_rules: bool) -> Answer:
    """What issuing would answer; rule by rule only for those who may see rules."""
    answer = {
        "allowed": found.allowed,
        "reason": found.reason or None,
        "lifetime": found.lifetime if found.allowed else None,
        "maximum": found.maximum if found.allowed else None,
        "left": found.left,
    }
    if with_rules:
        steps = [{"source": step.source, "reason": step.reason or None} for step in found.steps]
        return {**answer, "steps": steps}
    return answer


def token(row: IssuedToken, *, at: datetime) -> Answer:
    """An issued token, without its text, which nobody has any more. The row was read ``with_epochs_now()``."""
    ending = revoking.ending_of(row, at=at)
    return {
        "token_id": str(row.pk),
        "application": row.application.slug,
        "provider": row.application.provider,
        "format": row.format,
        "fingerprint": row.fingerprint,
        "subject": row.subject,
        "resource": row.resource,
        "privileges": row.privileges,
        "slot": row.slot,
        "temporary": row.temporary,
        "standing": row.standing(at).value,
        "issued_at": instant(row.issued_at),
        "expires_at": instant(row.expires_at),
        "revoked_at": instant_or_none(row.revoked_at),
        "revocation": ending.revocation.value,
        "push": _push(ending.push),
    }


def checked(found: Checked, *, at: datetime) -> Answer:
    """What is known of a token that somebody holds. Never the token: its text is in no part of what is known."""
    application = found.application
    return {
        "kind": found.kind,
        "valid": not found.verdict,
        "verdict": found.verdict or None,
        "findings": [{"word": each.word, "text": each.in_words(shown)} for each in found.sentences],
        "application": None if application is None else application.slug,
        **(_read(found.report, at=at) if found.report is not None else _held(found.held)),
        "errors": [
            {
                "provider": provider.name,
                "code": error.code,
                "meaning": shown(error.meaning),
                "cure": shown(error.cure),
            }
            for provider, error in found.errors
        ],
        "server_time": instant(at),
    }


def _read(report: Report, *, at: datetime) -> Answer:
    seen, row, made = report.seen, report.token, report.certificate
    return {
        "provider": report.provider.name,
        "format": seen.format,
        "public_id": seen.public_id,
        "subject": seen.subject if row is None else row.subject,
        "resource": seen.resource if row is None else row.resource,
        "privileges": sorted(seen.privileges) if row is None else row.privileges,
        "issued_at": instant_or_none(seen.issued_at if row is None else row.issued_at),
        "expires_at": instant_or_none(seen.expires_at if row is None else row.expires_at),
        "details": [{"name": name, "value": value} for name, value in seen.details],
        "certificate": None
        if made is None
        else {
            "application": made.application.slug,
            "key_id": made.key_id,
            "fingerprint": made.fingerprint,
            "state": made.state.value,
        },
        "token_id": None if row is None else str(row.pk),
        "standing": None if row is None else row.standing(at).value,
        "temporary": None if row is None else row.temporary,
        "one_time": None if row is None else row.one_time,
    }


def _held(held: Held | None) -> Answer:
    nothing = ("provider", "format", "resource", "certificate", "token_id", "standing", "temporary", "one_time")
    return {
        **dict.fromkeys(nothing),
        "public_id": None if held is None else held.public_id,
        "subject": None if held is None else held.subject,
        "privileges": [],
        "issued_at": None if held is None else instant_or_none(held.issued_at),
        "expires_at": None if held is None else instant_or_none(held.expires_at),
        "details": [],
    }


def pair(row: VendorPair, *, at: datetime) -> Answer:
    """A vendor's pair without its texts. The row was read ``with_epochs_now()``."""
    return {
        "device": row.device,
        "version": row.version,
        "standing": row.standing(at).value,
        "access_expires_at": instant(row.access_expires_at),
        "refresh_expires_at": instant_or_none(row.refresh_expires_at),
        "ends_at": instant(row.ends_at),
        "kept_at": instant(row.created_at),
        "renewed_at": instant_or_none(row.renewed_at),
    }


def ending(found: Ending) -> Answer:
    """A token that was revoked, and when that really takes effect."""
    return {
        "token_id": str(found.token_id),
        "revocation": found.revocation.value,
        "ends_at": instant(found.ends_at),
        "sentence": shown(found.sentence),
        "push": _push(found.push),
    }


def _push(row: VendorPush | None) -> Answer | None:
    """How it stands with telling the vendor. What is known of a failure beyond its word is for administrators."""
    return None if row is None else {"state": row.state.value, "reason": row.word or None}


def set_ending(found: SetEnding) -> Answer:
    """All the caller's tokens revoked: how many were live, and the last instant a vendor may honour one of them."""
    return {
        "live": found.live,
        "more": found.more,
        "last_ends_at": instant_or_none(found.last_ends_at),
        "pushes": {**asdict(found.pushes), "left_out": found.left_out},
    }
