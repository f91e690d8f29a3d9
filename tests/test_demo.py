"""`make demo` on a machine that has never seen it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.papers import CHECKOUT

pytestmark = pytest.mark.engine("sqlite")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as a fresh clone of it would be."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    folder = tmp_path_factory.mktemp("clone")
    for name in names:
        if (CHECKOUT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, folder / name)
    return folder


def demo(clone: Path) -> str:
    ours = ("DJANGO_SETTINGS_MODULE", "TOKEN_ISSUER_ENCRYPTION_KEYS", "DATABASE_URL", "CACHE_URL", "DEBUG")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    command = [sys.executable, "scripts/demo"]
    done = subprocess.run(
        command, cwd=clone, env={**environment, "DEMO_EXIT": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shown(clone: Path) -> str:
    return demo(clone)


def test_one_token_of_each_application_is_shown_decoded(shown):
    assert "rooms (agora)" in shown
    assert "agora-007" in shown
    assert "classes (videosdk)" in shown
    assert "videosdk-jwt" in shown
    assert "api (own)" in shown
    assert "own-jwt" in shown
    assert "uploads (own-once)" in shown
    assert "own-opaque" in shown


def told_by_the_vendors(said: str) -> str:
    """What the demo says of vendors, which comes before the Python client."""
    return said.partition("scripts/live_with_vendors.py")[2].partition("scripts/live_with_client.py")[0]


@pytest.mark.parametrize(
    "line",
    [
        "The vendor computes it from the password that it has: host is logged in.",
        "The same key a second time is refused here: 400.",
        "The site asks for one with its API key: readwrite, for 60 s.",
        "The browser transcribes with it: 200; and once more: 401.",
        "The browser gets the access token (access_token, token_type, expires_in) and reads notes: 200.",
        "the server has renewed it: another token, good for 60 s, and",
        "reads notes: 200. The pair that is kept: version 2, live.",
        "host gets a token for room-42, and revokes it: pushed.",
        "stays out of room-42 for 3630 s.",
        "token_issuer_mint --temporary makes one for room-42, for 3600 s, without a rule.",
        "| The token is good.",
    ],
)
def test_vendors_do_what_they_do_with_tokens(shown, line):
    assert line in told_by_the_vendors(shown)


def test_stand_ins_are_said_to_be_stand_ins(shown):
    told = told_by_the_vendors(shown)
    assert told.count("the vendor itself is not called") == told.count("(a stand-in for it, at http://127.0.0.1:") == 3
    assert "(this site's own oauth/token plays the vendor)" in told
    assert re.search(r"Stand-ins .* until this ends:(\n  \w+ +http://127\.0\.0\.1:\d+){3}\n", shown)


def test_no_stand_in_stays_behind(shown):
    ports = re.findall(r"^  \w+ +http://127\.0\.0\.1:(\d+)$", shown, re.MULTILINE)
    assert len(ports) == 3
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def test_vendors_are_told_of_without_a_token_or_a_key(shown, clone):
    keys = json.loads((clone / "var" / "demo-vendors.json").read_text())
    secrets = [value for told in keys.values() for name, value in told.items() if name not in {"address", "account_id"}]
    assert [secret for secret in secrets if secret in shown] == []
    assert re.findall(r"007e|tok_|ti[olrs]_|eyJ", told_by_the_vendors(shown)) == []


def test_the_key_ring_is_written_for_its_owner_alone(shown, clone):
    assert (clone / ".env").stat().st_mode & 0o777 == 0o600


def told_by_the_client(said: str) -> str:
    """What the demo says after it has begun to talk of the Python client."""
    return said.partition("scripts/live_with_client.py")[2]


def test_the_python_client_lives_through_expiry_refresh_reuse_and_revocation(shown):
    told = told_by_the_client(shown)
    for line in (
        "and refreshed it first.",
        "One that lives for one second, after that second: 401.",
        "used twice: 201, then 401.",
        "refused. The site ends all that came from it.",
        "It revokes it, and asks again: not active.",
    ):
        assert line in told


def test_the_python_client_shows_no_token(shown):
    assert re.findall(r"ti[olrs]_|eyJ|ak_", told_by_the_client(shown)) == []


def test_the_servers_key_is_kept_for_its_owner_alone(shown, clone):
    kept = clone / "var" / "demo-server-key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() in shown


def test_a_second_run_keeps_people_and_applications(shown, clone):
    again = demo(clone)
    password = next(line for line in shown.splitlines() if "password" in line)
    public_id = next(line for line in shown.splitlines() if "apikey" in line)
    assert password in again
    assert public_id in again
    assert told_by_the_client(shown).count("\n") == told_by_the_client(again).count("\n")
    assert told_by_the_vendors(shown).count("\n") == told_by_the_vendors(again).count("\n")
    assert "TOKEN_ISSUER_API_SECRET" not in again
