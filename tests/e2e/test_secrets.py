"""What is pasted stays in the form while it is tested, and what is shown once can be copied and saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e

SECRET = "f" * 40


@pytest.fixture
def chief(person: Callable[..., Person]) -> Person:
    made = person(permissions=["clipboard-read", "clipboard-write"])
    made.sign_in("admin")
    return made


def test_form_stays_filled_while_its_secret_is_tested(chief: Person) -> None:
    page = chief.page
    page.goto(f"{chief.site}/admin/token_issuer/application/add/?provider=videosdk")
    page.get_by_label("Name", exact=False).first.fill("Tested rooms")
    page.locator("#id_public_id").fill("11111111-2222-4333-8444-555555555555")
    page.locator("#id_secret-secret").fill("short")
    page.get_by_role("button", name="Test it").press("Enter")
    expect(page.locator("#token-issuer-tried")).to_contain_text("It does not work yet.")
    page.locator("#id_secret-secret").fill(SECRET)
    page.get_by_role("button", name="Test it").press("Enter")
    expect(page.locator("#token-issuer-tried")).to_contain_text("It works")
    expect(page.locator("#token-issuer-tried")).to_contain_text("Nothing was saved.")
    expect(page.locator("#id_secret-secret")).to_have_value(SECRET)
    expect(page.locator("#id_name")).to_have_value("Tested rooms")


def test_secret_of_a_key_is_copied_and_saved(chief: Person, tmp_path: Path) -> None:
    page = chief.page
    page.goto(f"{chief.site}/admin/token_issuer/apikey/add/")
    page.locator(".token-issuer-choices a").first.click()
    page.locator("#id_purpose").fill("nightly import")
    page.locator("#id_scopes input").first.check()
    page.get_by_role("button", name="Save").first.click()
    lines = page.locator("#once-lines").inner_text()
    assert re.search(r"TOKEN_ISSUER_API_SECRET=tis_\w+", lines)
    page.get_by_role("button", name="Copy the lines").click()
    expect(page.locator("#once-said")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == lines.strip()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a file").click()
    download.value.save_as(tmp_path / "key.env")
    assert (tmp_path / "key.env").read_text().strip() == lines.strip()
    assert download.value.suggested_filename.endswith(".env")
