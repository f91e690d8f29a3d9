"""The example site as `make demo` serves it, and a browser that reports every error."""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from example_project.standins.demo import vendors
from token_issuer.crypto import generating

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHECKOUT = Path(__file__).resolve().parents[2]
SCREENSHOTS = CHECKOUT / "var" / "screenshots"
PASSWORD = secrets.token_urlsafe(9)
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


# What the policy of a page kept from running; the browser's own words on the console may be worded in many ways.
WATCH = """addEventListener("securitypolicyviolation", (event) =>
    violated(`${event.violatedDirective}: ${event.blockedURI} ${event.sample} at ${event.sourceFile}`))"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the running site keeps its things."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def site(folder: Path) -> Iterator[str]:
    """The address of a running example site with demo data and a week of history, on a database of its own."""
    port = _free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DEBUG": "True",
        "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "CACHE_URL": "locmemcache://",
        "TOKEN_ISSUER_ENCRYPTION_KEYS": generating.new_ring_entry().reveal(),
        "DEMO_PASSWORD": PASSWORD,
        "ISSUER": f"http://127.0.0.1:{port}",
        "DEMO_VENDORS": str(folder / "vendors.json"),
    }
    with vendors(folder / "vendors.json"):
        yield from _served(environment, port=port, log=folder / "log")


def _served(environment: dict[str, str], *, port: int, log: Path) -> Iterator[str]:
    for command in (["migrate", "--verbosity", "0"], ["demo_data"], ["demo_history"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=CHECKOUT, env=environment, check=True)
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with log.open("w") as said:
        server = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=said, stderr=said)
    try:
        _await_answer(f"http://127.0.0.1:{port}/sign-in/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


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
    pytest.fail("the example site does not answer")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; ``scripts/browser`` finds or installs it."""
    path = os.environ.get("TOKEN_ISSUER_BROWSER") or _found_browser()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


def _found_browser() -> str:
    return subprocess.run(
        [CHECKOUT / "scripts" / "browser"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


@dataclass
class Person:
    """Somebody at a browser of their own. ``errors`` is what the console said, violations of the CSP included."""

    page: Page
    site: str
    errors: list[str]

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.site}/sign-in/")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def go(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(self.site + path)

    def press(self, name: str) -> None:
        """Click a button by its name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def shoot(self, name: str) -> None:
        """Keep a picture, for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def person(browser: Browser, site: str) -> Iterator[Callable[..., Person]]:
    """Makes a person; at the end of the test nobody's console may have reported an error."""
    people: list[Person] = []

    def make(*, refusals: Collection[int] = (), **options: Any) -> Person:
        """Make one. ``refusals`` are the statuses with which he lets the site refuse his calls."""
        people.append(_somebody(browser, site, refusals=refusals, **options))
        return people[-1]

    yield make
    said = [error for one in people for error in one.errors]
    for one in people:
        one.page.context.close()
    assert said == []


def _somebody(browser: Browser, site: str, *, refusals: Collection[int] = (), **options: Any) -> Person:
    context = browser.new_context(**options)
    made = Person(page=context.new_page(), site=site, errors=[])
    context.expose_binding("violated", lambda _source, what: made.errors.append(str(what)))
    context.add_init_script(WATCH)
    made.page.on("console", lambda message: made.errors.extend(_error_in(message, refusals)))
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    return made


def _error_in(message: ConsoleMessage, refusals: Collection[int]) -> list[str]:
    if message.type not in {"error", "warning"}:
        return []
    # The browser itself reports a refusal on the console; no page can keep it from doing so.
    refused = any(f"a status of {status} " in message.text for status in refusals)
    return [] if refused else [f"{message.text} {message.location}"]


@pytest.fixture(scope="session")
def sessions(browser: Browser, site: str) -> Callable[[str], Any]:
    """Returns the cookies of somebody who is signed in; everybody signs in once."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            context = browser.new_context()
            Person(page=context.new_page(), site=site, errors=[]).sign_in(name)
            known[name] = context.storage_state()
            context.close()
        return known[name]

    return of


@pytest.fixture
def staff(person: Callable[..., Person], sessions: Callable[[str], Any]) -> Callable[..., Person]:
    """Makes a person who is signed in to the admin: ``admin``, ``operator`` (ends, rotates) or ``auditor`` (sees)."""
    return lambda name="admin", **options: person(storage_state=sessions(name), **options)


@pytest.fixture(scope="session")
def visitor(browser: Browser, site: str, sessions: Callable[[str], Any]) -> Iterator[Person]:
    """The administrator going from page to page in one browser, which has the site's files already."""
    somebody = _somebody(browser, site, storage_state=sessions("admin"))
    yield somebody
    somebody.page.context.close()


@pytest.fixture(scope="session")
def rows(site: str, folder: Path) -> Iterator[Callable[..., list[sqlite3.Row]]]:
    """Asks the live site's database; it never writes."""
    connection = sqlite3.connect(f"file:{folder / 'site.sqlite3'}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    yield lambda query, *values: connection.execute(query, values).fetchall()
    connection.close()
