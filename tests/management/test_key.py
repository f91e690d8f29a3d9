"""API keys from the command line."""

from __future__ import annotations

import re
import stat
from datetime import timedelta

import pytest

from tests.factories import AT, UserFactory, api_key
from token_issuer.crypto import TokenText
from token_issuer.models import ApiKey, ApiKeySecret, AuditEvent, AuditKind
from token_issuer.services import authenticating

LINES = re.compile(r"TOKEN_ISSUER_API_KEY=(ak_\w{22})\nTOKEN_ISSUER_API_SECRET=(tis_\w{49})\n")


@pytest.fixture
def create(run, rooms):
    return lambda *arguments: run("token_issuer_key", "create", "rooms", "--purpose", "nightly import", *arguments)


def known(public_id, secret, at=AT) -> ApiKey:
    return authenticating.api_key(public_id, TokenText(secret), ip=None, at=at)


def test_the_lines_are_all_that_goes_to_standard_output(create):
    done = create("--scope", "tokens:issue", "--scope", "tokens:revoke")
    found = LINES.fullmatch(done.out)
    assert found
    assert known(*found.groups()).scopes == ["tokens:issue", "tokens:revoke"]
    assert done.err == "This is shown once. Put it where the server keeps its secrets; it cannot be read again.\n"


def test_what_was_said_is_kept(create, user):
    other = UserFactory(username="eve")
    create("--owner", "ada", "--acts-as", "eve", "--network", "10.0.0.0/8", "--may-sign", "--expires-in", "90d")
    key = ApiKey.objects.get()
    assert (key.purpose, key.owner, key.acts_as, key.networks) == ("nightly import", user, other, ["10.0.0.0/8"])
    assert (key.may_sign, key.expires_at, key.application.slug) == (True, AT + timedelta(days=90), "rooms")


@pytest.mark.parametrize(("arguments", "expires_at"), [([], AT + timedelta(days=365)), (["--never-expires"], None)])
def test_a_key_lives_a_year_unless_it_shall_not(create, arguments, expires_at):
    create(*arguments)
    assert ApiKey.objects.get().expires_at == expires_at


def test_what_does_not_fit_is_named(create):
    done = create("--scope", "nothing", "--network", "home")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "scopes: there is no nothing; there are tokens:introspect, tokens:issue, tokens:revoke",
        "networks: 'home' is no network such as 10.0.0.0/8; host bits must be zero",
    ]


def test_an_application_that_is_not_there_is_named(run, rooms):
    done = run("token_issuer_key", "create", "halls", "--purpose", "x")
    assert (done.code, done.err) == (1, "There is no application 'halls'; there are: rooms.")


def test_a_file_gets_the_lines_and_nothing_shows_them(create, tmp_path):
    file = tmp_path / "env"
    file.write_text("DEBUG=1")
    done = create("--env-file", str(file))
    first, rest = file.read_text().split("\n", 1)
    found = LINES.fullmatch(rest)
    assert found
    assert known(*found.groups()) == ApiKey.objects.get()
    assert (first, stat.S_IMODE(file.stat().st_mode)) == ("DEBUG=1", 0o600)
    assert found[2] not in done.out + done.err
    assert done.out.startswith(f"Wrote TOKEN_ISSUER_API_KEY and TOKEN_ISSUER_API_SECRET to {file}")


@pytest.mark.parametrize("name", ["TOKEN_ISSUER_API_KEY", "TOKEN_ISSUER_API_SECRET"])
def test_no_key_is_made_that_the_file_cannot_keep(create, tmp_path, name):
    file = tmp_path / "env"
    file.write_text(f"export {name}=x\n")
    done = create("--env-file", str(file))
    assert done.err == f"{file} has a line {name}= already; name another file, or take the line out."
    assert (done.code, ApiKey.objects.count(), file.read_text()) == (1, 0, f"export {name}=x\n")


def test_a_refused_key_leaves_no_file_behind(create, tmp_path):
    assert create("--scope", "nothing", "--env-file", str(tmp_path / "env")).code == 1
    assert not (tmp_path / "env").exists()


def test_rotating_prints_the_new_secret(run, rooms):
    key, old = api_key(application=rooms)
    done = run("token_issuer_key", "rotate", key.public_id)
    found = LINES.fullmatch(done.out)
    assert found
    assert known(*found.groups()) == known(key.public_id, old) == key
    assert "The secret before works until 2026-03-02T12:00:00Z." in done.err


def test_a_leaked_secret_is_replaced_at_once(run, rooms):
    key, _old = api_key(application=rooms)
    done = run("token_issuer_key", "rotate", key.public_id, "--overlap", "0")
    assert "The secret before is refused from now on." in done.err
    assert ApiKeySecret.objects.filter(revoked_at__isnull=True).count() == 1


def test_a_rotation_can_be_written_to_a_file(run, rooms, tmp_path):
    key, _old = api_key(application=rooms)
    done = run("token_issuer_key", "rotate", key.public_id, "--env-file", str(tmp_path / "env"))
    assert LINES.fullmatch((tmp_path / "env").read_text())
    assert "tis_" not in done.out + done.err


@pytest.mark.parametrize(("overlap", "told"), [("31d", "overlap: must be 0 to"), ("soon", "A lifetime must be whole")])
def test_an_overlap_that_does_not_fit_is_refused(run, rooms, overlap, told):
    key, _old = api_key(application=rooms)
    done = run("token_issuer_key", "rotate", key.public_id, "--overlap", overlap)
    assert (done.code, told in done.err, ApiKeySecret.objects.count()) == (1, True, 1)


def test_revoking_says_so(run, rooms):
    key, _secret = api_key(application=rooms)
    told = [run("token_issuer_key", "revoke", key.public_id, "--reason", "leaked").out for _ in range(2)]
    assert told == [
        f"{key.public_id} is revoked, with every token that it issued.\n",
        f"{key.public_id} had been revoked before.\n",
    ]
    assert AuditEvent.objects.get(kind=AuditKind.API_KEY_REVOKED).detail["reason"] == "leaked"


@pytest.mark.parametrize("action", [["rotate"], ["revoke", "--reason", "x"]])
def test_a_key_that_is_not_there_is_named(run, db, action):
    done = run("token_issuer_key", action[0], "ak_0", *action[1:])
    assert (done.code, done.err) == (1, "There is no API key 'ak_0'; `token_issuer_key list` tells which there are.")


def test_the_list_tells_how_each_stands(run, rooms, calls):
    key, _secret = api_key(application=rooms)
    ended, _secret = api_key(application=rooms, revoked_at=AT)
    other, _secret = api_key(application=calls, expires_at=AT + timedelta(days=1))
    assert run("token_issuer_key", "list").out.splitlines() == [
        f"{other.public_id}  calls  until 2026-03-02T12:00:00Z  for tests",
        f"{key.public_id}  rooms  live  for tests",
        f"{ended.public_id}  rooms  revoked  for tests",
    ]
    assert run("token_issuer_key", "list", "calls").out.count("\n") == 1
