"""What is known of a token, in sentences for people, each with a stable word for programs.

A sentence is a template that is only marked for translation, with its values beside it: whoever shows it translates
first and formats then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from token_issuer.providers.base import gettext_noop as _

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from token_issuer.models import Certificate, IssuedToken
    from token_issuer.services.held import Held, HeldKind
    from token_issuer.services.inspecting import Report

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

VERDICTS: Final[Mapping[str, str]] = {
    "expired": _("it has expired"),
    "revoked": _("it was revoked"),
    "consumed": _("it was used already"),
    "superseded": _("it was exchanged already: presenting it again ends its chain"),
    "within_grace": _("it was exchanged already, a moment ago"),
    "principal_gone": _("its user is gone or not active"),
    "user_gone": _("its user is gone"),
    "user_inactive": _("its user is not active"),
    "password_changed": _("its user has changed the password since"),
    "api_key_ended": _("the API key that asked for it has ended"),
    "secret_ended": _("the secret was rotated or revoked; the key may have another"),
    "family_closed": _("the chain of refresh tokens that it belongs to was closed"),
    "ahead_of_record": _("it is newer than the record: was the database restored?"),
    "application_or_certificate_off": _("its application is switched off, or its certificate is no longer honoured"),
    "application_disabled": _("its application is switched off"),
    "bad_signature": _("none of this application's certificates made it"),
    "unknown_application": _("no application here has its public id"),
    "expected_needed": _("it says only as checksums what it is for, so it cannot be checked without an audit row"),
    "claims_refused": _("a claim is missing, or not as its provider writes it"),
    "unknown_key": _("it names a key that no certificate has"),
    "public_id_differs": _("it is for another application than the one that is recorded"),
    "subject_differs": _("it does not speak for whom its row says"),
    "resource_differs": _("it does not open what its row says"),
    "privileges_differ": _("it does not allow what its row says"),
    "untried": _("its certificate could not be tried"),
    "not_recorded": _("one of our certificates made it, but it was not issued here (or its record was purged)"),
    "not_yet_valid": _("it is not good yet: look at the clock of the server that made it"),
    "lives_too_long": _("it lives for longer than such a token may"),
    "audience_differs": _("it is meant for another site"),
    "privilege_not_granted": _("it asks for more than its API key may"),
    "unknown": _("this site has no record of it"),
    "malformed": _("its checksum is wrong: was it pasted whole?"),
    "database_unavailable": _("the database does not answer, so nothing of it is proved"),
}
"""By the verdict's word: why a token is not good."""

_SIGNED: Final[Mapping[str, str]] = {
    "staged": _("signed by a certificate that is not active yet, %(fingerprint)s"),
    "active": _("signed by the active certificate %(fingerprint)s"),
    "retiring": _("signed by a retiring certificate, %(fingerprint)s, which is still honoured"),
    "retired": _("signed by a retired certificate, %(fingerprint)s, retired %(span)s ago"),
    "revoked": _("signed by a revoked certificate, %(fingerprint)s, revoked %(span)s ago"),
}
_KINDS: Final[Mapping[HeldKind, str]] = {
    "refresh": _("a refresh token: it is exchanged for access tokens, and opens nothing by itself"),
    "login_key": _("a one-time login key: whoever holds it may redeem it, once"),
    "api_key": _("an API key with its secret: a server's own credential"),
    "api_key_secret": _("the secret of an API key, without the key's public id"),
    "self_signed": _("a token that a server signed with its API key"),
}
# What the sentences about time and endings say already.
_TOLD: Final = frozenset({"expired", "revoked", "consumed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One thing that is known. ``text`` is a template for ``values``; ``in_words`` fills it in after translating."""

    word: str
    text: str
    values: Mapping[str, str] = field(default_factory=dict)

    def in_words(self, translated: Callable[[str], str]) -> str:
        """Return it in the reader's language."""
        return translated(self.text) % self.values if self.values else translated(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What somebody thinks that a token is for; None where he says nothing. ``called`` is his word for the resource."""

    resource: str | None = None
    subject: str | None = None
    called: str = "resource"


def span(length: timedelta) -> str:
    """Return a duration in its largest whole unit: ``41 min``."""
    seconds = int(abs(length.total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def verdict_of(report: Report, differences: tuple[Sentence, ...]) -> str:
    """Return what speaks against a token, for who expects something of it; empty when nothing does."""
    differing = (sentence.word for sentence in differences if sentence.word.endswith("_differs"))
    return report.verdict or next(differing, "")


def of_report(report: Report, *, differences: tuple[Sentence, ...], at: datetime) -> tuple[Sentence, ...]:
    """Return everything worth saying about a token, the most telling first."""
    seen, token = report.seen, report.token
    return (
        *_verdict(report.verdict, differing=bool(verdict_of(report, differences))),
        *_time(seen.issued_at, seen.expires_at or (token.expires_at if token else None), at=at),
        *(_ending(token, report.verdict, at=at) if token is not None else ()),
        *_maker(report, at=at),
        *differences,
        *(Sentence(word="problem", text=text) for text in seen.problems),
        *(Sentence(word="note", text=text) for text in seen.notes),
    )


def of_held(held: Held, *, at: datetime) -> tuple[Sentence, ...]:
    """Return everything worth saying about another credential of ours."""
    ended = held.ended_at
    return (
        Sentence(word=held.kind, text=_KINDS[held.kind]),
        *_verdict(held.verdict, differing=False),
        *(_retried(held.retried_until, at=at) if held.retried_until is not None else ()),
        *_time(held.issued_at, held.expires_at, at=at),
        *(_ended(held.verdict, ended, held.reason, at=at) if ended is not None else _ended_together(held.verdict)),
        Sentence(word="a_secret", text=_("a secret: if it was found where it does not belong, revoke it")),
    )


def differences(report: Report, expected: Expected) -> tuple[Sentence, ...]:
    """Return in what a token is for something else than expected, and what cannot be compared."""
    said, row = report.seen, report.token
    resource = said.resource if said.resource is not None or row is None else row.resource
    subject = said.subject if said.subject is not None or row is None else row.subject
    is_pattern = report.provider.covers(resource or "", expected.resource or "")
    return (
        *_compared("resource", expected.called, found=resource, wanted=expected.resource, is_pattern=is_pattern),
        *_compared("subject", "subject", found=subject, wanted=expected.subject),
    )


def _compared(
    kind: str, called: str, *, found: str | None, wanted: str | None, is_pattern: bool = False
) -> Iterator[Sentence]:
    if wanted is None or found == wanted:
        return
    values = {"what": called, "found": found or "", "wanted": wanted}
    if not found:
        text = _("%(what)s not said: nothing in the token or its row names one, so %(wanted)s cannot be compared")
        yield Sentence(word=f"{kind}_not_said", text=text, values=values)
    elif is_pattern:
        text = _("%(what)s is a pattern: the token is for %(found)s, you expect %(wanted)s")
        yield Sentence(word="resource_is_a_pattern", text=text, values=values)
    else:
        text = _("%(what)s differs: the token is for %(found)s, you expect %(wanted)s")
        yield Sentence(word=f"{kind}_differs", text=text, values=values)


def _verdict(verdict: str, *, differing: bool) -> Iterator[Sentence]:
    if verdict and verdict not in _TOLD:
        yield Sentence(word=verdict, text=VERDICTS.get(verdict, verdict))
    if not verdict and not differing:
        yield Sentence(word="good", text=_("good at this moment"))


def _time(issued_at: datetime | None, expires_at: datetime | None, *, at: datetime) -> Iterator[Sentence]:
    if issued_at is not None and issued_at > at:
        text = _("issued %(span)s in the future: look at the clock of the server that made it")
        yield Sentence(word="issued_in_the_future", text=text, values={"span": span(issued_at - at)})
    if expires_at is None:
        return
    values = {"span": span(expires_at - at)}
    # Deadlines are exclusive: at expires_at it has expired.
    if at >= expires_at:
        yield Sentence(word="expired", text=_("expired %(span)s ago"), values=values)
    else:
        yield Sentence(word="expires", text=_("expires in %(span)s"), values=values)


def _retried(until: datetime, *, at: datetime) -> Iterator[Sentence]:
    text = _("may be presented again for %(span)s: it is answered with the same successor")
    yield Sentence(word="retried", text=text, values={"span": span(until - at)})


def _ending(token: IssuedToken, verdict: str, *, at: datetime) -> Iterator[Sentence]:
    """Yield how a row says that it ended, or may end."""
    if token.temporary:
        yield Sentence(word="temporary", text=_("temporary: made by hand for a test, without asking policy"))
    if token.revoked_at is not None:
        yield from _ended("revoked", token.revoked_at, token.reason, at=at)
    else:
        yield from _ended_together(verdict)
    if token.consumed_at is not None:
        yield from _ended("consumed", token.consumed_at, "", at=at)
    elif token.one_time:
        yield Sentence(word="one_time", text=_("good once, and not used yet"))


def _ended_together(verdict: str) -> Iterator[Sentence]:
    if verdict == "revoked":
        text = _("revoked with others: all of its user, application, resource, API key or certificate were")
        yield Sentence(word="revoked", text=text)


def _ended(verdict: str, ended_at: datetime, reason: str, *, at: datetime) -> Iterator[Sentence]:
    values = {"span": span(at - ended_at), "reason": reason}
    if verdict == "consumed":
        yield Sentence(word="consumed", text=_("used %(span)s ago: it was good once"), values=values)
    elif reason:
        yield Sentence(word="revoked", text=_("revoked %(span)s ago because: %(reason)s"), values=values)
    else:
        yield Sentence(word="revoked", text=_("revoked %(span)s ago"), values=values)


def _maker(report: Report, *, at: datetime) -> Iterator[Sentence]:
    made = report.certificate
    if made is not None and not report.provider.opaque:
        yield _signed(made, at=at)
    for text in report.unopened:
        yield Sentence(word="untried", text=text)


def _signed(made: Certificate, *, at: datetime) -> Sentence:
    state = made.state.value
    ended = made.revoked_at or made.retired_at
    values = {"fingerprint": made.fingerprint, "span": span(at - ended) if ended is not None else ""}
    return Sentence(word=f"signed_by_{state}", text=_SIGNED[state], values=values)
