"""What a shell sees: exit codes, and no secret anywhere, even with a traceback."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from tests.factories import AGORA_APP_ID, VIDEOSDK_KEY
from tests.management.conftest import Ended


@pytest.fixture
def shell(live_process):
    def shell(*arguments: str, typed: str = "") -> Ended:
        with live_process(*arguments) as process:
            out, err = process.communicate(typed, timeout=60)
        return Ended(out=out, err=err, code=process.returncode)

    return shell


def test_from_an_empty_database_to_a_good_token(shell):
    secret = "a-secret-that-must-never-show-anywhere"
    added = shell(
        "token_issuer_add", "videosdk", "rooms", "--public-id", VIDEOSDK_KEY, "--secret-stdin", typed=f"{secret}\n"
    )
    doctor = shell("token_issuer_doctor", "--json")
    assert (added.code, doctor.code) == (0, 0), added.err + doctor.out + doctor.err
    assert secret not in added.out + added.err + doctor.out + doctor.err


def test_no_token_ends_with_2(shell):
    done = shell("token_issuer_inspect", typed="hello\n")
    assert (done.code, done.err) == (2, "CommandError: This is not a token of any provider here.\n")


def test_a_failing_doctor_ends_with_1(shell):
    assert shell("token_issuer_doctor", "--application=none").code == 1


def test_a_traceback_shows_no_secret(shell):
    bad = "not-hexadecimal-but-secret"
    arguments = ["token_issuer_add", "agora", "calls", "--public-id", AGORA_APP_ID, "--secret-stdin", "--traceback"]
    done = shell(*arguments, typed=bad)
    assert ("Traceback" in done.err, "certificate: must be 32 hexadecimal digits" in done.err) == (True, True)
    assert (done.code, bad in done.err + done.out) == (1, False)


@pytest.mark.parametrize("name", ["init", "add", "mint", "inspect", "rotate", "reseal", "doctor"])
def test_help_explains(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        call_command(f"token_issuer_{name}", "--help")
    assert len(capsys.readouterr().out.split("\n\n")) > 2
