"""Rules and site policies read as sentences: in the list, on a rule's page and on its application's."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.utils.html import strip_tags

from tests.admin.addresses import url
from tests.factories import ApplicationFactory, GroupFactory, RuleFactory, UserFactory
from token_issuer.models import Application
from token_issuer.registry import privileges_of, providers


@pytest.fixture
def agora(db):
    return ApplicationFactory(slug="calls", provider="agora", ready=True)


@pytest.fixture
def said(site):
    """What a rule's page says of it, without markup."""

    def say(application, **columns):
        rule = RuleFactory(application=application, **columns)
        told = site.get(url("rule", "change", rule.pk)).context["told"]
        return unescape(strip_tags(" ".join([told.sentence, *told.notes])))

    return say


def test_everything_is_in_the_sentence(said, agora):
    group = GroupFactory(name="support")
    assert said(
        agora, everyone=False, for_groups=[group], privileges=["publisher"], resource_pattern="support-*",
        maximum_lifetime=3600, limit=30, window=3600,
    ) == (
        "Members of support may send audio, video and data in channels support-* for at most 1 h, 30 per hour."
        " That includes: receive audio, video and data."
    )  # fmt: skip


def test_what_is_left_out_is_not_said(said, rooms):
    text = said(rooms, privileges=["ask_join"])
    assert text == "Everyone signed in may ask to be let in in every room for as long as the application allows."


@pytest.mark.parametrize(
    ("users", "groups", "words"),
    [
        (0, [], "Nobody may "),
        (1, [], "1 user may "),
        (2, [], "2 users may "),
        (0, ["a", "b"], "Members of a or b may "),
        (1, ["a"], "Members of a, and 1 user may "),
        (0, ["a", "b", "c", "d", "e", "f", "g"], "Members of a, b, c, d, e or 2 more groups may "),
    ],
)
def test_people_are_named_or_counted(said, rooms, users, groups, words):
    text = said(
        rooms,
        everyone=False,
        for_users=UserFactory.create_batch(users),
        for_groups=[GroupFactory(name=name) for name in groups],
    )
    assert text.startswith(words)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("*", "in every room"),
        ("lobby", "in the room lobby"),
        ("hall-*", "in rooms hall-*"),
        ("own-{user.pk}", "in rooms own-{user.pk}"),
        ("", "where none is named"),
    ],
)
def test_places_are_said_in_the_vendors_words(said, rooms, pattern, words):
    assert f"join at once {words} for" in said(rooms, resource_pattern=pattern)


def test_tokens_that_name_no_place_say_none(said, db):
    own = ApplicationFactory(slug="own", provider="own")
    assert said(own) == (
        "Everyone signed in may issue, list and end their own tokens for as long as the application allows."
    )
    assert "tokens for nothing-* for" in said(own, resource_pattern="nothing-*")


def test_scopes_of_the_site_are_named(said, db, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SCOPES": {"calls:read": "See calls"}}
    own = ApplicationFactory(slug="own", provider="own")
    assert "may have calls:read and issue, list" in said(own, privileges=["calls:read", "tokens:issue"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{user.pk}", "stands for the key of whoever asks"),
        ("{user.username}", "stands for the user name of whoever asks"),
        ("{account}", "stands for the name at the vendor"),
        ("{slot}", "stands for the number of the device"),
        ("{group}", "stands for the name of the group"),
    ],
)
def test_placeholders_are_explained(said, rooms, name, words):
    assert f"{name} {words}" in said(rooms, resource_pattern=f"x-{name}")
    assert f"{name} {words}" in said(rooms, subject_pattern=f"x-{name}")


def test_wildcards_are_said_as_far_as_the_pattern_lets_them_go(said, rooms, agora, db):
    assert said(rooms, wildcards=True).endswith("Also in one token for all rooms.")
    assert "in one token" not in said(rooms, wildcards=True, resource_pattern="hall-*")
    assert "for several channels or all of them, which can only receive there." in said(agora, wildcards=True)
    assert "in one token for several of them, which" in said(agora, wildcards=True, resource_pattern="hall-*")
    assert "in one token" not in said(agora, wildcards=True, resource_pattern="hall")
    assert "in one token" not in said(ApplicationFactory(provider="own"), wildcards=True)


def test_asking_for_all_by_naming_none_takes_wildcards(said, rooms):
    assert "this allows nothing: that takes wildcards." in said(rooms, resource_pattern="")
    assert said(rooms, resource_pattern="", wildcards=True).endswith("Also in one token for all rooms.")


def test_names_at_the_vendor_are_said_where_there_are_any(said, rooms, agora):
    assert "At the vendor they are called guest, unless their account there" in said(rooms, subject_pattern="guest")
    assert "they are called" not in said(agora, subject_pattern="guest-{user.pk}")
    Application.objects.filter(pk=agora.pk).update(options={"subject": "account"})
    agora.refresh_from_db()
    assert "they are called guest" in said(agora, subject_pattern="guest")
    Application.objects.filter(pk=agora.pk).update(options={"subject": "no such kind"})
    agora.refresh_from_db()
    assert "they are called guest" in said(agora, subject_pattern="guest")


def test_what_words_imply_and_whom_they_do_not_mean_is_said(said, rooms, agora):
    assert "That includes: ask to be let in." in said(rooms, privileges=["allow_join"])
    assert "That includes" not in said(rooms, privileges=["allow_join", "ask_join"])
    assert "never in a browser: call the vendor's server API." in said(rooms, privileges=["crawler", "allow_mod"])
    assert "whatever place is named: log in to Chat." in said(agora, privileges=["chat"], resource_pattern="hall")


def test_life_that_is_too_short_for_any_token_allows_nothing(said, rooms):
    assert "No token lives for less than 1 min: this allows nothing." in said(rooms, maximum_lifetime=59)
    assert "allows nothing" not in said(rooms, maximum_lifetime=60)
    assert "allows nothing" not in said(ApplicationFactory(provider="voximplant"), maximum_lifetime=60)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(90, "1 min 30 s"), (5400, "1 h 30 min"), (172_800, "2 d"), (0, "0 s"), (86_461, "1 d 1 min 1 s")],
)
def test_durations_are_exact(said, rooms, seconds, words):
    assert f"for at most {words}." in said(rooms, maximum_lifetime=seconds)


def test_window_that_a_command_set_is_said_in_words(said, rooms):
    assert ", 5 per 5 min." in said(rooms, limit=5, window=300)


def test_rule_of_a_missing_provider_is_still_a_sentence(said, rooms):
    Application.objects.update(provider="gone")
    assert said(rooms, resource_pattern="a-*").startswith("Everyone signed in may have allow_join for a-* for")


def test_names_are_text_and_never_markup(site, rooms):
    RuleFactory(
        application=rooms, everyone=False, for_groups=[GroupFactory(name="<b>{x}</b>")], resource_pattern="<i>%s{slot}"
    )
    page = site.get(url("rule", "changelist")).content.decode()
    assert "Members of <em>&lt;b&gt;{x}&lt;/b&gt;</em> may" in page
    assert "in rooms <em>&lt;i&gt;%s{slot}</em>" in page


def test_list_reads_like_sentences(site, rooms):
    RuleFactory(application=rooms, wildcards=True)
    page = site.get(url("rule", "changelist")).content.decode()
    assert "Everyone signed in may join at once in every room" in page
    assert '<span class="quiet">Also in one token for all rooms.</span>' in page


@pytest.mark.parametrize("provider", providers().values(), ids=lambda provider: provider.name)
def test_every_privilege_goes_on_in_a_sentence(provider):
    for word, privilege in privileges_of(provider).items():
        assert privilege.doing, word
        assert not privilege.doing.endswith(".")


@pytest.mark.parametrize("provider", providers().values(), ids=lambda provider: provider.name)
def test_every_place_takes_its_pattern(provider):
    places = provider.places
    if places is not None:
        texts = (places.every, places.one, places.some, places.many, places.several)
        assert [re.findall(r"{\w+}", text) for text in texts] == [[], ["{place}"], ["{place}"], [], []]


# On the application's page


def listed(site, application):
    return site.get(url("application", "change", application.pk)).context["deciders"]


def test_application_lists_its_rules_in_the_order_of_asking(site, rooms):
    later, first = RuleFactory(application=rooms, priority=9), RuleFactory(application=rooms, priority=1)
    RuleFactory()
    found = listed(site, rooms)
    assert [rule for rule, _told in found.rules] == [first, later]
    assert not found.more


def test_application_lists_no_more_rules_than_fit(site, rooms, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.deciders.MOST_RULES", 2)
    RuleFactory.create_batch(3, application=rooms)
    found = listed(site, rooms)
    assert (len(found.rules), found.more) == (2, True)
    assert "Only the first 2 are listed here." in site.get(url("application", "change", rooms.pk)).content.decode()


def page_of(site, rooms):
    return " ".join(site.get(url("application", "change", rooms.pk)).content.decode().split())


def test_nothing_allows_nothing(site, rooms):
    assert "Nobody gets a token yet:" in page_of(site, rooms)
    RuleFactory(application=rooms)
    assert "Nobody gets a token yet:" not in page_of(site, rooms)


def with_policy(settings, path):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"rooms": path}}


def test_sites_function_is_said_to_be_asked_first(site, rooms, settings):
    with_policy(settings, "tests.admin.policies.silent")
    page = page_of(site, rooms)
    assert "The function <em>tests.admin.policies.silent</em> of this site is asked first." in page
    assert "There are no rules: what the function leaves open is refused." in page


@pytest.mark.parametrize("given", [{"rooms": "no_such_package.f"}, ["no dict"]])
def test_function_that_cannot_be_asked_is_said_to_be_broken(site, rooms, settings, given):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": given}
    assert 'TOKEN_ISSUER["POLICIES"]' in unescape(page_of(site, rooms))


def test_rules_are_for_those_who_may_see_them(staff, rooms):
    RuleFactory(application=rooms)
    page = page_of(staff("view_application"), rooms)
    assert "may join at once" not in page
    assert "Nobody gets a token yet" not in page
