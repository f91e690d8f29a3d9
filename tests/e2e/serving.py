"""The example site in a process of its own, and a browser: for the tests, and for the pictures of the documentation."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from playwright.sync_api import sync_playwright

from example_project.standins.demo import vendors
from token_issuer.crypto import generating

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHECKOUT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]

# What takes minutes with millions of tokens takes several answers with thousands, on every machine.
ONE_BATCH_A_POST = """import sys, django
from django.core.management import execute_from_command_line
django.setup()
from token_issuer.admin import revoking_where
revoking_where.SECONDS = 0.0
execute_from_command_line(["manage.py", *sys.argv[1:]])"""


@contextmanager
def example_site(folder: Path, *, password: str) -> Iterator[str]:
    """Serve the example site with demo data and a week of history from this folder; yields its address."""
    port = _free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DEBUG": "True",
        "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "CACHE_URL": "locmemcache://",
        "TOKEN_ISSUER_ENCRYPTION_KEYS": generating.new_ring_entry().reveal(),
        "DEMO_PASSWORD": password,
        "ISSUER": f"http://127.0.0.1:{port}",
        "DEMO_VENDORS": str(folder / "vendors.json"),
    }
    with vendors(folder / "vendors.json"), (folder / "log").open("w") as said:
        for command in (["migrate", "--verbosity", "0"], ["demo_data"], ["demo_history"]):
            _manage(*command, environment=environment, log=said)
        server = subprocess.Popen(
            [sys.executable, "-c", ONE_BATCH_A_POST, "runserver", "--noreload", f"127.0.0.1:{port}"],
            cwd=CHECKOUT,
            env=environment,
            stdout=said,
            stderr=said,
        )
        try:
            _await_answer(f"http://127.0.0.1:{port}/sign-in/")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=10)


def _manage(*command: str, environment: dict[str, str], log: IO[str]) -> None:
    """Run one of the site's commands; what it says is kept in the log, with what the server says."""
    subprocess.run(
        [sys.executable, "manage.py", *command], cwd=CHECKOUT, env=environment, stdout=log, stderr=log, check=True
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(url: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    msg = "the example site does not answer"
    raise TimeoutError(msg)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    path = os.environ.get("TOKEN_ISSUER_BROWSER") or _found_browser()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


def _found_browser() -> str:
    return subprocess.run(
        [CHECKOUT / "scripts" / "browser"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
