"""Ending tokens from the command line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import (
    AT,
    ApiKeyFactory,
    CertificateFactory,
    IssuedTokenFactory,
    TokenFamilyFactory,
    UserFactory,
)
from tests.pushes import agora_token, told
from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditEvent, IssuedToken, RevocationEpoch
from token_issuer.services import ending_selected

IP = "192.0.2.1"
BECAUSE = "--reason=leak"


@pytest.fixture
def token(rooms, user):
    certificate = rooms.certificates.get()
    return IssuedTokenFactory(certificate=certificate, user=user, ip=IP, api_key=ApiKeyFactory(application=rooms))


@pytest.fixture
def other(rooms):
    """Of somebody else, from elsewhere, for another room."""
    return IssuedTokenFactory(resource="room-2", ip="192.0.2.2")


@pytest.fixture
def end(run):
    return lambda *arguments: run("token_issuer_revoke", *arguments, BECAUSE, "--no-input")


def live():
    return IssuedToken.objects.live(AT)


def named(token, name):
    """The arguments that name what this token has."""
    return {
        "user": ["--user", "ada"],
        "user's key": ["--user", str(token.user_id)],
        "application": ["--application=rooms"],
        "room": ["--application=rooms", "--room=room-1"],
        "certificate": ["--certificate", token.certificate.key_id],
        "fingerprint": ["--certificate", token.certificate.fingerprint, "--application=rooms"],
        "certificate's id": ["--certificate", token.certificate.pk.hex],
        "key": ["--key", token.api_key.public_id, "--application=rooms"],
        "ip": ["--ip", IP],
        "both": ["--user=ada", "--application=rooms"],
    }[name]


SETS = ["user", "user's key", "application", "room", "certificate", "certificate's id", "key"]


@pytest.mark.parametrize("name", [*SETS, "fingerprint", "ip", "both"])
def test_what_is_named_ends_and_nothing_else(end, token, other, name):
    done = end(*named(token, name))
    assert (done.code, live().get()) == (0, other)
    assert done.out.endswith("1 tokens and 0 pairs ended.\n")


@pytest.mark.parametrize("name", [*SETS, "fingerprint"])
def test_what_an_epoch_says_ends_in_one_go(end, token, name):
    assert "in one go" in end(*named(token, name)).out
    assert RevocationEpoch.objects.count() == 1


def test_a_deleted_person_is_named_by_his_key(end, token, user):
    key = str(user.pk)
    user.delete()
    end("--user", key)
    assert not live().exists()


def test_it_says_first_what_will_end_and_when(run, token):
    out = run("token_issuer_revoke", "--ip", IP, "--dry-run").out
    assert out.startswith(f"Selected: ip {IP}.\n1 live tokens of 1 people, and 0 pairs.\n")
    assert "  1 end at the next join, the last one in 10 min.\n" in out
    assert out.endswith("Nothing is ended.\n")
    assert live().get() == token


@pytest.mark.parametrize(("start", "end_", "found"), [("12:00", "12:01", 1), ("12:01", "12:02", 0)])
def test_a_window_is_in_the_sites_time_zone(run, settings, db, start, end_, found):
    settings.TIME_ZONE = "Etc/GMT-2"
    IssuedTokenFactory(pk=uuid7_floor(AT - timedelta(hours=2)))
    window = ["--from", f"2026-03-01T{start}", "--until", f"2026-03-01T{end_}"]
    assert f"\n{found} live tokens" in run("token_issuer_revoke", *window, "--dry-run").out


def test_a_window_may_have_an_offset(run, db):
    IssuedTokenFactory(pk=uuid7_floor(AT))
    assert "\n1 live tokens" in run("token_issuer_revoke", "--from=2026-03-01T14:00:00+02:00", "--dry-run").out


@pytest.mark.parametrize(("answer", "ends"), [("yes\n", True), ("YES\n", True), ("y\n", False), ("", False)])
def test_it_asks_before(run, typed, token, answer, ends):
    typed(answer)
    done = run("token_issuer_revoke", "--ip", IP, BECAUSE)
    assert "There is no undo" in done.out
    assert live().exists() is not ends
    assert (done.code, done.err) == ((0, "") if ends else (1, "Nothing is ended."))


def test_it_tells_how_far_it_is(end, token, other, monkeypatch):
    monkeypatch.setattr(ending_selected, "LARGEST_BATCH", 2)
    IssuedTokenFactory.create_batch(3, ip=IP, family=TokenFamilyFactory())
    assert end("--ip", IP).out.endswith("3 tokens and 1 pairs ended, 1 left.\n4 tokens and 1 pairs ended.\n")


def test_the_audit_keeps_the_reason_and_who_ran_it(end, token):
    end("--ip", IP)
    event = AuditEvent.objects.get()
    assert (event.detail["reason"], event.detail["of"]) == ("leak", f"ip {IP}")
    assert event.user_agent.startswith("token_issuer_revoke by ")


def test_it_says_who_has_yet_to_tell_the_vendor(end, calls):
    told(calls, "http://127.0.0.1:9")
    agora_token(calls)
    out = end("--application=calls").out
    assert "  1 end as the vendor is told.\n" in out
    assert out.endswith("Vendors were told of 0; 1 wait for token_issuer_push.\n")


def test_it_says_of_how_many_nobody_tells(end, calls, monkeypatch):
    monkeypatch.setattr("token_issuer.services.outbox.MOST", 1)
    told(calls, "http://127.0.0.1:9")
    agora_token(calls)
    agora_token(calls, subject="17")
    assert end("--application=calls").out.endswith("1 were too many for their vendor to be told.\n")


# One


def test_one_token_ends_with_its_pair(run, end, user):
    family = TokenFamilyFactory()
    token = IssuedTokenFactory(family=family, user=user)
    done = end("--token", str(token.pk))
    family.refresh_from_db()
    assert (done.code, family.closed_at, live().exists()) == (0, AT, False)
    assert done.out.splitlines()[0] == f"{token} of user-1 at {token.application.slug} ends at the next join."
    assert done.out.endswith("Revoked.\nIt really ends at the next join: 2026-03-01T12:10:00Z.\n")


def test_one_that_has_expired_ends_its_pair(end, user):
    family = TokenFamilyFactory()
    token = IssuedTokenFactory(family=family, user=user, issued_at=AT - timedelta(hours=1))
    IssuedTokenFactory(family=family, user=user)
    out = end("--token", str(token.pk)).out
    family.refresh_from_db()
    assert "has ended before: expired.\nIts pair is closed, and 1 other live tokens end with that.\n" in out
    assert (family.closed_at, live().exists()) == (AT, False)


def test_one_whose_vendor_is_told_says_so_first(end, calls):
    told(calls, "http://127.0.0.1:9")
    token = agora_token(calls)
    assert f"{token} of 16 at calls ends as the vendor is told.\n" in end("--token", str(token.pk)).out


def test_one_that_we_verify_ends_at_once(end, rooms):
    own = IssuedTokenFactory(certificate=CertificateFactory(application__provider="own"))
    assert end("--token", str(own.pk)).out.endswith("Revoked.\nIt really ends at once.\n")


def test_one_is_only_looked_at(run, token):
    assert run("token_issuer_revoke", "--token", str(token.pk), "--dry-run").out.endswith("Nothing is ended.\n")
    assert live().get() == token


def test_one_that_has_ended_stays_as_it_is(end, token):
    end("--token", str(token.pk))
    assert "has ended before: revoked." in end("--token", str(token.pk)).out
    assert AuditEvent.objects.count() == 1


# Refusals


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "Name what shall end: --token, or any of --user"),
        (["--token=x", "--ip=192.0.2.1"], "--token goes with none of the others."),
        (["--room=room-1"], "--room goes with --application."),
        (["--token=eyJhbGciOi"], "There is no token with this id."),
        (["--user=nobody"], "There is no user with the name or key 'nobody'."),
        (["--application=nowhere"], "There is no application 'nowhere'"),
        (["--certificate=none"], "There is no certificate 'none'."),
        (["--key=ak_none"], "There is no API key 'ak_none'."),
        (["--ip=here"], "'here' is not an IP address."),
        (["--from=now"], "'now' is no instant"),
        (["--from=2026-03-02", "--until=2026-03-01"], "--from must be before --until."),
    ],
)
def test_what_names_nothing_is_refused(end, token, arguments, error):
    done = end(*arguments)
    assert (done.code, done.err.startswith(error)) == (1, True)
    assert live().get() == token


@pytest.mark.parametrize(
    ("reason", "error"), [("", "--reason is required"), (" ", "--reason is required"), ("x" * 201, "--reason must be")]
)
def test_a_reason_is_required(run, token, reason, error):
    done = run("token_issuer_revoke", "--ip", IP, f"--reason={reason}", "--no-input")
    assert (done.code, done.err.startswith(error)) == (1, True)
    assert live().get() == token


def test_a_pasted_token_is_not_repeated(end, db):
    assert "eyJhbGciOi" not in end("--token=eyJhbGciOi").err


def test_a_name_that_two_certificates_have_is_no_name(end, rooms, calls):
    for application in (rooms, calls):
        CertificateFactory(application=application, key_id="twin")
    done = end("--certificate=twin")
    assert done.err.startswith("'twin' is more than one certificate. Use the id of one: ")
    assert end("--certificate=twin", "--application=rooms").code == 0


def test_somebody_elses_name_is_not_taken_for_a_deleted_key(end, token):
    UserFactory(username="bob")
    assert "0 live tokens" in end("--user=bob").out
    assert live().get() == token


def test_the_caller_is_nobody_of_the_site(end, token):
    end("--ip", IP)
    assert IssuedToken.objects.get().revoked_by is None
