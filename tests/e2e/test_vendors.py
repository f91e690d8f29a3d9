"""The desk with vendors that must be asked: each has its form, and what it gives is shown without being read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


def ask(page, name):
    page.get_by_role("radio", name=name).check()
    page.get_by_role("button", name="Get token").click()


def answer(page):
    return page.get_by_role("region", name="Your token")


def test_a_vendors_token_is_shown_though_nobody_here_can_read_it(person):
    guest = person(refusals={400})
    guest.sign_in("guest")
    ask(guest.page, "Transcripts")
    expect(answer(guest.page)).to_contain_text("readonly")
    expect(answer(guest.page)).to_contain_text("its vendor's cloud")
    expect(answer(guest.page)).to_contain_text("not at all: ask for another")
    expect(answer(guest.page)).to_contain_text("nothing that anybody else can read")
    expect(guest.page.get_by_role("timer")).to_have_text(re.compile("00:(10|0[0-9])"))


def test_whoever_connects_gets_what_the_server_keeps(person):
    guest = person(refusals={400, 403})
    guest.sign_in("guest")
    ask(guest.page, "Connectify")
    expect(guest.page.get_by_role("alert")).to_contain_text("You are not connected to that vendor yet.")
    guest.page.get_by_role("button", name="Connect").click()
    ask(guest.page, "Connectify")
    expect(answer(guest.page)).to_contain_text("connectify (oauth-client)")
    guest.shoot("connectify")


def test_an_application_may_take_its_grant_alone(person):
    guest = person(refusals={403})
    guest.sign_in("guest")
    guest.page.get_by_role("radio", name="Phone").check()
    expect(guest.page.get_by_label("Lifetime")).to_have_count(0)
    guest.page.get_by_label("Login key").fill("k" * 32)
    guest.page.get_by_role("button", name="Get token").click()
    expect(guest.page.get_by_role("alert")).to_contain_text("no account at the vendor yet")
