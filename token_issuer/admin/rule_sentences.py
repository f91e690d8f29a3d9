"""Rules as sentences: "Members of support may join at once in rooms support-* for at most 1 h, 30 per hour."

Each is one text for translators, with its parts to be put where their language wants them. Names that people chose
are emphasised, so that nobody takes them for words of the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.spans import span
from token_issuer.errors import BadOption
from token_issuer.models import Window
from token_issuer.providers.base import Provider
from token_issuer.registry import privileges_of, providers
from token_issuer.services.deciding import options_of
from token_issuer.services.drafts import least_lifetime

if TYPE_CHECKING:
    from token_issuer.models import Rule
    from token_issuer.providers.base import Places

MOST_GROUPS: Final = 5  # named in a sentence; the rest are counted

_SENTENCES: Final = {  # by whether it says where, and how often
    (True, True): _("{who} may {what} {where} {long}, {often}."),
    (True, False): _("{who} may {what} {where} {long}."),
    (False, True): _("{who} may {what} {long}, {often}."),
    (False, False): _("{who} may {what} {long}."),
}
_WORDS: Final = (  # what a privilege means beyond its word, and what is said of it
    (lambda word: word.server_only, _("For servers only, and never in a browser: {what}.")),
    (lambda word: bool(word.beyond_resource), _("All over the application, whatever place is named: {what}.")),
)
_PLACEHOLDERS: Final = {
    "{user.pk}": _("{name} stands for the key of whoever asks: each has places of their own."),
    "{user.username}": _("{name} stands for the user name of whoever asks: each has places of their own."),
    "{account}": _("{name} stands for the name at the vendor of whoever asks; without one, nothing fits."),
    "{slot}": _("{name} stands for the number of the device, 0 for the first."),
    "{group}": _(
        "{name} stands for the name of the group by which the rule names whoever asks; without one, nothing fits."
    ),
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
    return _doing([str(word) for word in rule.privileges], provider)


def _doing(words: Sequence[str], provider: Provider | None) -> SafeString:
    known = privileges_of(provider) if provider is not None else {}
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


def _notes(rule: Rule, provider: Provider | None) -> Iterator[SafeString]:
    pattern = _subject_pattern(rule, provider)
    if provider is not None:
        yield from _of_words(rule, provider)
        yield from _of_limits(rule, provider)
    if pattern:
        text = gettext("At the vendor they are called {name}, unless their account there has a name of its own.")
        yield format_html(text, name=_em(pattern))
    used = f"{rule.resource_pattern} {pattern}"
    yield from (format_html(str(text), name=_em(name)) for name, text in _PLACEHOLDERS.items() if name in used)


def _of_words(rule: Rule, provider: Provider) -> Iterator[SafeString]:
    """Say what the words of the sentence do not: which others they imply, and whom or what they do not mean."""
    known = privileges_of(provider)
    named = [str(word) for word in rule.privileges]
    allowed = [*named, *sorted(provider.implied(frozenset(named)) - {*named})]
    if allowed != named:
        yield format_html(gettext("That includes: {what}."), what=_doing(allowed[len(named) :], provider))
    for applies, text in _WORDS:
        meant = [word for word in allowed if word in known and applies(known[word])]
        if meant:
            yield format_html(str(text), what=_doing(meant, provider))


def _of_limits(rule: Rule, provider: Provider) -> Iterator[SafeString]:
    """Say what a rule with wildcards opens, and what keeps another from allowing anything."""
    if wide := _wide(rule, provider):
        yield format_html("{}", wide)
    least = least_lifetime(provider)
    if rule.maximum_lifetime is not None and rule.maximum_lifetime < least:
        yield format_html(
            "{}", gettext("No token lives for less than {span}: this allows nothing.").format(span=span(least))
        )


def _wide(rule: Rule, provider: Provider) -> str:
    if type(provider).wildcards is Provider.wildcards or provider.places is None:
        return ""  # no grant of this provider opens more than one thing
    if not rule.resource_pattern and not rule.wildcards:
        return gettext("Where naming none stands for all of them, this allows nothing: that takes wildcards.")
    if not rule.wildcards:
        return ""
    said = {"": provider.places.many, "*": provider.places.several}.get(rule.resource_pattern[-1:], "")
    said = provider.places.many if rule.resource_pattern == "*" else said
    return gettext(said) if said else ""


def _subject_pattern(rule: Rule, provider: Provider | None) -> str:
    """Return what makes their names; empty where the application names people by numbers."""
    try:
        options = options_of(rule.application, provider) if provider is not None else None
    except BadOption:
        return rule.subject_pattern
    numbered = provider is not None and options is not None and provider.subject_kind(options) == "integer"
    return "" if numbered else rule.subject_pattern


def _listed(parts: Sequence[SafeString], last: str) -> SafeString:
    *rest, end = parts
    if not rest:
        return end
    return format_html(last, list=SafeString(", ".join(rest)), last=end)


def _em(text: str) -> SafeString:
    return format_html("<em>{}</em>", text)
