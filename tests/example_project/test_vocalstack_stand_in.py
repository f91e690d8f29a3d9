"""VocalStack's stand-in as a program, and what browsers may do with it."""

from __future__ import annotations

import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from example_project.standins.vocalstack import API_KEY, VocalStack

ROOT = Path(__file__).resolve().parents[2]
GENERATE = "/security/generate-token"
SITE = {"Origin": "https://site.example"}


@pytest.fixture
def server():
    with VocalStack() as server:
        yield server


def token(address: str, **options: str) -> str:
    answer = httpx.get(address + GENERATE, params=options, headers={"Authorization": API_KEY})
    return str(answer.json()["data"])


def used(address: str, text: str, method: str = "GET") -> int:
    return httpx.request(
        method, f"{address}/async/transcribe/url", headers={"Authorization": f"Bearer {text}"}
    ).status_code


def test_it_runs_as_a_program():
    command = [sys.executable, "-W", "error", "-m", "example_project.standins.vocalstack", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        text = token(address)
        assert [used(address, text), used(address, text)] == [HTTPStatus.OK, HTTPStatus.UNAUTHORIZED]
        process.terminate()


def test_the_defaults_are_the_vendors(server):
    text = token(server.url)
    assert [used(server.url, text, "POST"), used(server.url, text)] == [HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED]


def test_a_token_is_good_until_it_expires(server):
    text = token(server.url, one_time="false", lifetime_s="1")
    assert [used(server.url, text), used(server.url, text)] == [HTTPStatus.OK, HTTPStatus.OK]
    time.sleep(1)
    assert used(server.url, text) == HTTPStatus.UNAUTHORIZED


def test_a_text_that_it_did_not_make_opens_nothing(server):
    assert used(server.url, "tok_TEST") == HTTPStatus.UNAUTHORIZED


def test_a_page_may_use_tokens(server):
    preflight = httpx.options(f"{server.url}/async/transcribe/url", headers=SITE)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (HTTPStatus.NO_CONTENT, "*")
    answer = httpx.get(f"{server.url}/data", headers={**SITE, "Authorization": f"Bearer {token(server.url)}"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (HTTPStatus.OK, "*")


def test_a_page_may_not_make_them(server):
    answer = httpx.get(server.url + GENERATE, headers={**SITE, "Authorization": API_KEY})
    assert "access-control-allow-origin" not in answer.headers
    assert httpx.options(server.url + GENERATE, headers=SITE).headers.get("access-control-allow-origin") is None
