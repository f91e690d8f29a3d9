"""What a token is: lines for people, JSON for programs, an exit code for scripts."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from tests.factories import AT, ApplicationFactory, RuleFactory, api_key, caller
from token_issuer.crypto import opaque
from token_issuer.models import ApiKeySecret, IssuedToken
from token_issuer.services import issuing
from token_issuer.services.telling import VERDICTS


@pytest.fixture
def text(user, rooms):
    return issuing.issue(caller(user), "rooms", body={"roomId": "a"}, at=AT).token.reveal()


@pytest.fixture
def inspect(run, typed):
    def inspect(text, *arguments, **options):
        typed(f"{text}\n")
        return run("token_issuer_inspect", *arguments, **options)

    return inspect


def test_a_good_token_in_lines(inspect, text, user, rooms):
    done = inspect(text)
    lines = done.out.splitlines()
    certificate, row = rooms.certificates.get(), IssuedToken.objects.get()
    assert (done.code, lines[-1]) == (0, "The token is good.")
    for line in (
        "provider: videosdk",
        "format: videosdk-jwt",
        f"public_id: {rooms.public_id}",
        f"subject: user-{user.pk}",
        "resource: a",
        "privileges: allow_join",
        "issued_at: 2026-03-01T12:00:00Z, 0 s ago",
        "expires_at: 2026-03-01T12:10:00Z, in 10 min",
        "  header alg: HS256",
        "  roomId: a",
        "problems: none",
        "applications: rooms",
    ):
        assert line in lines
    assert f"certificate: application rooms, key_id {certificate.key_id}, fingerprint" in done.out
    assert f"record: token_id {row.pk}, application rooms, standing live, user {user.pk}, " in done.out
    assert text not in done.out


def test_the_same_in_json(inspect, text, user, rooms):
    done = inspect(text, "-", "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["valid"], answer["verdict"]) == (0, True, "")
    assert (answer["expires_at"], answer["privileges"]) == ("2026-03-01T12:10:00Z", ["allow_join"])
    assert answer["certificate"]["state"] == "active"
    assert answer["record"]["token_id"] == str(IssuedToken.objects.get().pk)
    assert text not in done.out


def test_a_token_that_is_not_good_ends_with_1(inspect, text):
    done = inspect(text, at=AT + timedelta(minutes=22))
    assert (done.code, done.err) == (1, "The token is not good: it has expired.")
    assert "expires_at: 2026-03-01T12:10:00Z, 12 min ago" in done.out
    assert "good" not in done.out


def test_json_says_so_too(inspect, text):
    done = inspect(text, "--json", at=AT + timedelta(minutes=22))
    answer = json.loads(done.out)
    assert (done.code, answer["valid"], answer["verdict"]) == (1, False, "expired")


def test_a_stranger_has_no_certificate_and_no_record(inspect, text, rooms):
    IssuedToken.objects.all().delete()
    rooms.certificates.all().delete()
    lines = inspect(text).out.splitlines()
    assert "certificate: none" in lines
    assert "record: none" in lines


def test_what_is_no_token_ends_with_2(inspect, db):
    done = inspect("hello")
    assert (done.code, done.out, done.err) == (2, "", "This is not a token of any provider here.")


def test_a_token_as_an_argument_is_refused_unread(run, text):
    done = run("token_issuer_inspect", text)
    assert (done.code, done.out) == (1, "")
    assert done.err == "A token on the command line stays in the shell's history. Pipe it in, or use --file PATH."


def test_from_a_file(run, text, tmp_path):
    (tmp_path / "token").write_text(f"\n{text}\n")
    assert run("token_issuer_inspect", "--file", str(tmp_path / "token")).code == 0


def test_a_file_that_is_not_there(run, tmp_path):
    done = run("token_issuer_inspect", "--file", str(tmp_path / "token"))
    assert (done.code, done.err) == (1, f"{tmp_path}/token cannot be read: No such file or directory.")


def test_a_terminal_is_asked(run, text, at_terminal):
    questions = at_terminal(f" {text} ")
    assert (run("token_issuer_inspect").code, questions) == (0, ["Token: "])


def test_without_a_database_it_tells_what_the_token_says(inspect, text):
    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        done = inspect(text)
    assert (done.code, done.err) == (
        1,
        "The token is not good: the database does not answer, so nothing of it is proved.",
    )
    assert "resource: a" in done.out


def test_every_verdict_is_a_sentence(inspect, text, monkeypatch, rooms):
    rooms.certificates.update(sealed_secret=None, reference="env:NOWHERE")
    done = inspect(text)
    assert done.err == f"The token is not good: {VERDICTS['untried']}."
    assert "unopened: " in done.out
    assert "'env:NOWHERE' is not set" in done.out


def test_sentences_say_why(inspect, text):
    out = inspect(text, at=AT + timedelta(minutes=22)).out.splitlines()
    assert "- expired 12 min ago" in out
    assert any(line.startswith("- signed by the active certificate") for line in out)
    assert "expired 12 min ago" in json.loads(inspect(text, "--json", at=AT + timedelta(minutes=22)).out)["sentences"]


def test_a_temporary_one_is_told(inspect, text):
    IssuedToken.objects.update(temporary=True)
    done = inspect(text)
    assert "- temporary: made by hand for a test, without asking policy" in done.out.splitlines()
    assert "temporary True" in done.out


def test_an_api_key_is_recognised_and_not_used(inspect, rooms):
    key, secret = api_key(application=rooms)
    done = inspect(f"{key.public_id}.{secret}")
    assert (done.code, done.out.splitlines()[-1]) == (0, "The token is good.")
    assert {"kind: api_key", "application: rooms", f"public_id: {key.public_id}"} <= set(done.out.splitlines())
    assert secret not in done.out
    assert ApiKeySecret.objects.get().last_used_at is None


def test_a_login_key_that_nobody_made(inspect, db):
    done = inspect(opaque.new(opaque.LOGIN_KEY).reveal())
    assert (done.code, done.err) == (1, "The token is not good: this site has no record of it.")


def test_a_short_token_is_good_and_still_works_once(inspect, user, rooms):
    application = RuleFactory(application=ApplicationFactory(slug="once", provider="own-once")).application
    made = issuing.issue(caller(user), application.slug, body={"lifetime": 120}, at=AT).token.reveal()
    done = inspect(made)
    assert (done.code, "- good once, and not used yet" in done.out.splitlines()) == (0, True)
    assert IssuedToken.objects.get().consumed_at is None


@pytest.mark.parametrize("pasted", ["Bearer {}", "Authorization: Bearer {}", '"{}"', "\n  {}  \n"])
def test_what_people_paste_around_it(inspect, text, pasted):
    assert inspect(pasted.format(text)).code == 0


def test_line_breaks_of_a_terminal(inspect, text):
    assert inspect("\n".join(text[start : start + 40] for start in range(0, len(text), 40))).code == 0


def test_what_it_should_be_for(inspect, text, user):
    assert inspect(text, "--resource", "a", "--subject", f"user-{user.pk}").code == 0
    done = inspect(text, "--resource", "b")
    assert (done.code, done.err) == (1, "The token is not good: resource differs: the token is for a, you expect b.")
    done = inspect(text, "--subject", "bob", "--json")
    assert (done.code, json.loads(done.out)["verdict"]) == (1, "subject_differs")
    assert any("you expect bob" in each for each in json.loads(done.out)["sentences"])


def test_what_the_vendors_sdk_says(inspect, text):
    line = next(line for line in inspect(text, "--code", "4022").out.splitlines() if line.startswith("videosdk 4022: "))
    (told,) = json.loads(inspect(text, "--code", "4022", "--json").out)["errors"]
    assert line == f"videosdk 4022: {told['meaning']}. {told['cure']}"


def test_a_code_is_explained_without_a_token_that_is_known(inspect, db):
    done = inspect("hello", "--code", "109")
    assert (done.code, done.err) == (2, "This is not a token of any provider here.")
    assert any(line.startswith("agora 109: ") for line in done.out.splitlines())


def test_it_is_logged_by_its_account(inspect, text, caplog):
    caplog.set_level("INFO", logger="token_issuer.security")
    inspect(text)
    (record,) = [each for each in caplog.records if each.event == "token_checked"]
    assert record.by.startswith("token_issuer_inspect by ")
    assert text not in str(vars(record))
