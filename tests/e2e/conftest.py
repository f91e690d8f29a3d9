"""The example site as `make demo` serves it, and a browser that reports every error."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import serving
from tests.e2e.doing import press_at_notes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHECKOUT = Path(__file__).resolve().parents[2]
SCREENSHOTS = CHECKOUT / "var" / "screenshots"
PASSWORD = secrets.token_urlsafe(9)


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
    with serving.example_site(folder, password=PASSWORD) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; ``scripts/browser`` finds or installs it."""
    with serving.chromium() as started:
        yield started


@dataclass
class Person:
    """Somebody at a browser of their own. ``errors`` is what the console said, violations of the CSP included."""

    page: Page
    site: str
    errors: list[str]
    password: str = PASSWORD

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.site}/sign-in/")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(self.password)
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


@pytest.fixture
def token(person: Callable[..., Person], sessions: Callable[[str], Any], rows: Callable[..., list[sqlite3.Row]]) -> str:
    """A token that guest gets now: of older ones nobody knows what other tests have ended."""
    guest = person(storage_state=sessions("guest"))
    guest.go("/notes/")
    press_at_notes(guest, "Get one-time token")
    asked = """select t.id from token_issuer_issuedtoken t join auth_user u on u.id = t.user_id
        where u.username = 'guest' order by t.id desc limit 1"""
    return str(rows(asked)[0][0])


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
