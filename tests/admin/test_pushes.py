"""What the pages say of vendors that are told, were told, or were not."""

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from example_project.standins import pushing as standins
from example_project.standins.server import Silence, StandIn, in_json
from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.factories import ApplicationFactory
from tests.pushes import agora_token, told
from token_issuer.models import PushState, VendorPush

WHAT_HAPPENS = "keeps them out until the token has ended: another token for the same user does not let them in either."


@pytest.fixture
def vendor():
    with StandIn(standins.agora) as vendor:
        yield vendor


@pytest.fixture
def calls(db, vendor):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    told(calls, vendor.url)
    return calls


@pytest.fixture
def call(calls):
    return agora_token(calls, issued_at=timezone.now())


def revoke(site, *tokens):
    ids = [str(token.pk) for token in tokens]
    return site.post(url("issuedtoken", "revoke_selected"), {"token": ids, "reason": "lost"})


def test_the_confirmation_says_whom_else_it_hits(site, call):
    assert WHAT_HAPPENS in text_of(site.get(url("issuedtoken", "revoke", call.pk)))
    assert WHAT_HAPPENS in text_of(site.get(url("issuedtoken", "change", call.pk)))


@pytest.mark.parametrize("missing", ["certificate", "uid"])
def test_it_says_so_only_where_the_vendor_is_told(site, call, missing):
    if missing == "uid":
        call.subject = "alice"
        call.save()
    else:
        call.application.certificates.filter(purpose="call").update(revoked_at=timezone.now())
    for page in ("revoke", "change"):
        seen = text_of(site.get(url("issuedtoken", page, call.pk)))
        assert WHAT_HAPPENS not in seen
        assert "Agora checks tokens offline" in seen


def test_a_vendor_that_was_told(site, call, vendor):
    seen = text_of(revoke(site, call))
    assert len(vendor.asked) == 1
    assert "at once The vendor was told: " in seen
    page = text_of(site.get(url("issuedtoken", "change", call.pk)))
    assert "It really ends: at once" in page
    assert "The vendor was told: " in page
    assert WHAT_HAPPENS in page


def test_a_vendor_that_refuses_for_good(site, call, vendor):
    vendor.answer = lambda _asked: in_json({"message": "<b>no</b>"}, status=400)
    for page in (revoke(site, call), site.get(url("issuedtoken", "change", call.pk))):
        assert "The vendor was not told : refused: Agora answered 400: it does not take" in text_of(page)
        assert "at once" not in text_of(page)
        assert b"<b>no</b>" not in page.content


def test_what_was_given_up_is_told_again_by_a_button(site, client, call, vendor):
    vendor.answer = lambda _asked: in_json({}, status=400)
    revoke(site, call)
    button = url("issuedtoken", "tell_again", call.pk)
    assert button in site.get(url("issuedtoken", "change", call.pk)).content.decode()
    vendor.answer = standins.agora
    assert "Tell the vendor again?" in text_of(site.get(button))
    assert VendorPush.objects.get().state is PushState.FAILED
    page = text_of(site.post(button, follow=True))
    assert "The vendor is told again" in page
    assert "The vendor was told: " in page
    assert len(vendor.asked) == 2
    assert button not in site.get(url("issuedtoken", "change", call.pk)).content.decode()
    site.post(button)
    assert len(vendor.asked) == 2
    assert client.get(button).status_code == 302


def test_a_vendor_that_will_be_told_again(site, call, vendor):
    vendor.answer = lambda _asked: in_json({}, status=500)
    seen = "The vendor has not been told yet and will be told again : failed: Agora answered 500."
    assert seen in text_of(revoke(site, call))
    assert seen in text_of(site.get(url("issuedtoken", "change", call.pk)))


def test_many_are_waited_for_together(site, calls, vendor, monkeypatch):
    monkeypatch.setattr("token_issuer.services.pushing.Patience.__init__.__defaults__", (0.5,))
    vendor.answer = lambda _asked: Silence.HANG
    tokens = [agora_token(calls, issued_at=timezone.now()) for _ in range(4)]
    began = time.monotonic()
    seen = text_of(revoke(site, *tokens))
    assert time.monotonic() - began < 5
    assert len(vendor.asked) == 1
    assert "failed: " not in seen
    assert seen.count("The vendor will be told in a moment") == 3
    assert {push.state for push in VendorPush.objects.all()} == {PushState.WAITING}
