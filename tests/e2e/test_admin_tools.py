"""The admin's tools: a key shown once, a file of the audit, a test token, what a token is, why, and the doctor."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.e2e.admin_pages import HOME, application, at, one, row
from tests.e2e.looking import look

pytestmark = pytest.mark.e2e


def submit(page):
    """Press the form's main button and wait for what it answers."""
    with page.expect_navigation():
        page.locator("#content-main .submit-row [type=submit].default").first.click()


def test_an_api_key_is_shown_once_copied_and_saved(staff, rows):
    admin = staff(permissions=["clipboard-read", "clipboard-write"])
    page = admin.page
    at("apikey/add/?application={id}", id=application("api"))(admin, rows)
    page.locator("#id_purpose").fill("Nightly mail")
    page.locator("input[name=scopes]").first.check()
    submit(page)
    secret = page.locator("#once-secret").inner_text()
    assert look(page) == []
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_role("status").filter(has_text="Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a file").click()
    saved = download.value.path().read_text()
    public_id = one(rows, "select public_id from token_issuer_apikey where purpose = 'Nightly mail'")
    assert saved == f"TOKEN_ISSUER_API_KEY={public_id}\nTOKEN_ISSUER_API_SECRET={secret}\n"
    page.reload()  # sends the form again
    assert secret not in page.content()
    assert one(rows, "select count(*) from token_issuer_apikey where purpose = 'Nightly mail'") == 1
    at("apikey/{id}/change/", id=row("apikey", "purpose = 'Nightly mail'"))(admin, rows)
    page.wait_for_load_state()
    assert secret not in page.content()
    with suppress(Error):  # Chromium kept nothing that it could show
        page.go_back()
    expect(page.locator("body")).not_to_contain_text(secret)


def test_the_exported_file_holds_the_rows_of_the_list(staff, rows):
    admin = staff()
    admin.go(f"{HOME}tokenfamily/")
    with admin.page.expect_download() as download:
        admin.page.get_by_role("button", name="JSON").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    *found, end = lines
    known = {row["id"] for row in rows("select id from token_issuer_tokenfamily")}
    assert {line["id"].replace("-", "") for line in found} == known
    assert end == {"complete": True, "rows": len(known)}
    assert one(rows, "select count(*) from token_issuer_auditevent where kind = 'exported'") >= 1


def test_a_temporary_token_is_made_shown_and_recognised(staff, rows):
    admin = staff()
    page = admin.page
    at("application/{id}/temporary/", id=application("classes"))(admin, rows)
    page.get_by_label("Room", exact=False).first.fill("class-e2e")
    submit(page)
    token = page.locator("pre.token-issuer-lines").first.inner_text().strip()
    assert look(page) == []
    assert one(rows, "select temporary from token_issuer_issuedtoken where resource = 'class-e2e'") == 1
    admin.go(f"{HOME}issuedtoken/check/")
    page.locator("#content-main textarea, #content-main input[type=text]").first.fill(token)
    submit(page)
    expect(page.locator("#checked")).to_contain_text("Good")
    assert look(page) == []


@pytest.mark.parametrize(("name", "answer"), [("host", "class-*"), ("outsider", "students")])
def test_why_or_why_not_names_the_rules(staff, rows, name, answer):
    admin = staff()
    page = admin.page
    before = one(rows, "select count(*) from token_issuer_auditevent")
    at("application/{id}/explain/", id=application("classes"))(admin, rows)
    page.get_by_label("User", exact=False).first.fill(name)
    page.get_by_label("Room", exact=False).first.fill("class-1")
    page.get_by_role("button", name="Explain").click()
    page.wait_for_load_state()
    expect(page.locator("#explained")).to_be_visible()
    expect(page.locator("#content-main")).to_contain_text(answer)
    assert look(page) == []
    assert one(rows, "select count(*) from token_issuer_auditevent") == before


def test_the_overview_counts_what_was_just_issued(staff, rows, person, sessions):
    admin = staff()
    admin.go(f"{HOME}issuedtoken/overview/")
    issued = admin.page.locator("section.token-issuer-figures").first.locator("tbody tr").first.locator("td").first
    before = int(issued.inner_text())
    host = person(storage_state=sessions("host"))
    calls = host.page.context.request
    csrf = calls.get(f"{host.site}/issuer/applications/").json()["csrf_token"]
    asked = {"channel": "room-42", "role": "publisher", "lifetime": 3600}
    address = f"{host.site}/issuer/applications/rooms/tokens/"
    assert calls.post(address, data=asked, headers={"X-CSRFToken": csrf}).ok
    admin.page.reload()
    assert int(issued.inner_text()) == before + 1


def test_the_doctor_looks_at_everything_and_tells_what_it_found(staff, rows):
    admin = staff()
    page = admin.page
    asked = "select count(*) from token_issuer_issuedtoken where revoked_at is not null"
    admin.go(f"{HOME}application/doctor/")
    expect(page.get_by_text("A quick look")).to_be_visible()
    page.get_by_label("Application").fill("classes")
    before = one(rows, asked)
    admin.press("Run the doctor")
    expect(page.get_by_text("Everything was looked at")).to_be_visible()
    found = page.locator(".token-issuer-findings li")
    expect(found.filter(has_text="classes").first).to_be_visible()
    assert one(rows, asked) == before + 1
    assert one(rows, "select count(*) from django_admin_log where change_message like '%Diagnosed%'") == 1
    assert look(page) == []

    page.get_by_label("Application").fill("")
    admin.press("Run the doctor")
    expect(page.get_by_text("Everything was looked at")).to_be_visible()
    expect(found.filter(has_text="rooms").first).to_be_visible()
    assert one(rows, asked) > before + 2
