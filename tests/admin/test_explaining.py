"""Why, or why not: everybody's word about a person and a grant, and nothing is done."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

import token_issuer
from tests.admin.addresses import url
from tests.factories import (
    AT,
    ApplicationFactory,
    GroupFactory,
    RuleFactory,
    UserFactory,
    VendorAccountFactory,
    caller,
)
from token_issuer.admin.reasons import SENTENCES, in_words
from token_issuer.models import AuditEvent, IssuedToken, RuleWindow, VendorAccount
from token_issuer.services import issuing


@pytest.fixture
def ada(db):
    return UserFactory(username="ada")


@pytest.fixture
def ask(site, rooms, ada):
    def post(application=rooms, client=site, **changes):
        grant = {"option-roomId": "lobby", "option-permissions": ["allow_join"], "option-roles": ["rtc"]}
        return client.post(url("application", "explain", application.pk), {"user": "ada", **grant, **changes})

    return post


def errors(answer):
    return {name: [str(text) for text in texts] for name, texts in answer.context["form"].errors.items()}


def said(answer):
    """What each rule says, and whether it is asked."""
    return [(strip_tags(each.answer), each.asked) for each in answer.context["answers"]]


def words(answer):
    return " ".join(strip_tags(answer.content.decode()).split())


ALLOWS = "It allows this."
UNNAMED = "It does not name this person."


def test_rules_answer_one_by_one_in_the_order_of_asking(ask, rooms, ada):
    RuleFactory(application=rooms, priority=1, everyone=False, for_groups=[GroupFactory()])
    RuleFactory(application=rooms, priority=2, resource_pattern="hall")
    RuleFactory(application=rooms, priority=3, everyone=False, for_users=[ada])
    RuleFactory(application=rooms, priority=4, privileges=["ask_join"])
    RuleFactory(application=rooms, priority=5, everyone=False)
    answer = ask()
    assert said(answer) == [
        (UNNAMED, True),
        (SENTENCES["resource_not_granted"], True),
        (ALLOWS, True),
        (SENTENCES["privilege_not_granted"], False),
        (UNNAMED, False),
    ]
    assert "Granted for ada" in words(answer)
    assert "The token would live for 10 min; 1 d are the most that would be granted." in words(answer)


def test_nobody_who_allows_is_a_refusal(ask, rooms):
    assert "Refused for ada" in words(ask())
    assert "No rule names this person, and no function of this site allowed it. (no_rule)" in words(ask())
    RuleFactory(application=rooms, resource_pattern="hall")
    assert "(resource_not_granted)" in words(ask())


def test_groups_count(ask, rooms, ada):
    group = GroupFactory()
    RuleFactory(application=rooms, everyone=False, for_groups=[group])
    assert said(ask()) == [(UNNAMED, True)]
    ada.groups.add(group)
    assert said(ask()) == [(ALLOWS, True)]


@pytest.fixture
def policy(settings):
    def use(name):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"rooms": f"tests.admin.policies.{name}"}}

    return use


def by_site(answer):
    told = answer.context["said"]
    return f"{strip_tags(told['state'])}: {told['text']}"


def test_no_function_is_said(ask):
    assert "There is none for this application." in words(ask())


def test_function_without_an_opinion_leaves_it_to_the_rules(ask, rooms, policy):
    policy("silent")
    RuleFactory(application=rooms)
    answer = ask()
    assert by_site(answer) == "has no opinion: The rules decide."
    assert "tests.admin.policies.silent has no opinion" in words(answer)
    assert said(answer) == [(ALLOWS, True)]


def test_function_that_allows_suffices(ask, rooms, policy):
    policy("friendly")
    RuleFactory(application=rooms, resource_pattern="hall")
    answer = ask()
    assert by_site(answer) == "allows it: It allows allow_join. For at most 5 min."
    assert said(answer) == [(SENTENCES["resource_not_granted"], False)]
    assert "Granted" in words(answer)


def test_function_that_allows_less_is_said_to(ask, rooms, policy):
    policy("friendly")
    answer = ask(lifetime="1h")
    assert by_site(answer).startswith("does not allow this: It allows allow_join. For at most 5 min.")
    assert "(lifetime_not_granted)" in words(answer)


def test_function_that_denies_is_quoted(ask, rooms, policy):
    policy("strict")
    RuleFactory(application=rooms)
    answer = ask()
    assert by_site(answer) == "refuses: members_only"
    assert "Refused for ada" in words(answer)
    assert words(answer).count("members_only") == 2
    assert said(answer) == [(ALLOWS, False)]


def test_function_that_fails_refuses(ask, rooms, policy, caplog):
    policy("failing")
    RuleFactory(application=rooms)
    answer = ask()
    assert by_site(answer) == "did not answer: The site's policy could not be asked."
    assert "(policy_unavailable)" in words(answer)
    assert "no such table" not in words(answer)
    assert said(answer) == [(ALLOWS, False)]


def test_what_is_for_servers_is_refused_before_anybody_is_asked(ask, rooms):
    RuleFactory(application=rooms, privileges=["allow_join", "crawler"])
    answer = ask(**{"option-roles": ["crawler"]})
    assert answer.context["barrier"] == SENTENCES["server_only"]
    assert said(answer) == [(ALLOWS, False)]
    assert "Refused" in words(answer)


def test_window_that_is_used_up_is_told_and_not_charged(ask, rooms, ada):
    RuleFactory(application=rooms, limit=1, window=86_400)
    assert "1 more token is left in this window." in words(ask())
    assert not RuleWindow.objects.exists()
    issuing.issue(caller(ada), "rooms", body={"roomId": "lobby"}, at=timezone.now())
    answer = ask()
    assert "(rate_limited)" in words(answer)
    assert "0 more tokens are left" in words(answer)


def test_what_is_missing_is_told(ask, rooms):
    RuleFactory(application=rooms)
    rooms.certificates.update(retired_at=AT)
    assert "(no_active_certificate)" in words(ask())


def test_what_is_missing_is_told_before_the_window(ask, rooms):
    RuleFactory(application=rooms, limit=0, window=3600)
    rooms.certificates.update(retired_at=AT)
    assert "(no_active_certificate)" in words(ask())


def test_name_that_cannot_be_made_is_told(ask, rooms):
    RuleFactory(application=rooms, subject_pattern="{account}")
    assert "(subject_not_rendered)" in words(ask())


def test_name_that_does_not_fit_is_told(ask, rooms, ada):
    RuleFactory(application=rooms)
    VendorAccountFactory(application=rooms, user=ada, subject="\N{SNOWMAN}" * 100)
    assert "(subject_not_allowed)" in words(ask())


def test_no_number_is_allocated(site, ada):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    RuleFactory(application=calls)
    filled = {"user": "ada", "option-channel": "room-1", "option-role": "subscriber"}
    assert "Granted" in words(site.post(url("application", "explain", calls.pk), filled))
    assert not VendorAccount.objects.exists()


def test_nothing_is_minted_or_audited(ask, rooms):
    RuleFactory(application=rooms)
    ask()
    ask(**{"option-roomId": "hall", "lifetime": "2h"})
    assert not IssuedToken.objects.exists()
    assert not AuditEvent.objects.exists()


def test_limits_of_the_application_are_told(ask, rooms):
    assert "The application allows lifetimes of 1 min to 1 d; 10 min where none is asked for." in words(ask())


def test_answer_takes_the_same_queries_at_any_number_of_rules(ask, rooms, ada):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            ask()
        return len(captured)

    def one_more():
        RuleFactory(application=rooms, resource_pattern="hall", for_users=[ada], for_groups=[GroupFactory()])

    one_more()
    queries()
    few = queries()
    for _number in range(20):
        one_more()
    assert queries() == few


# Who is meant


@pytest.mark.parametrize("garbage", ["nobody", "1" * 30, "x" * 254, "9f\N{SNOWMAN}", "<b>", "{user.pk}"])
def test_nobody_of_that_name_is_an_error_at_its_field(ask, garbage):
    assert errors(ask(user=garbage)) == {"user": ["There is no user of this name or key."]}


@pytest.mark.parametrize("garbage", ["", "a\0b", "x" * 255])
def test_what_is_no_name_is_an_error_at_its_field(ask, garbage):
    assert errors(ask(user=garbage)).keys() == {"user"}


def test_key_names_a_user_and_a_name_goes_before_it(ask, ada):
    assert ask(user=str(ada.pk)).context["person"] == ada
    named = UserFactory(username=str(ada.pk))
    assert ask(user=str(ada.pk)).context["person"] == named


def test_inactive_user_is_told_at_the_field(ask, ada):
    ada.is_active = False
    ada.save()
    assert errors(ask()) == {"user": ["This account is not active."]}


def test_page_can_begin_with_a_user(site, rooms, ada):
    answer = site.get(url("application", "explain", rooms.pk), {"user": ada.pk})
    assert f'value="{ada.pk}"' in answer.content.decode()


# What is asked for


def test_what_does_not_fit_is_told_at_its_field(ask):
    wrong = {"option-permissions": ["root"], "lifetime": "soon", "slot": "9"}
    assert errors(ask(**wrong)).keys() == wrong.keys()
    assert errors(ask(**{"option-roomId": "a\x07b"})).keys() == {"option-roomId"}
    assert errors(ask(lifetime="2d")) == {"lifetime": ["must be 60 to 86400 seconds"]}


def test_application_that_is_off_is_told(ask, rooms):
    rooms.disabled_at = AT
    rooms.save()
    assert errors(ask()) == {"__all__": ["This application is switched off."]}


def test_settings_that_cannot_be_read_are_told(ask, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": ["no dict"]}
    assert 'TOKEN_ISSUER["POLICIES"]' in errors(ask())["__all__"][0]


@pytest.mark.django_db(databases="__all__")  # Django's own index is visited
def test_missing_provider_is_told(site, rooms):
    rooms.provider = "gone"
    rooms.save()
    answer = site.get(url("application", "explain", rooms.pk), follow=True)
    assert "The provider of this application is not installed." in answer.content.decode()


# Where it is, and for whom


def test_before_anybody_is_named_the_page_shows_who_decides(site, rooms):
    RuleFactory(application=rooms)
    page = words(site.get(url("application", "explain", rooms.pk)))
    assert "Everyone signed in may join at once in every room" in page


def test_it_takes_the_permission_to_see_rules(staff, ask, rooms):
    assert staff("view_application").get(url("application", "explain", rooms.pk)).status_code == 403
    assert ask(client=staff("view_rule")).status_code == 200


def test_unknown_application_is_not_an_error(site, rule):
    assert site.get(url("application", "explain", rule.pk)).status_code == 404


def test_rules_application_and_list_lead_to_it(site, rooms, rule):
    page = url("application", "explain", rooms.pk)
    for start in (url("application", "change", rooms.pk), url("rule", "change", rule.pk)):
        assert page in site.get(start).content.decode(), start
    assert url("rule", "explain") in site.get(url("rule", "changelist")).content.decode()
    assert site.get(url("rule", "explain")).context["choices"][0].url == f"?application={rooms.pk}"
    assert site.get(url("rule", "explain"), {"application": rooms.pk})["Location"] == page


def test_choosing_takes_the_permission_to_see_rules(staff, rooms):
    assert staff("view_application").get(url("rule", "explain")).status_code == 403


# Words


def reasons_in(tree):
    """The words that a module refuses with: what PolicyDenied and policy's own functions are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            if node.func.id in {"PolicyDenied", "_refused"} and isinstance(first, ast.Constant):
                yield str(first.value)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in CONSTANTS:
                yield str(node.value.value)


CONSTANTS = {"NO_RULE", "NO_ACCOUNT", "NOT_CONNECTED", "CONNECT_AGAIN", "LIFETIME_NOT_GRANTED", "SCOPE_MISSING"}
ANSWERED = {"privilege_not_granted", "wildcard_not_granted", "resource_not_granted"}  # returned by policy's functions


def test_every_reason_has_a_sentence():
    package = Path(token_issuer.__file__).parent
    sources = [package / "policy.py", *sorted((package / "services").glob("*.py"))]
    found = {word for source in sources for word in reasons_in(ast.parse(source.read_text()))} | ANSWERED
    assert len(found) > 15
    assert found - SENTENCES.keys() == set()
    assert all(str(sentence).endswith(".") for sentence in SENTENCES.values())


def test_reasons_in_the_documentation_have_sentences():
    text = (Path(token_issuer.__file__).parent.parent / "docs" / "policy.md").read_text()
    table = text.partition("| reason | meaning |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {word.strip(" `") for cell in rows for word in cell.split(",")}
    assert len(named) > 15
    assert named - SENTENCES.keys() == set()


def test_words_of_the_sites_own_are_shown_as_they_are():
    assert in_words("members_only") == "members_only"
