"""Whoever reads a rule's sentence, and nothing else, knows what policy answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.utils.html import strip_tags
from hypothesis import given, settings
from hypothesis import strategies as st

from token_issuer import policy
from token_issuer.admin.rule_sentences import told
from token_issuer.errors import BadGrant
from token_issuer.models import Application, Rule
from token_issuer.policy import Facts, Limits
from token_issuer.providers import fields
from token_issuer.registry import get_provider, privileges_of
from token_issuer.services.rules import _facts

PATTERNS = ["*", "", "lobby", "hall-*", "own-{user.pk}", "own-{user.pk}-*"]
RESOURCES = ["", "*", "lobby", "hall-", "hall-1", "hall-*", "own-7", "own-7-x", "own-8"]
SECONDS = [None, 10, 60, 600, 3600]
UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


@dataclass(frozen=True)
class Reading:
    """What a person takes from a sentence and its notes."""

    provider: Any
    sentence: str
    notes: str

    @property
    def words(self):
        included = "".join(re.findall(r"That includes: (.*?)\. ", self.notes + " "))
        return {
            word
            for word, privilege in privileges_of(self.provider).items()
            if privilege.doing in self.sentence or privilege.doing in included
        }

    @property
    def for_servers(self):
        meant = "".join(re.findall(r"For servers only, and never in a browser: (.*?)\. ", self.notes + " "))
        return {word for word in self.words if privileges_of(self.provider)[word].doing in meant}

    def opens(self, resource, *, wide):
        if "in one token" in self.notes:
            all_of_them = re.search(r"in one token for (several channels or all|all)", self.notes)
        elif wide:
            return False
        else:
            all_of_them = None
        if wide and resource in ("", "*") and not all_of_them:
            return False
        places = self.provider.places
        if places.every in self.sentence:
            return True
        if "where none is named" in self.sentence:
            return not resource
        (text,) = [
            found
            for words in (places.some, places.one)
            for found in re.findall(re.escape(words).replace(r"\{place\}", "(.*?) for "), self.sentence)
        ]
        text = text.replace("{user.pk}", "7")
        return resource.startswith(text[:-1]) if text.endswith("*") else resource == text

    def lasts(self, limits):
        found = re.search(r"for at most ([^.]*)\.", self.sentence)
        if not found:
            return limits.maximum
        parts = re.findall(r"(\d+) (d|h|min|s)", found.group(1))
        return min(limits.maximum, sum(int(count) * UNITS[unit] for count, unit in parts))

    def allows(self, grant, lifetime, limits):
        if "this allows nothing" in self.notes:
            return False
        return (
            grant.privileges <= self.words - self.for_servers
            and self.opens(grant.resource, wide=bool(self.provider.wildcards(grant)))
            and (lifetime or limits.minimum) <= self.lasts(limits)
        )


def rules(name):
    words = [*privileges_of(get_provider(name))]
    return st.builds(
        Rule,
        application=st.builds(Application, provider=st.just(name), slug=st.just("rooms"), public_id=st.just("")),
        everyone=st.just(True),
        privileges=st.lists(st.sampled_from(words), min_size=1, unique=True),
        resource_pattern=st.sampled_from(PATTERNS),
        maximum_lifetime=st.sampled_from(SECONDS),
        wildcards=st.booleans(),
    )


BODIES = {
    "agora": st.fixed_dictionaries(
        {"channel": st.sampled_from(RESOURCES)},
        optional={
            "role": st.sampled_from(["subscriber", "publisher"]),
            "also_rtm": st.booleans(),
            "chat": st.booleans(),
        },
    ),
    "videosdk": st.fixed_dictionaries(
        {},
        optional={
            "roomId": st.sampled_from([text for text in RESOURCES if "*" not in text and text]),
            "permissions": st.sets(st.sampled_from(["allow_join", "ask_join", "allow_mod"]), min_size=1).map(sorted),
            "roles": st.just(["crawler"]),
        },
    ),
}


def reading_of(rule):
    said = told(rule)
    return Reading(
        provider=get_provider(rule.application.provider),
        sentence=unescape(strip_tags(said.sentence)),
        notes=unescape(strip_tags(" ".join(said.notes))),
    )


@pytest.mark.parametrize("name", BODIES)
def test_sentence_says_no_less_and_no_more_than_the_rule_does(name):
    provider = get_provider(name)
    lifetimes = provider.lifetimes
    limits = Limits(minimum=lifetimes.minimum, default=lifetimes.default, maximum=lifetimes.maximum)

    @settings(max_examples=400, deadline=None)
    @given(rules(name), BODIES[name], st.sampled_from([None, 60, 600, 3600, 86_400]))
    def agree(rule, body, lifetime):
        try:
            grant = fields.parse(provider.grant_class, body)
        except BadGrant:  # no such request comes as far as a rule
            return
        facts = Facts(
            resource=grant.resource,
            privileges=grant.privileges,
            wildcards=provider.wildcards(grant),
            server_only=frozenset(w for w, privilege in privileges_of(provider).items() if privilege.server_only),
            server_caller=False,
            lifetime=lifetime,
            limits=limits,
            values={"user.pk": "7"},
            rules=(_facts(rule, [], provider),),
        )
        allowed = policy.decide(facts).allowed
        assert reading_of(rule).allows(grant, lifetime, limits) is allowed, (told(rule), body, lifetime)

    agree()
