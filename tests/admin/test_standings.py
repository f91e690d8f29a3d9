"""A state is a word with an icon before it, never an icon or a colour alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import (
    ApplicationFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    VendorPairFactory,
)
from tests.papers import CHECKOUT
from token_issuer.admin.standings import STANDING_LABELS, standing, state
from token_issuer.models import CertificateState, PairStanding, Standing

WEEK = timedelta(days=7)


def shown(word, label):
    return (
        f'<span class="token-issuer-state token-issuer-state-{word}">'
        f'<span class="token-issuer-icon" aria-hidden="true"></span>{label}</span>'
    )


def test_state_is_a_word_behind_an_icon_that_is_not_read_out():
    assert state("live", "good < now") == shown("live", "good &lt; now")


def test_templates_show_states_alike():
    page = render_to_string("admin/token_issuer/includes/state.html", {"word": "live", "label": "good < now"})
    assert page == state("live", "good < now")


@pytest.mark.parametrize("of", [*Standing, *PairStanding, *CertificateState])
def test_every_standing_has_a_label(of):
    assert standing(of) == shown(of.value, STANDING_LABELS[of])


def test_icons_have_no_colours_of_their_own():
    rules = (CHECKOUT / "token_issuer" / "static" / "token_issuer" / "admin.css").read_text()
    states = [line for line in rules.splitlines() if "token-issuer-icon" in line]
    assert states
    colours = [colour for line in states for colour in re.findall(r"color: ([^;]+);", line)]
    assert all(colour.startswith("var(--") for colour in colours)


@pytest.mark.parametrize(
    ("model", "word", "label"),
    [
        ("issuedtoken", "live", "live"), ("tokenfamily", "live", "live"), ("onetimekey", "live", "live"),
        ("vendorpair", "live", "connected"), ("certificate", "active", "active"), ("apikey", "live", "live"),
        ("application", "on", "on"),
    ],
)  # fmt: skip
def test_lists_show_how_their_rows_stand(site, rooms, active, key, model, word, label):
    now = timezone.now()
    IssuedTokenFactory(certificate=active, issued_at=now)
    TokenFamilyFactory(application=rooms, idle_expires_at=now + WEEK, expires_at=now + WEEK)
    OneTimeKeyFactory(application=rooms, created_at=now)
    VendorPairFactory(ends_at=now + WEEK)
    assert shown(word, label) in site.get(url(model, "changelist")).content.decode()


def test_pages_show_how_their_row_stands(site, rooms, active, key):
    page = site.get(url("application", "change", rooms.pk)).content.decode()
    assert shown("on", "on") in page
    assert shown("active", "active") in page
    assert shown("active", "active") in site.get(url("certificate", "change", active.pk)).content.decode()
    assert shown("live", "works") in site.get(url("apikey", "change", key.pk)).content.decode()


def test_application_that_is_off_says_so(site):
    off = ApplicationFactory(disabled_at=timezone.now())
    assert shown("off", "off") in site.get(url("application", "changelist")).content.decode()
    assert shown("off", "off") in site.get(url("application", "change", off.pk)).content.decode()
