"""Checking a token for somebody who holds it and has a question: what it is, who made it, is it good, and if not, why.

Asks no vendor and changes nothing: what works once still does afterwards. The text goes no further than here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import PolicyDenied, TokenMalformed
from token_issuer.models import Origin
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.scopes import TOKENS_INTROSPECT
from token_issuer.registry import providers
from token_issuer.services import held, inspecting, recognising, telling
from token_issuer.services.logged import facts
from token_issuer.services.telling import Expected, Sentence
from token_issuer.services.verified import Kind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import Application
    from token_issuer.providers.base import Provider, VendorError
    from token_issuer.services.callers import Caller
    from token_issuer.services.held import Held, HeldKind
    from token_issuer.services.inspecting import Report

logger = logging.getLogger("token_issuer.security")

CheckedKind = Literal["vendor", "access", "one_time", "unknown"]

PERMISSION: Final = "token_issuer.inspect_issuedtoken"
NOT_A_TOKEN: Final = "not_a_token"  # noqa: S105  a word
KINDS: Final = (
    "vendor", "access", "one_time", "refresh", "login_key", "api_key", "api_key_secret", "self_signed", "unknown",
)  # fmt: skip

NOTHING: Final = Expected()

_SCHEMES: Final = ("authorization:", "bearer ", "api-key ")
_NOT_KNOWN: Final = Sentence(
    word=NOT_A_TOKEN, text=_("not a token of any provider here, nor a text that this site issued: was it pasted whole?")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is known. ``report`` of a provider's token, ``held`` of another credential of ours, neither of a stranger.

    ``verdict`` is empty when it is good and what was expected, else a word of ``telling.VERDICTS``, ``not_a_token``,
    ``resource_differs`` or ``subject_differs``. ``errors`` are the vendor's own, where one was asked about.
    """

    kind: CheckedKind | HeldKind
    verdict: str
    sentences: tuple[Sentence, ...]
    report: Report | None = None
    held: Held | None = None
    errors: tuple[tuple[Provider, VendorError], ...] = ()

    @property
    def application(self) -> Application | None:
        """Whose it is, as far as that is known."""
        found = self.report or self.held
        return None if found is None else found.application


def check(
    caller: Caller,
    text: TokenText,
    *,
    at: datetime,
    expected: Expected = NOTHING,
    code: str = "",
    within: frozenset[UUID] | None = None,
) -> Checked:
    """Return what is known of a token, and what a vendor's error ``code`` means.

    A person with the permission asks about any; a server with the scope ``tokens:introspect`` about those of its
    own application, and every other is a stranger to it. ``within``: the applications that a person may ask about, None
    for all; every other is a stranger to him, too.

    Each check is logged, with who asked and what was found, never with the text.

    Raises:
        PolicyDenied: the caller may not ask (``scope_missing``, ``inspection_not_permitted``).
        Unavailable: the database does not answer.
    """
    found = _checked(bare(text), at=at, within=_reach(caller, within), expected=expected, code=code)
    _log(caller, found)
    return found


def _checked(
    bare: TokenText, *, at: datetime, within: frozenset[UUID] | None, expected: Expected, code: str
) -> Checked:
    known = held.find(bare, at=at, within=within)
    if known is not None:
        sentences = telling.of_held(known, at=at)
        return Checked(
            kind=known.kind, verdict=known.verdict, sentences=sentences, held=known, errors=_errors(code, None)
        )
    try:
        report = inspecting.inspect(bare, at=at, within=within)
    except TokenMalformed:
        return _stranger(bare, code)
    differing = telling.differences(report, expected)
    return Checked(
        kind=_kind(report, bare),
        verdict=telling.verdict_of(report, differing),
        sentences=telling.of_report(report, differences=differing, at=at),
        report=report,
        errors=_errors(code, report.provider),
    )


def _log(caller: Caller, found: Checked) -> None:
    report, application = found.report, found.application
    logger.info(
        "%s checked a token: %s",
        _who(caller),
        found.verdict or "good",
        extra=facts(
            "token_checked",
            by=_who(caller),
            application="" if application is None else application.slug,
            provider="" if report is None else report.provider.name,
            reason=found.verdict,
            token_id="" if report is None or report.token is None else str(report.token.pk),
            request_id=caller.audited_request_id,
        ),
    )


def _who(caller: Caller) -> str:
    if caller.api_key is not None:
        return f"API key {caller.api_key.public_id}"
    # A command has no user, and says which it is and whose account runs it.
    return caller.circumstances["user_agent"] if caller.person is None else f"user {caller.user_id}"


def may_check(caller: Caller) -> bool:
    """Whether this person may ask about any token."""
    # A site's user model need not know permissions; then nobody has this one.
    has_perm: Any = getattr(caller.person, "has_perm", None)
    return has_perm is not None and bool(has_perm(PERMISSION))


def _reach(caller: Caller, within: frozenset[UUID] | None) -> frozenset[UUID] | None:
    """Return whose tokens the caller may ask about; None for everybody's."""
    if caller.api_key is not None:
        caller.require_scope(TOKENS_INTROSPECT)
        return frozenset({caller.api_key.application_id})
    if caller.origin is Origin.COMMAND:
        return None  # whoever runs commands has the database
    # An access token of ours has scopes, and none of them stands for an administrator.
    if caller.scopes is not None or not may_check(caller):
        raise PolicyDenied("inspection_not_permitted", f"This takes the permission {PERMISSION}.")
    return within


def bare(text: TokenText) -> TokenText:
    """Return the token in what was pasted: a header's scheme, quotes and the line breaks of a terminal are left out."""
    value = text.reveal().strip().strip("\"'")
    for scheme in _SCHEMES:
        if value[: len(scheme)].lower() == scheme:
            value = value[len(scheme) :].strip()
    found = TokenText("".join(value.split()))
    del value  # what an error reporter would print of this frame
    return found


def _stranger(text: TokenText, code: str) -> Checked:
    errors = _errors(code, None)
    if recognising.recognise(text) is Kind.ONE_TIME and not opaque.passes(opaque.SHORT_TOKEN, text):
        sentence = Sentence(word="malformed", text=telling.VERDICTS["malformed"])
        return Checked(kind="one_time", verdict="malformed", sentences=(sentence,), errors=errors)
    return Checked(kind="unknown", verdict=NOT_A_TOKEN, sentences=(_NOT_KNOWN,), errors=errors)


def _kind(report: Report, text: TokenText) -> CheckedKind:
    if not report.provider.verified_here:
        return "vendor"
    return "one_time" if recognising.recognise(text) is Kind.ONE_TIME else "access"


def _errors(code: str, provider: Provider | None) -> tuple[tuple[Provider, VendorError], ...]:
    """Return what vendors say of a code: the token's own vendor, or all of them for a text that nobody knows."""
    wanted = code.strip().lower()
    asked = providers().values() if provider is None else [provider]
    return tuple((each, error) for each in asked for error in each.vendor.errors if wanted in _spellings(error.code))


def _spellings(code: str) -> set[str]:
    return {code.lower(), code.rpartition(": ")[2].lower()}
