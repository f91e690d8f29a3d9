"""What is pasted stays in the form while it is tested, and what is shown once can be copied and saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import application, at, one
from tests.e2e.doing import add_rooms
from tests.e2e.looking import look

if TYPE_CHECKING:
    from tests.e2e.admin_pages import Rows
    from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e

SECRET = "f" * 40


@pytest.fixture
def chief(staff: Callable[..., Person]) -> Person:
    return staff("admin", permissions=["clipboard-read", "clipboard-write"])


def test_form_stays_filled_while_its_secret_is_tested(chief: Person, rows: Rows) -> None:
    page, before = chief.page, one(rows, "select count(*) from token_issuer_auditevent")
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
    assert SECRET not in page.content()
    assert look(page) == []
    assert rows("select 1 from token_issuer_application where name = 'Tested rooms'") == []
    assert one(rows, "select count(*) from token_issuer_auditevent") == before


@pytest.mark.parametrize(("secret", "said"), [("f" * 40, "It works"), ("short", "It does not work yet.")])
def test_without_its_module_the_test_of_a_secret_answers_in_a_tab_of_its_own(
    chief: Person, secret: str, said: str
) -> None:
    page = chief.page
    page.context.route("**/try*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    chief.go("/admin/token_issuer/application/add/?provider=videosdk")
    page.locator("#id_public_id").fill("11111111-2222-4333-8444-555555555555")
    page.locator("#id_secret-secret").fill(secret)
    with page.context.expect_page() as opened:
        chief.press("Test it")
    expect(opened.value.locator("#tried")).to_contain_text(said)
    assert secret not in opened.value.content()
    assert look(opened.value) == []
    expect(page.locator("#id_secret-secret")).to_have_value(secret)


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


def test_leaked_certificate_is_replaced_with_one_form_and_the_keyboard(chief: Person) -> None:
    add_rooms(chief, "leaky")
    page = chief.page
    page.get_by_role("link", name="Replace now, it leaked").press("Enter")
    page.get_by_label("Reason").fill("it was in a repository")
    page.get_by_label("Secret", exact=False).first.fill(SECRET)
    page.get_by_label("Reason").press("Enter")
    expect(page.get_by_text("is active now. The leaked certificate")).to_be_visible()
    expect(page.get_by_role("heading", name="What is left to do at the vendor")).to_be_visible()
    expect(page.get_by_text("whoever has the old secret can still make tokens there")).to_be_visible()
    assert look(page) == []
    page.get_by_role("link", name="Back to the application").click()
    rows = page.locator("[aria-labelledby=certificates-heading] tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="revoked")).to_have_count(1)


def test_rotation_goes_step_by_step(chief: Person, rows: Rows) -> None:
    add_rooms(chief, "turning")
    page = chief.page
    make_temporary(chief, rows, "turning")
    at("application/{id}/change/", id=application("turning"))(chief, rows)
    page.get_by_role("link", name="Rotate step by step (sign)").click()
    now = page.locator("li[aria-current=step]")
    expect(now).to_contain_text("Stage a new certificate")
    page.locator("#id_secret-secret").fill(SECRET)
    chief.press("Stage")
    expect(now).to_contain_text("Activate it")
    assert states(rows, "turning") == [(1, 0, 0), (None, 0, 0)]
    chief.press("Activate")
    expect(now).to_contain_text("Wait until the tokens of the old one have ended")
    assert states(rows, "turning") == [(None, 1, 0), (1, 0, 0)]
    assert look(page) == []
    page.get_by_label("End these tokens here all the same").check()
    chief.press("Retire")
    expect(page.get_by_text("the rotation is complete")).to_be_visible()
    expect(now).to_contain_text("Stage a new certificate")
    assert states(rows, "turning") == [(None, 1, 1), (1, 0, 0)]


def make_temporary(chief: Person, rows: Rows, slug: str) -> None:
    """Make a token that needs the certificate."""
    at("application/{id}/temporary/", id=application(slug))(chief, rows)
    chief.page.get_by_label("Room", exact=False).first.fill("room-1")
    chief.page.locator("#content-main .submit-row [type=submit].default").click()
    expect(chief.page.get_by_text("This is shown once.")).to_be_visible()


def states(rows: Rows, slug: str) -> list[tuple[int | None, int, int]]:
    """Of each certificate, oldest first: in use, put out of use, ended."""
    asked = """select active_slot, retiring_at is not null, retired_at is not null from token_issuer_certificate
        where application_id = ? order by id"""
    return [tuple(row) for row in rows(asked, application(slug)(rows).replace("-", ""))]


def test_provider_is_changed_without_losing_the_name(chief: Person) -> None:
    page = chief.page
    page.goto(f"{chief.site}/admin/token_issuer/application/add/?provider=agora")
    page.locator("#id_name").fill("Kept rooms")
    page.get_by_label("Another provider").select_option("videosdk")
    page.get_by_role("button", name="Change to it").click()
    expect(page.get_by_role("heading", name="Add VideoSDK application")).to_be_visible()
    expect(page.locator("#id_name")).to_have_value("Kept rooms")
    expect(page.locator("#id_slug")).to_have_value("kept-rooms")
