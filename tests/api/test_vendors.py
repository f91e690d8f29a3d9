"""What callers see of a vendor that is asked."""

from __future__ import annotations

import pytest

from tests.factories import SPEECH_LIMIT, VOCALSTACK_KEY
from token_issuer.models import IssuedToken


def test_the_answer_is_ready_for_the_vendors_sdk(browser, speech, vocalstack):
    answer = browser.issue("speech", access="readwrite", lifetime=60)
    said = answer.json()
    assert (answer.status_code, said["token"] in vocalstack.given) == (201, True)
    assert said["sdk"] == {"authToken": said["token"]}
    assert (said["expires_in"], said["renew_at"], said["revocation"], said["privileges"]) == (
        60,
        None,
        "at_expiry",
        ["readwrite"],
    )


@pytest.mark.parametrize(
    ("mode", "reason", "description"),
    [
        ("refuse", "refused", "VocalStack refused: 401 Unauthorized."),
        ("fail", "failed", "VocalStack has trouble of its own: 503 Service Unavailable."),
        ("garbage", "garbled", "The vendor's answer is no JSON."),
        ("drop", "dropped", "The vendor ended the connection without an answer."),
    ],
)
def test_a_failure_has_its_reason_and_never_the_key(browser, speech, vocalstack, mode, reason, description):
    vocalstack.mode = mode
    answer = browser.issue("speech", lifetime=5)
    said = answer.json()
    assert (answer.status_code, said["error"], said["reason"]) == (502, "vendor_unavailable", reason)
    assert (said["error_description"], said["retry_after"], answer["Retry-After"]) == (description, 5, "5")
    assert VOCALSTACK_KEY not in answer.content.decode()
    assert "authToken" not in said


def test_a_limit_is_told_before_the_vendor_is_asked(browser, speech, vocalstack):
    statuses = [browser.issue("speech", lifetime=5).status_code for _ in range(SPEECH_LIMIT + 1)]
    assert statuses == [201] * SPEECH_LIMIT + [429]
    assert len(vocalstack.orders) == SPEECH_LIMIT


@pytest.mark.parametrize("key", ["ключ-которого-нет", "line\r\nX-Admin: 1"])
def test_a_key_that_cannot_be_sent_is_the_sites_trouble(browser, speech, vocalstack, monkeypatch, key, caplog):
    """One that is referred to is looked at when it is used, and no earlier."""
    monkeypatch.setenv("VOCALSTACK_API_KEY", key)
    speech.certificates.update(sealed_secret=None, reference="env:VOCALSTACK_API_KEY")
    answer = browser.issue("speech", lifetime=5)
    assert (answer.status_code, answer.json()["error"], vocalstack.asked) == (503, "unavailable", [])
    assert "The header 'Authorization' for the vendor has characters" in caplog.text
    assert key not in caplog.text + answer.content.decode()


def test_revoking_says_when_it_works(browser, speech):
    token = browser.issue("speech", lifetime=60).json()["token_id"]
    assert browser.post(f"tokens/{token}/revoke/").json()["revocation"] == "at_expiry"
    assert IssuedToken.objects.get().revoked_at is not None
