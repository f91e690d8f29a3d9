"""Rules as sentences: "Members of support may join at once in rooms support-* for at most 1 h, 30 per hour."

Each is one text for translators, with its parts to be put where their language wants them. Names that people chose
are emphasised, so that nobody takes them for words of the sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.spans import span
from token_issuer.models import Window
from token_issuer.registry import privileges_of, providers

if TYPE_CHECKING:
    from token_issuer.models import Rule
    from token_issuer.providers.base import Places, Provider

MOST_GROUPS: Final = 5  # named in a sentence; the rest are counted

_SENTENCES: Final = {  # by whether it says where, and how often
    (True, True): _("{who} may {what} {where} {long}, {often}."),
    (True, False): _("{who} may {what} {where} {long}."),
    (False, True): _("{who} may {what} {long}, {often}."),
    (False, False): _("{who} may {what} {long}."),
}
_PLACEHOLDERS: Final = {
    "{user.pk}": _("{name} stands for the key of whoever asks: each has places of their own."),
    "{user.username}": _("{name} stands for the user name of whoever asks: each has places of their own."),
    "{account}": _("{name} stands for the name at the vendor of whoever asks; without one, nothing fits."),
    "{slot}": _("{name} stands for the number of the device, 0 for the first."),
    "{group}": _("{name} stands for the name of the group by which the rule names whoever asks."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A rule in words: the sentence, and what else must be known to read it."""

    sentence: SafeString
    notes: tuple[SafeString, ...]


def told(rule: Rule) -> Told:
    """Return a rule of ``RuleAdmin`` in words: its users are counted and its groups fetched."""
    provider = providers().get(rule.application.provider)
    return Told(sentence=_sentence(rule, provider), notes=tuple(_notes(rule, provider)))


def _sentence(rule: Rule, provider: Provider | None) -> SafeString:
    where, often = _where(rule, provider), _often(rule)
    return format_html(
        str(_SENTENCES[bool(where), bool(often)]),
        who=_who(rule),
        what=_what(rule, provider),
        where=where,
        long=_long(rule),
        often=often,
    )


def _who(rule: Rule) -> SafeString | str:
    if rule.everyone:
        return gettext("Everyone signed in")
    users: int = rule.user_count  # type: ignore[attr-defined]  # annotated by RuleAdmin
    groups = [group.name for group in rule.groups.all()]
    counted = ngettext("{count} user", "{count} users", users).format(count=users)
    if groups and users:
        return format_html(gettext("Members of {groups}, and {users}"), groups=_groups(groups), users=counted)
    if groups:
        return format_html(gettext("Members of {groups}"), groups=_groups(groups))
    return counted if users else gettext("Nobody")


def _groups(names: Sequence[str]) -> SafeString:
    shown = [_em(name) for name in names[:MOST_GROUPS]]
    rest = len(names) - len(shown)
    if rest:
        shown.append(SafeString(ngettext("{count} more group", "{count} more groups", rest).format(count=rest)))
    return _listed(shown, gettext("{list} or {last}"))


def _what(rule: Rule, provider: Provider | None) -> SafeString:
    known = privileges_of(provider) if provider is not None else {}
    words = [str(word) for word in rule.privileges]
    doing = {word: gettext(known[word].doing) for word in words if word in known and known[word].doing}
    parts = [_said(word, doing) for word in words] or [SafeString(gettext("do nothing"))]
    return _listed(parts, gettext("{list} and {last}"))


def _said(word: str, doing: Mapping[str, str]) -> SafeString:
    return format_html("{}", doing[word]) if word in doing else format_html(gettext("have {word}"), word=_em(word))


def _where(rule: Rule, provider: Provider | None) -> SafeString | str:
    places = provider.places if provider is not None else None
    pattern = rule.resource_pattern
    if places is None and pattern == "*":
        return ""
    if not pattern:
        return gettext("where none is named")
    return _placed(places, pattern)


def _placed(places: Places | None, pattern: str) -> SafeString:
    if places is None:
        return format_html(gettext("for {place}"), place=_em(pattern))
    if pattern == "*":
        return format_html("{}", gettext(places.every))
    several = pattern.endswith("*") or "{" in pattern
    return format_html(gettext(places.some if several else places.one), place=_em(pattern))


def _long(rule: Rule) -> str:
    if rule.maximum_lifetime is None:
        return gettext("for as long as the application allows")
    return gettext("for at most {span}").format(span=span(rule.maximum_lifetime))


def _often(rule: Rule) -> str:
    if rule.limit is None or rule.window is None:
        return ""
    known = rule.window in Window.values
    unit = str(Window(rule.window).label) if known else span(rule.window)
    return gettext("{limit} per {window}").format(limit=rule.limit, window=unit)


def _notes(rule: Rule, provider: Provider | None) -> list[SafeString]:
    notes = []
    if rule.wildcards:
        many = provider.places.many if provider is not None and provider.places is not None else ""
        notes.append(format_html("{}", gettext(many or "Also in one token for several resources, or all of them.")))
    if rule.subject_pattern:
        notes.append(format_html(gettext("At the vendor they are called {name}."), name=_em(rule.subject_pattern)))
    used = f"{rule.resource_pattern} {rule.subject_pattern}"
    notes += [format_html(str(text), name=_em(name)) for name, text in _PLACEHOLDERS.items() if name in used]
    return notes


def _listed(parts: Sequence[SafeString], last: str) -> SafeString:
    *rest, end = parts
    if not rest:
        return end
    return format_html(last, list=SafeString(", ".join(rest)), last=end)


def _em(text: str) -> SafeString:
    return format_html("<em>{}</em>", text)
