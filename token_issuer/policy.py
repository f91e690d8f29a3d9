"""Facts in, Decision with a reason out. Pure: no database, no clock, no Django.

Deny by default. The site's own answer comes first: ``Deny`` is final, ``Allow`` suffices without a rule, ``None``
leaves it to the rules, of which the first that allows decides. Nobody's answer widens what was asked or lifts the
limits of provider and application.

Patterns: literal text, ``*`` at the end only, and the closed placeholders ``{user.pk}``, ``{user.username}`` (only
where the rule says so), ``{account}``, ``{slot}``, ``{group}``. Values are compared as text, never formatted in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAMES = frozenset({"user.pk", "user.username", "account", "slot", "group"})

NO_RULE = "no_rule"
"""The reason where nothing names whoever asks."""

LONGEST_REASON = 100
"""Characters of the word that a site's policy denies with."""


class BadPattern(ValueError):
    """A pattern uses what patterns do not have; the message says what and where."""


@dataclass(frozen=True, slots=True, init=False)
class Allow:
    """A site policy's yes: these privileges (and what they imply), for at most ``lifetime`` seconds.

    ``wildcards`` must be said, or a grant that opens more than one channel, room or user is still refused.

    Raises:
        TypeError: privileges that are no texts, a lifetime that is no whole number, or wildcards that are neither True
            nor False. Comparing with NaN or believing the text "no" would allow what nobody meant to.
    """

    privileges: frozenset[str]
    lifetime: int | None
    wildcards: bool

    def __init__(
        self,
        privileges: Iterable[str],
        lifetime: int | None = None,
        wildcards: bool = False,
    ) -> None:
        words = frozenset([privileges]) if isinstance(privileges, str) else frozenset(privileges)
        _check_types(words, lifetime, wildcards)
        object.__setattr__(self, "privileges", words)
        object.__setattr__(self, "lifetime", lifetime)
        object.__setattr__(self, "wildcards", wildcards)


def _check_types(privileges: frozenset[object], lifetime: object, wildcards: object) -> None:
    rules = {
        "privileges: texts": all(isinstance(word, str) for word in privileges),
        "lifetime: whole seconds or None": lifetime is None or type(lifetime) is int,
        "wildcards: True or False": isinstance(wildcards, bool),
    }
    for what, fits in rules.items():
        if not fits:
            msg = f"Allow takes {what}."
            raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Deny:
    """A site policy's no, with a stable word that the caller is told: 1 to 100 printable characters.

    Raises:
        TypeError: the reason is no text.
        ValueError: it is empty, longer, or not printable.
    """

    reason: str

    def __post_init__(self) -> None:
        given: object = self.reason  # annotations bind no site
        if not isinstance(given, str):
            msg = f"Deny takes a text, not {type(given).__name__}."
            raise TypeError(msg)
        if not 1 <= len(given) <= LONGEST_REASON or not given.isprintable():
            msg = f"Deny takes 1 to {LONGEST_REASON} printable characters."
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """One rule as policy sees it. ``privileges`` include what they imply; ``groups`` are those of the user it names."""

    id: str
    privileges: frozenset[str]
    resource_pattern: str = "*"
    subject_pattern: str = ""
    maximum_lifetime: int | None = None
    limit: int | None = None
    window: int | None = None
    wildcards: bool = False
    allow_username: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds: what provider and application allow at all."""

    minimum: int
    default: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision is made from."""

    resource: str
    privileges: frozenset[str]
    wildcards: frozenset[str]
    server_only: frozenset[str]
    server_caller: bool
    lifetime: int | None
    limits: Limits
    values: Mapping[str, str]
    answer: Allow | Deny | None = None
    answer_privileges: frozenset[str] = frozenset()  # what it allows, with what that implies
    answered_by: str = ""
    rules: tuple[RuleFacts, ...] = ()
    bound: frozenset[str] | None = None  # what the caller's credential may do, where these words are scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What to charge when the token is issued: one unit of ``limit`` in a window of ``window`` seconds."""

    rule_id: str
    limit: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one voice answered: ``reason`` is empty when it allowed."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """May this be issued, for how long, and by whose word."""

    allowed: bool
    reason: str = ""
    lifetime: int = 0
    ceiling: int = 0
    source: str = ""
    subject_pattern: str = ""
    allow_username: bool = False
    group: str = ""
    charge: Charge | None = None
    steps: tuple[Step, ...] = field(default=())


def decide(facts: Facts) -> Decision:
    """Return the decision with every step that led to it."""
    if not facts.server_caller and facts.privileges & facts.server_only:
        return _refused("server_only", (Step(source="provider", reason="server_only"),))
    if facts.bound is not None and not facts.privileges <= facts.bound:
        # RFC 8693 section 2.1, RFC 9700 section 4.14.2: what comes from a token is never more than it.
        return _refused("scope_missing", (Step(source="token", reason="scope_missing"),))
    if isinstance(facts.answer, Deny):
        return _refused(facts.answer.reason, (Step(source=facts.answered_by, reason=facts.answer.reason),))
    if isinstance(facts.answer, Allow):
        return _by_site(facts, facts.answer)
    return _by_rules(facts)


def narrowed(facts: Facts) -> frozenset[str]:
    """Return the widest part of the asked privileges that one voice grants, empty when none grants any.

    For what was granted once and is asked for again: a right that has gone since does not take the others with it.
    Voices are not merged; of parts of the same size the one of the rule that is asked first counts.
    """
    asked = facts.privileges if facts.server_caller else facts.privileges - facts.server_only
    if facts.bound is not None:
        asked &= facts.bound
    by_site = isinstance(facts.answer, Allow)
    voices = [facts.answer_privileges] if by_site else [rule.privileges for rule in facts.rules]
    parts = [asked & voice for voice in voices]
    granted = [part for part in parts if part and decide(replace(facts, privileges=part)).allowed]
    return max(granted, key=len, default=frozenset())


def _by_site(facts: Facts, answer: Allow) -> Decision:
    ceiling = _ceiling(facts, answer.lifetime)
    reason = _objection(facts, facts.answer_privileges, wildcards=answer.wildcards, ceiling=ceiling)
    steps = (Step(source=facts.answered_by, reason=reason),)
    if reason:
        return _refused(reason, steps, ceiling=ceiling)
    return Decision(
        allowed=True,
        lifetime=_lifetime(facts, ceiling),
        ceiling=ceiling,
        source=facts.answered_by,
        steps=steps,
    )


def _by_rules(facts: Facts) -> Decision:
    steps: list[Step] = []
    for rule in facts.rules:
        ceiling = _ceiling(facts, rule.maximum_lifetime)
        group, reason = _asked_rule(facts, rule, ceiling)
        steps.append(Step(source=f"rule:{rule.id}", reason=reason))
        if not reason:
            return _allowed_by(facts, rule, ceiling=ceiling, group=group, steps=tuple(steps))
    # The first objection is the one of the rule that is asked first: the most useful word for the caller.
    return _refused(steps[0].reason if steps else NO_RULE, tuple(steps))


def answer_of(facts: Facts, rule: RuleFacts) -> str:
    """Return what one rule says to the request, whoever is asked before it: its objection, empty when it allows."""
    return _asked_rule(facts, rule, _ceiling(facts, rule.maximum_lifetime))[1]


def _allowed_by(facts: Facts, rule: RuleFacts, *, ceiling: int, group: str, steps: tuple[Step, ...]) -> Decision:
    charge = None
    if rule.limit is not None and rule.window is not None:
        charge = Charge(rule_id=rule.id, limit=rule.limit, window=rule.window)
    return Decision(
        allowed=True,
        lifetime=_lifetime(facts, ceiling),
        ceiling=ceiling,
        source=f"rule:{rule.id}",
        subject_pattern=rule.subject_pattern,
        allow_username=rule.allow_username,
        group=group,
        charge=charge,
        steps=steps,
    )


def _asked_rule(facts: Facts, rule: RuleFacts, ceiling: int) -> tuple[str, str]:
    """Return (the group that matched, the objection)."""
    reason = _objection(facts, rule.privileges, wildcards=rule.wildcards, ceiling=ceiling)
    if reason:
        return "", reason
    for group in rule.groups or ("",):
        values = {**facts.values, "group": group} if group else facts.values
        if matches(rule.resource_pattern, facts.resource, values, allow_username=rule.allow_username):
            return group, ""
    return "", "resource_not_granted"


def _objection(facts: Facts, privileges: frozenset[str], *, wildcards: bool, ceiling: int) -> str:
    if not facts.privileges <= privileges:
        return "privilege_not_granted"
    if facts.wildcards and not wildcards:
        return "wildcard_not_granted"
    if facts.lifetime is not None and facts.lifetime > ceiling:
        return "lifetime_not_granted"
    if ceiling < facts.limits.minimum:
        return "lifetime_not_granted"
    return ""


def _ceiling(facts: Facts, maximum: int | None) -> int:
    return facts.limits.maximum if maximum is None else min(facts.limits.maximum, maximum)


def _lifetime(facts: Facts, ceiling: int) -> int:
    # A caller who named no lifetime gets the default, or less where less is granted; one who named too much was
    # refused above, because shortening it in silence would surprise him later.
    return min(facts.limits.default, ceiling) if facts.lifetime is None else facts.lifetime


def _refused(reason: str, steps: tuple[Step, ...], *, ceiling: int = 0) -> Decision:
    return Decision(allowed=False, reason=reason, ceiling=ceiling, steps=steps)


def check_pattern(pattern: str, *, star: bool, names: frozenset[str] = _NAMES) -> None:
    """Raise BadPattern unless it is literal text, known placeholders and (if ``star``) one ``*`` at the end."""
    for kind, part in _parts(pattern):
        if kind == "name" and part not in names:
            known = ", ".join(f"{{{name}}}" for name in sorted(names))
            msg = f"{{{part}}} is not a placeholder; there are {known}."
            raise BadPattern(msg)
        if kind == "text" and ("{" in part or "}" in part):
            msg = "a brace opens or closes nothing."
            raise BadPattern(msg)
    if star and pattern.endswith("}*"):
        # "room-{user.pk}*" would open room-12 to the user 1.
        msg = "put a separator between a placeholder and *."
        raise BadPattern(msg)
    body = pattern[:-1] if star and pattern.endswith("*") else pattern
    if "*" in body:
        msg = "* may stand at the end only." if star else "* cannot be used here."
        raise BadPattern(msg)


def matches(pattern: str, text: str, values: Mapping[str, str], *, allow_username: bool = False) -> bool:
    """Whether the text is what the pattern names. A placeholder without a value matches nothing."""
    open_end = pattern.endswith("*") and not pattern.endswith("}*")
    try:
        rendered = render(pattern[:-1] if open_end else pattern, values, allow_username=allow_username)
    except BadPattern:
        return False
    return text.startswith(rendered) if open_end else text == rendered


def render(pattern: str, values: Mapping[str, str], *, allow_username: bool = False) -> str:
    """Return the pattern with its placeholders filled in.

    Values are inserted as they are and never read as patterns again: ``*`` and braces in a value are refused, for
    they would widen what the text means to a vendor.
    """
    names = _NAMES if allow_username else _NAMES - {"user.username"}
    check_pattern(pattern, star=False, names=names)
    return "".join(part if kind == "text" else _value(part, values) for kind, part in _parts(pattern))


def _value(name: str, values: Mapping[str, str]) -> str:
    value = values.get(name, "")
    if not value:
        msg = f"{{{name}}} has no value here."
        raise BadPattern(msg)
    if any(mark in value for mark in "*{}"):
        msg = f"the value of {{{name}}} contains a character that patterns give a meaning to."
        raise BadPattern(msg)
    return value


def _parts(pattern: str) -> Iterator[tuple[str, str]]:
    position = 0
    for found in _PLACEHOLDER.finditer(pattern):
        if found.start() > position:
            yield "text", pattern[position : found.start()]
        yield "name", found.group(1)
        position = found.end()
    if position < len(pattern):
        yield "text", pattern[position:]
