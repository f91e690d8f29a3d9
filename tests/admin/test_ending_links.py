"""Where one decides to end tokens there is a link to do it, for who may; and what a revocation ends is said before."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import IssuedTokenFactory, UserFactory


def where(**which):
    return url("issuedtoken", "revoke_where") + "?" + urlencode(which)


def links(answer):
    return [html.unescape(link) for link in re.findall(r'<a href="([^"]+)"', answer.content.decode())]


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def live(active, key, bob):
    return IssuedTokenFactory(
        certificate=active, user=bob, api_key=key, resource="hall & co", ip="192.0.2.7", issued_at=timezone.now()
    )


@pytest.fixture
def offered(rooms, active, key, live, bob):
    """Each page, and where it leads."""
    return {
        url("application", "change", rooms.pk): [where(application="rooms")],
        url("certificate", "change", active.pk): [where(certificate=active.pk)],
        url("apikey", "change", key.pk): [where(key=key.public_id)],
        url("issuedtoken", "person", bob.pk): [where(user=bob.pk)],
        url("issuedtoken", "change", live.pk): [
            where(user=bob.pk),
            where(application="rooms", room="hall & co"),
            where(ip="192.0.2.7"),
        ],
    }


def test_each_page_leads_to_ending_its_tokens(site, offered):
    for page, leads in offered.items():
        there = links(site.get(page))
        assert [link for link in leads if link not in there] == [], page
        for link in leads:
            assert "Live tokens 1" in words(site.get(link)), link


def test_who_may_end_nothing_is_not_led_there(viewer, offered):
    for page in offered:
        assert "revoke-where" not in viewer.get(page).content.decode(), page


def test_a_token_that_names_less_offers_less(site, active):
    token = IssuedTokenFactory(certificate=active, resource="", ip=None)
    token.user.delete()
    assert "revoke-where" not in site.get(url("issuedtoken", "change", token.pk)).content.decode()


@pytest.mark.parametrize("model", ["certificate", "apikey"])
def test_a_revocation_says_before_what_ends_with_it(site, live, active, key, model):
    row = {"certificate": active, "apikey": key}[model]
    told = words(site.get(url(model, "revoke", row.pk)))
    assert "Live tokens 1 People 1 Pairs that close 0" in told
    assert re.search(r"at the next join: 1, until [\d:]+, in 9 min, at the latest", told)
