"""A key before anything else: pasted, or written where git never looks."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.management.conftest import Ended

LINE = re.compile(r"TOKEN_ISSUER_ENCRYPTION_KEYS=(k1:[A-Za-z0-9+/]{43}=)\n")


@pytest.fixture
def no_ring(settings):
    settings.TOKEN_ISSUER = {}


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init")
    return tmp_path


def test_the_line_is_all_that_goes_to_standard_output(run, no_ring):
    done = run("token_issuer_init")
    assert LINE.fullmatch(done.out)
    assert '"ENCRYPTION_KEYS": os.environ.get("TOKEN_ISSUER_ENCRYPTION_KEYS", "")' in done.err


def test_the_line_is_a_ring(run, no_ring, settings):
    entry = run("token_issuer_init").out.partition("=")[2].strip()
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": entry}
    from token_issuer.crypto import keyring

    assert keyring.ring().sealing_key.key_id == "k1"


def test_a_second_key_gets_an_id_of_its_own(run, settings):
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": ["k1:whatever"]}
    done = run("token_issuer_init")
    assert done.out.startswith("TOKEN_ISSUER_ENCRYPTION_KEYS=k2:")
    assert "There is a key ring already (k1). Put the new entry in front of the others" in done.err


def test_a_malformed_ring_is_not_repeated(run, settings):
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": ["aBareKeyWithoutAnId"]}
    done = run("token_issuer_init")
    assert "There is a key ring already (malformed)" in done.err
    assert "aBareKey" not in done.err + done.out


def test_a_ring_of_the_wrong_kind_counts_as_one(run, settings, tmp_path):
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": 5}
    done = run("token_issuer_init", "--write", str(tmp_path / ".env"))
    assert (done.code, done.err) == (
        1,
        "The settings have a key ring already (unreadable); --write makes the first one only.",
    )


def test_write_makes_a_private_file_and_does_not_show_the_key(run, no_ring, tmp_path):
    done = run("token_issuer_init", "--write", str(tmp_path / ".env"))
    text = (tmp_path / ".env").read_text()
    assert LINE.fullmatch(text)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert text.partition("=")[2].strip() not in done.out + done.err


def test_write_appends_on_a_line_of_its_own_and_closes_the_file(run, no_ring, tmp_path):
    file = tmp_path / ".env"
    file.write_text("DEBUG=1")
    file.chmod(0o644)
    run("token_issuer_init", "--write", str(file))
    first, second = file.read_text().splitlines()
    assert (first, bool(LINE.fullmatch(second + "\n"))) == ("DEBUG=1", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("line", ["TOKEN_ISSUER_ENCRYPTION_KEYS=k1:x", "  export TOKEN_ISSUER_ENCRYPTION_KEYS ="])
def test_write_never_touches_a_ring_that_is_there(run, no_ring, tmp_path, line):
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")
    done = run("token_issuer_init", "--write", str(tmp_path / ".env"))
    assert done.code == 1
    assert "has a line TOKEN_ISSUER_ENCRYPTION_KEYS= already" in done.err
    assert (tmp_path / ".env").read_text() == f"A=1\n{line}\n"


def test_write_refuses_a_tracked_file(run, no_ring, repository):
    (repository / "env").write_text("A=1\n")
    git(repository, "add", "env")
    git(repository, "commit", "-m", "x")
    done = run("token_issuer_init", "--write", str(repository / "env"))
    assert (done.code, "is tracked by git" in done.err) == (1, True)
    assert (repository / "env").read_text() == "A=1\n"


def test_write_refuses_a_link_to_a_tracked_file(run, no_ring, repository, tmp_path_factory):
    (repository / "env").write_text("A=1\n")
    git(repository, "add", "env")
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(repository / "env")
    assert "is tracked by git" in run("token_issuer_init", "--write", str(link)).err


def test_write_warns_when_git_does_not_ignore_the_file(run, no_ring, repository):
    (repository / ".gitignore").write_text("ignored\n")
    warning = "git does not ignore"
    assert warning in run("token_issuer_init", "--write", str(repository / "seen")).err
    assert warning not in run("token_issuer_init", "--write", str(repository / "ignored")).err


def test_write_refuses_where_git_cannot_say(run, no_ring, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run("token_issuer_init", "--write", str(tmp_path / ".env"))
    assert (done.code, "git cannot say whether it tracks" in done.err) == (1, True)
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("target", ["folder", "missing/.env"])
def test_write_says_why_it_cannot(run, no_ring, tmp_path, target):
    (tmp_path / "folder").mkdir()
    done = run("token_issuer_init", "--write", str(tmp_path / target))
    assert (done.code, "cannot be written:" in done.err) == (1, True)


def test_write_refuses_what_is_no_text(run, no_ring, tmp_path):
    (tmp_path / "db").write_bytes(b"\xff\xfe\x00")
    assert "cannot be written: it is no text" in run("token_issuer_init", "--write", str(tmp_path / "db")).err


def test_write_refuses_a_device(run, no_ring):
    assert "/dev/null is no ordinary file" in run("token_issuer_init", "--write", "/dev/null").err


UNFINISHED = """
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "token_issuer"]
"""


def manage(folder: Path, *arguments: str) -> Ended:
    """Run a command in a project whose settings are not finished: no SECRET_KEY, no database, no TOKEN_ISSUER."""
    (folder / "unfinished.py").write_text(UNFINISHED)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{folder}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "unfinished",
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [sys.executable, "-m", "django", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return Ended(out=done.stdout, err=done.stderr, code=done.returncode)


def test_it_runs_before_the_settings_are_finished(tmp_path):
    done = manage(tmp_path, "token_issuer_init")
    assert (done.code, bool(LINE.fullmatch(done.out))) == (0, True), done.err
    assert manage(tmp_path, "check").code == 1
