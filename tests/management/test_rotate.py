"""Exchanging a secret, one step a run."""

from __future__ import annotations

import pytest

from tests.factories import AT, VIDEOSDK_SECRET, CertificateFactory, caller
from token_issuer.models import Certificate, CertificateState, IssuedToken
from token_issuer.registry import get_provider
from token_issuer.services import issuing

NEW = "9" * 64
ACTIVE, STAGED, RETIRING = CertificateState.ACTIVE, CertificateState.STAGED, CertificateState.RETIRING
RETIRED, REVOKED = CertificateState.RETIRED, CertificateState.REVOKED


@pytest.fixture
def rotate(run, rooms, monkeypatch):
    monkeypatch.setenv("NEW", NEW)
    return lambda *arguments: run("token_issuer_rotate", "rooms", *arguments)


def rows() -> list[Certificate]:
    return list(Certificate.objects.order_by("pk"))


def states() -> list[CertificateState]:
    return [row.state for row in rows()]


@pytest.mark.parametrize("stage", [[], ["--stage"]])
def test_a_new_secret_is_staged_with_the_vendors_steps(rotate, stage):
    done = rotate("--secret-from-env=NEW", *stage)
    fresh = rows()[1]
    lines = done.out.splitlines()
    vendor = get_provider("videosdk").vendor
    assert (done.code, states()) == (0, [ACTIVE, STAGED])
    assert lines[0] == f"Staged {fresh.key_id} (fingerprint {fresh.fingerprint}). It does not sign yet."
    assert lines[1] == f"At {vendor.name} ({vendor.console_url}):"
    assert lines[2:-1] == [f"  {number}. {text}" for number, text in enumerate(vendor.rotation_steps, start=1)]
    assert lines[-1] == f"Then: token_issuer_rotate rooms --activate {fresh.key_id}"


def test_the_staged_one_is_activated_without_asking(rotate, user, typed):
    issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=AT)
    rotate("--secret-from-env=NEW")
    typed("")
    done = rotate("--activate")
    old, fresh = rows()
    assert (done.code, states()) == (0, [RETIRING, ACTIVE])
    assert done.out.splitlines() == [
        f"{fresh.key_id} (fingerprint {fresh.fingerprint}) signs from now on.",
        f"{old.key_id} (fingerprint {old.fingerprint}) is still honoured."
        " The last token made with it ends at 2026-03-01T12:10:00Z, in 10 min.",
        f"Then: token_issuer_rotate rooms --retire {old.key_id}",
    ]


def test_the_next_step_is_told_for_the_same_purpose(rotate):
    """The secret may be the one that signs: it is another certificate."""
    done = rotate("--purpose=call", "--secret-from-env=NEW")
    fresh = rows()[1]
    assert fresh.purpose == "call"
    step = f"rooms --purpose call --activate {fresh.key_id}"
    assert done.out.splitlines()[-1] == f"Then: token_issuer_rotate {step}"
    assert rotate(*step.split()[1:]).code == 0
    assert states() == [ACTIVE, ACTIVE]


def test_stage_and_activate_in_one_run(rotate):
    done = rotate("--secret-from-env=NEW", "--activate")
    assert (done.code, states()) == (0, [RETIRING, ACTIVE])
    assert "No token made with it is live: it can be retired now." in done.out


def test_with_nothing_staged_a_terminal_is_asked(rotate, at_terminal):
    questions = at_terminal(NEW)
    assert (rotate("--activate").code, questions, states()) == (0, ["Secret: "], [RETIRING, ACTIVE])


def test_a_new_secret_wins_over_the_staged_one(rotate, rooms):
    CertificateFactory(application=rooms, secret={"secret": "7" * 64})
    rotate("--secret-from-env=NEW", "--activate")
    assert states() == [RETIRING, STAGED, ACTIVE]


@pytest.mark.parametrize("name", ["key_id", "fingerprint"])
def test_of_several_staged_ones_one_is_named(rotate, rooms, name):
    first, _second = (CertificateFactory(application=rooms, secret={"secret": text * 64}) for text in "78")
    done = rotate("--activate")
    assert (done.code, done.err.startswith("2 certificates are staged; name one: --activate KEYID")) == (1, True)
    rotate("--activate", getattr(first, name))
    assert states() == [RETIRING, ACTIVE, STAGED]


def test_the_first_of_an_application_has_no_predecessor(rotate, rooms):
    rooms.certificates.all().delete()
    assert rotate("--secret-from-env=NEW", "--activate").out.endswith("signs from now on.\n")


def test_retiring(rotate):
    rotate("--secret-from-env=NEW", "--activate")
    old = rows()[0]
    done = rotate("--retire", old.key_id)
    assert (done.code, states()) == (0, [RETIRED, ACTIVE])
    assert done.out.endswith("is retired: tokens made with it are refused here.\n")


def test_the_active_one_does_not_retire(rotate):
    done = rotate("--retire", rows()[0].key_id)
    assert (done.code, "not in a state that allows this" in done.err) == (1, True)


def test_an_unknown_certificate_is_answered_with_those_there_are(rotate):
    (row,) = rows()
    assert rotate("--retire", "x").err == (
        f"rooms has no certificate 'x'. There are:\n  {row.key_id} (fingerprint {row.fingerprint}), active"
    )


def test_an_application_without_certificates(rotate, rooms):
    rooms.certificates.all().delete()
    assert rotate("--retire", "x").err == "rooms has no certificate 'x'. There are:\n  none"
    assert rotate("--leaked").err == "rooms has no active certificate; name the leaked one: --leaked KEYID."


def test_leaked_ends_the_old_one_and_its_tokens_at_once(rotate, user):
    issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=AT)
    done = rotate("--leaked", "--secret-from-env=NEW", "--reason=pushed to a public repository")
    old, fresh = rows()
    vendor = get_provider("videosdk").vendor
    assert (done.code, states(), old.reason) == (0, [REVOKED, ACTIVE], "pushed to a public repository")
    assert not IssuedToken.objects.live(AT).exists()
    assert done.out.splitlines()[:4] == [
        f"{fresh.key_id} (fingerprint {fresh.fingerprint}) signs from now on.",
        f"{old.key_id} (fingerprint {old.fingerprint}) is revoked, with every token made with it.",
        vendor.revocation_sentence,
        f"At {vendor.name} ({vendor.console_url}):",
    ]
    assert vendor.leak_steps[0] in done.out


def test_a_leaked_one_that_does_not_sign_is_only_revoked(rotate):
    rotate("--secret-from-env=NEW", "--activate")
    done = rotate("--leaked", rows()[0].key_id)
    assert (done.code, states()) == (0, [REVOKED, ACTIVE])


def test_the_leaked_secret_is_not_taken_again(rotate, typed):
    typed(VIDEOSDK_SECRET)
    done = rotate("--leaked", "--secret-stdin")
    assert (done.code, states()) == (1, [ACTIVE])
    assert done.err == "secret: is the secret of a certificate that this application has already (revoked)"


def test_a_bad_secret_is_not_quoted(rotate, typed):
    typed("short-and-secret")
    done = rotate("--secret-stdin")
    assert (done.code, "short-and-secret" in done.err) == (1, False)
    assert done.err.startswith("secret: must be")


def test_a_reference(rotate):
    rotate("--reference=env:NEW")
    assert rows()[1].reference == "env:NEW"


def test_another_purpose_is_the_providers_business(rotate):
    assert rotate("--purpose=seal").err == "VideoSDK has no purpose 'seal'; there are: sign, call."


def test_two_steps_at_once_are_refused(rotate):
    assert "not allowed with argument" in rotate("--stage", "--retire", "x").err
