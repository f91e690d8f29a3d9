"""Policy is pure, so its tests are tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from token_issuer.policy import (
    LONGEST_REASON,
    Allow,
    BadPattern,
    Charge,
    Deny,
    Facts,
    Limits,
    RuleFacts,
    Step,
    check_pattern,
    decide,
    matches,
    narrowed,
    render,
)

LIMITS = Limits(minimum=60, default=3600, maximum=86400)
VALUES = {"user.pk": "7", "user.username": "ada", "account": "", "slot": "0"}
ASKED = Facts(
    resource="room-1",
    privileges=frozenset({"subscriber"}),
    wildcards=frozenset(),
    server_only=frozenset({"crawler"}),
    server_caller=False,
    lifetime=None,
    limits=LIMITS,
    values=VALUES,
)
RULE = RuleFacts(id="1", privileges=frozenset({"subscriber"}))


def by_rules(*rules: RuleFacts, **changes: object) -> Facts:
    return replace(ASKED, rules=rules, **changes)  # type: ignore[arg-type]


def by_site(answer: Allow | Deny, **changes: object) -> Facts:
    words = answer.privileges if isinstance(answer, Allow) else frozenset()
    return replace(ASKED, answer=answer, answer_privileges=words, answered_by="policy:f", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"privileges": ["subscriber", 1]}, "Allow takes privileges: texts."),
        ({"lifetime": "1h"}, "Allow takes lifetime: whole seconds or None."),
        ({"lifetime": timedelta(hours=1)}, "Allow takes lifetime: whole seconds or None."),
        ({"lifetime": float("nan")}, "Allow takes lifetime: whole seconds or None."),
        ({"lifetime": 600.5}, "Allow takes lifetime: whole seconds or None."),
        ({"lifetime": True}, "Allow takes lifetime: whole seconds or None."),
        ({"wildcards": "no"}, "Allow takes wildcards: True or False."),
        ({"wildcards": None}, "Allow takes wildcards: True or False."),
    ],
)
def test_a_yes_that_is_not_plain_is_none(values, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        Allow(**{"privileges": ["subscriber"], **values})


@pytest.mark.parametrize("reason", [None, 5, object()])
def test_a_no_is_a_text(reason):
    with pytest.raises(TypeError, match=rf"^Deny takes a text, not {type(reason).__name__}\.$"):
        Deny(reason)


@pytest.mark.parametrize("reason", ["", "a" * (LONGEST_REASON + 1), "a\0b", "a\nb", "\ud800"])
def test_a_no_is_a_word_that_can_be_told_and_stored(reason):
    with pytest.raises(ValueError, match=r"^Deny takes 1 to 100 printable characters\.$"):
        Deny(reason)


def test_the_longest_no():
    assert Deny("a" * LONGEST_REASON).reason == "a" * 100


def test_nothing_is_allowed_without_a_rule():
    assert decide(ASKED).reason == "no_rule"


def test_a_rule_allows_with_the_default_lifetime():
    decision = decide(by_rules(RULE))
    assert (decision.allowed, decision.lifetime, decision.source) == (True, 3600, "rule:1")


@pytest.mark.parametrize(
    ("rule", "changes", "reason"),
    [
        (RULE, {"privileges": frozenset({"publisher"})}, "privilege_not_granted"),
        (RULE, {"wildcards": frozenset({"channel"})}, "wildcard_not_granted"),
        (replace(RULE, resource_pattern="other"), {}, "resource_not_granted"),
        (replace(RULE, maximum_lifetime=600), {"lifetime": 601}, "lifetime_not_granted"),
        (replace(RULE, maximum_lifetime=59), {}, "lifetime_not_granted"),
        (replace(RULE, maximum_lifetime=59), {"lifetime": 59}, "lifetime_not_granted"),
    ],
)
def test_a_rule_objects(rule, changes, reason):
    decision = decide(by_rules(rule, **changes))
    assert (decision.allowed, decision.reason) == (False, reason)


@pytest.mark.parametrize(
    ("asked", "maximum", "lifetime"),
    [(None, 60, 60), (None, 600, 600), (600, 600, 600), (None, None, 3600), (86400, None, 86400)],
)
def test_a_rule_caps_the_default_and_keeps_what_was_asked(asked, maximum, lifetime):
    decision = decide(by_rules(replace(RULE, maximum_lifetime=maximum), lifetime=asked))
    assert decision.lifetime == lifetime


def test_a_rule_cannot_lift_the_limits():
    assert decide(by_rules(replace(RULE, maximum_lifetime=10**6))).ceiling == 86400


def test_the_first_rule_that_allows_decides():
    narrow = replace(RULE, id="0", resource_pattern="other")
    decision = decide(by_rules(narrow, RULE, replace(RULE, id="2")))
    assert decision.steps == (Step(source="rule:0", reason="resource_not_granted"), Step(source="rule:1", reason=""))


def test_the_first_objection_is_the_reason():
    rules = (replace(RULE, resource_pattern="other"), replace(RULE, privileges=frozenset()))
    assert decide(by_rules(*rules)).reason == "resource_not_granted"


def test_rules_are_not_merged():
    """One rule has the privilege, the other the room: together they still allow nothing."""
    rules = (replace(RULE, resource_pattern="other"), replace(RULE, privileges=frozenset({"rtm"})))
    assert not decide(by_rules(*rules)).allowed


def test_a_limit_is_charged():
    decision = decide(by_rules(replace(RULE, limit=3, window=60)))
    assert decision.charge == Charge(rule_id="1", limit=3, window=60)


def test_a_rule_without_a_limit_charges_nothing():
    assert decide(by_rules(RULE)).charge is None


def test_a_rule_hands_on_its_subject():
    decision = decide(by_rules(replace(RULE, subject_pattern="{user.username}", allow_username=True)))
    assert (decision.subject_pattern, decision.allow_username) == ("{user.username}", True)


def test_the_group_that_matched_is_remembered():
    rule = replace(RULE, resource_pattern="{group}-1", groups=("hall", "room"))
    assert decide(by_rules(rule)).group == "room"


def test_a_wildcard_rule_allows_a_wildcard():
    facts = by_rules(replace(RULE, wildcards=True), resource="", wildcards=frozenset({"channel"}))
    assert decide(facts).allowed


def test_a_site_that_allows_needs_no_rule():
    decision = decide(by_site(Allow({"subscriber"}, lifetime=600)))
    assert (decision.allowed, decision.lifetime, decision.source) == (True, 600, "policy:f")


def test_one_word_is_a_privilege_not_its_letters():
    assert Allow("subscriber").privileges == {"subscriber"}


@pytest.mark.parametrize(
    ("answer", "changes", "reason"),
    [
        (Deny("closed"), {}, "closed"),
        (Allow(set()), {}, "privilege_not_granted"),
        (Allow({"subscriber"}), {"wildcards": frozenset({"channel"})}, "wildcard_not_granted"),
        (Allow({"subscriber"}, lifetime=60), {"lifetime": 61}, "lifetime_not_granted"),
        (Allow({"crawler"}), {"privileges": frozenset({"crawler"})}, "server_only"),
    ],
)
def test_a_site_refuses_or_allows_too_little(answer, changes, reason):
    decision = decide(by_site(answer, rules=(replace(RULE, wildcards=True),), **changes))
    assert (decision.allowed, decision.reason) == (False, reason)


def test_a_site_may_allow_wildcards():
    answer = Allow({"subscriber"}, wildcards=True)
    assert decide(by_site(answer, wildcards=frozenset({"channel"}))).allowed


def test_a_server_may_have_what_sessions_may_not():
    words = frozenset({"crawler"})
    assert decide(by_rules(replace(RULE, privileges=words), privileges=words, server_caller=True)).allowed


# What of it is still granted

READ, WRITE, BOTH = frozenset({"read"}), frozenset({"write"}), frozenset({"read", "write"})


def once_granted(*rules: RuleFacts, **changes: object) -> Facts:
    return by_rules(*rules, privileges=BOTH, **changes)


def test_what_a_rule_grants_is_left():
    assert narrowed(once_granted(replace(RULE, privileges=READ))) == READ


def test_all_is_left_where_all_is_granted():
    assert narrowed(once_granted(replace(RULE, privileges=BOTH))) == BOTH


def test_the_widest_part_counts_and_parts_are_not_merged():
    more = frozenset({"read", "write", "list"})
    rules = [replace(RULE, privileges=words) for words in (READ, frozenset({"write", "list"}), WRITE)]
    assert narrowed(by_rules(*rules, privileges=more)) == {"write", "list"}


def test_of_equal_parts_the_first_counts():
    assert narrowed(once_granted(replace(RULE, privileges=WRITE), replace(RULE, privileges=READ))) == WRITE


def test_a_rule_that_objects_for_another_reason_leaves_nothing():
    elsewhere = replace(RULE, privileges=READ, resource_pattern="room-2")
    assert narrowed(once_granted(elsewhere)) == frozenset()
    assert narrowed(once_granted(elsewhere, replace(RULE, privileges=WRITE))) == WRITE


def test_nothing_is_left_without_rules():
    assert narrowed(once_granted()) == frozenset()


def test_a_site_leaves_what_it_allows():
    assert narrowed(by_site(Allow({"read", "list"}), privileges=BOTH)) == READ


def test_rules_are_not_asked_where_the_site_allows():
    rules = (replace(RULE, privileges=BOTH),)
    assert narrowed(by_site(Allow({"list"}), privileges=BOTH, rules=rules)) == frozenset()


def test_a_no_leaves_nothing():
    assert narrowed(by_site(Deny("no"), privileges=BOTH, rules=(replace(RULE, privileges=BOTH),))) == frozenset()


def test_what_servers_alone_may_have_is_left_to_servers():
    facts = once_granted(replace(RULE, privileges=BOTH), server_only=WRITE)
    assert narrowed(facts) == READ
    assert narrowed(replace(facts, server_caller=True)) == BOTH


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("room-1", "room-1"),
        ("room-*", "room-"),
        ("*", ""),
        ("user-{user.pk}", "user-7"),
        ("user-{user.pk}-*", "user-7-x"),
        ("slot{slot}", "slot0"),
    ],
)
def test_a_pattern_matches(pattern, text):
    assert matches(pattern, text, VALUES)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("room-1", "room-10"),
        ("room-*", "hall-1"),
        ("room", "ROOM"),
        ("", "room"),
        ("user-{user.pk}*", "user-77"),  # would be the room of the user 77
        ("{account}", ""),
        ("{user.username}", "ada"),  # the rule did not allow names
        ("{group}", "group"),
        ("{user.password}", "{user.password}"),
        ("{user.__class__}", "{user.__class__}"),
        ("a*b", "a*b"),
    ],
)
def test_a_pattern_does_not_match(pattern, text):
    assert not matches(pattern, text, VALUES)


@pytest.mark.parametrize("name", ["*", "a*", "{user.pk}", "}"])
def test_a_value_with_a_meaning_is_refused(name):
    with pytest.raises(BadPattern, match=r"the value of \{user\.username\} contains a character that patterns give"):
        render("{user.username}", {"user.username": name}, allow_username=True)


def test_names_need_leave():
    with pytest.raises(BadPattern, match=r"^\{user\.username\} is not a placeholder"):
        render("{user.username}", VALUES)


def test_what_is_rendered_has_no_star():
    with pytest.raises(BadPattern, match=r"^\* cannot be used here\.$"):
        render("user-*", VALUES)


def test_a_value_is_not_read_as_a_pattern_again():
    assert render("{account}", {"account": "%s$1\\1"}) == "%s$1\\1"


def test_a_missing_value_is_named():
    with pytest.raises(BadPattern, match=r"^\{account\} has no value here\.$"):
        render("{account}", VALUES)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{user.password}", r"^\{user\.password\} is not a placeholder; there are \{account\}, \{group\}"),
        ("{user.__class__}", r"^\{user\.__class__\} is not a placeholder"),
        ("{}", r"^\{\} is not a placeholder"),
        ("{0}", r"^\{0\} is not a placeholder"),
        ("room}", r"^a brace opens or closes nothing\.$"),
        ("{user", r"^a brace opens or closes nothing\.$"),
        ("{{user.pk}}", r"^a brace opens or closes nothing\.$"),
        ("a*b", r"^\* may stand at the end only\.$"),
        ("**", r"^\* may stand at the end only\.$"),
        ("room-{user.pk}*", r"^put a separator between a placeholder and \*\.$"),
    ],
)
def test_a_bad_resource_pattern_is_explained(pattern, message):
    with pytest.raises(BadPattern, match=message):
        check_pattern(pattern, star=True)


def test_a_subject_has_no_star():
    with pytest.raises(BadPattern, match=r"^\* cannot be used here\.$"):
        check_pattern("user-*", star=False)
