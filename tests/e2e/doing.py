"""What people do on the site before a test looks at it: ask for tokens, add an application; and many tokens at once."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from playwright.sync_api import expect

from token_issuer import ids

if TYPE_CHECKING:
    from datetime import datetime

    from tests.e2e.conftest import Person


def add_rooms(admin: Person, slug: str, *, secret: str = "a" * 40) -> None:
    """Add an application of a test's own, and stay on its page."""
    page = admin.page
    admin.go("/admin/token_issuer/application/add/?provider=videosdk")
    page.locator("#id_name").fill(slug)
    page.keyboard.press("Tab")
    expect(page.locator("#id_slug")).to_have_value(slug)  # made of the name
    page.locator("#id_public_id").fill("11111111-2222-4333-8444-555555555555")
    page.locator("#id_secret-secret").fill(secret)
    page.locator("#id_slug").press("Enter")
    expect(page.get_by_text("its first certificate is active")).to_be_visible()


def press_at_notes(somebody: Person, *buttons: str, status: int = 201) -> None:
    """Press buttons of the page about own tokens, each once the site has answered the one before."""
    newest = somebody.page.get_by_role("log").get_by_role("listitem").first
    for button in buttons:
        somebody.press(button)
        expect(newest).to_contain_text(re.compile(f"^{status}{button}"))


def add_copies(database: Path, number: int, *, of: str, at: datetime, **columns: Any) -> None:
    """Copy a row of the audit that the site wrote itself: as if so many had been issued, all in one second."""
    with sqlite3.connect(database, timeout=30) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("select * from token_issuer_issuedtoken where id = ?", [of]).fetchone()
        row = {**dict(found), "issued_at": _written(at), "expires_at": _written(at + timedelta(hours=4)), **columns}
        names = ", ".join(f":{name}" for name in row)
        statement = f"insert into token_issuer_issuedtoken ({', '.join(row)}) values ({names})"
        connection.executemany(statement, [row | _own(place, at) for place in range(number)])
    connection.close()


def _own(place: int, at: datetime) -> dict[str, str]:
    """Return what no two rows share; ids say when they were made."""
    row_id = UUID(int=ids.uuid7_floor(at).int | place << 32 | secrets.randbits(32)).hex
    digest = hashlib.sha256(row_id.encode()).hexdigest()
    return {"id": row_id, "digest": digest, "fingerprint": digest[:16]}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
