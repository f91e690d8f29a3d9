"""The page people land on: its numbers are the audit's, and everybody sees his own."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import ApplicationFactory, CertificateFactory, IssuedTokenFactory
from tests.services.hours import event, many_events, many_tokens, row_id, token
from token_issuer.admin import bars
from token_issuer.conf import conf
from token_issuer.models import AuditKind, VendorPush
from token_issuer.services import counting, overview

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Reader(HTMLParser):
    """The numbers of a page: of each table its rows, of each chart the numbers of its bars."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.charts: list[list[list[str]]] = []
        self.attributes: set[str] = set()
        self._open = ""
        self._in_rect = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.attributes.update(name for name, _ in attrs)
        self._open = tag
        if tag == "svg":
            self.charts.append([])
        elif tag == "g":
            self.charts[-1].append([])
        elif tag == "rect":
            self._in_rect = True
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])

    def handle_endtag(self, tag):
        self._open = ""
        self._in_rect = self._in_rect and tag != "rect"

    def handle_data(self, data):
        if self._open == "title" and self._in_rect:
            self.charts[-1][-1].append(data.rpartition(": ")[2])
        elif self._open in {"th", "td"} and data.strip() and self.tables:
            self.tables[-1][-1].append(data)


def page(client, address=""):
    """What the page says, without the admin's frame."""
    answer = client.get(address or url("issuedtoken", "overview"))
    assert answer.status_code == 200
    return content(answer)


def content(answer):
    text = answer.content.decode()
    return text[text.index('<div id="content-main">') : text.index("</main>")]


def table(text, place=0):
    """Of one table, what each row says: its label, and its numbers."""
    return {row[0]: row[1:] for row in Reader(text).tables[place] if len(row) == 1 + 3 + overview.DAYS}


@pytest.fixture
def active(active):
    """It was activated lately."""
    active.activated_at = timezone.now()
    active.save(update_fields=["activated_at"])
    return active


@pytest.fixture
def busy(rooms, active):
    """Some of everything in the last hour, and some of it days ago."""
    now = timezone.now()
    for ago in (MINUTE, 2 * MINUTE, 2 * DAY, 3 * DAY):
        token(active, now - ago)
    event(rooms, AuditKind.DENIED, now - MINUTE, count=5)
    event(rooms, AuditKind.SET_REVOKED, now - 2 * DAY, detail={"live": 7})
    event(rooms, AuditKind.REFRESH_REUSED, now - MINUTE)
    return rooms


def test_numbers_are_those_of_the_audit(site, busy):
    shown = {label: numbers[:3] for label, numbers in table(page(site)).items()}
    expected = {
        "Issued": ["2", "2", "4"],
        "Denied": ["5", "5", "5"],
        "Revoked": ["0", "0", "7"],
        "Reused": ["1", "1", "1"],
    }
    assert shown == expected
    counting.count_all(at=timezone.now())
    assert {label: numbers[:3] for label, numbers in table(page(site)).items()} == expected
    assert table(page(site), 1) == table(page(site))


def test_bars_say_what_the_table_says(site, busy):
    seen = Reader(page(site))
    assert len(seen.charts) == len(seen.tables) == 2
    for chart, rows in zip(seen.charts, seen.tables, strict=True):
        assert chart == [row[4:] for row in rows[1:]]
    assert [len(strip) for strip in seen.charts[0]] == [overview.DAYS] * 4


def test_bars_are_as_high_as_their_numbers():
    (strip, nothing) = bars.chart(
        [("issued", "Issued", [(0, ""), (1, ""), (500, ""), (1000, "")]), ("x", "", [])]
    ).strips
    assert [bar.height for bar in strip.bars] == [0, 1, 14, 28]
    assert {bar.y + bar.height for bar in strip.bars} == {strip.baseline}
    assert nothing.bars == ()


def test_page_is_read_without_eyes_and_without_colours(site, busy):
    text = page(site)
    assert '<svg class="token-issuer-bars"' in text
    assert text.count('role="img"') == text.count("<desc ") == 2
    assert text.count("<caption>") == text.count("<table>") == 2
    named = re.findall(r'aria-labelledby="([^"]+)"', text)
    assert all(f'id="{name}"' in text for names in named for name in names.split())
    assert "style" not in Reader(text).attributes
    assert "Rooms (rooms), the last seven days" in text
    assert "Denied: 0, 0, 0, 0, 0, 0, 5" in text


def test_a_site_without_applications(site):
    text = page(site)
    assert "There is no application yet." in text
    assert url("application", "add") in text
    assert "<table>" not in text


def test_an_application_without_tokens(site, rooms):
    text = page(site)
    assert "Nothing happened in the last seven days." in text
    assert table(text, 1)["Issued"] == ["0"] * 10


def test_quiet_is_said_of_quiet_sites_only(site, busy):
    assert "Nothing happened" not in page(site)


def test_the_busiest_of_many_are_shown(site, busy):
    ApplicationFactory.create_batch(overview.SHOWN + 4)
    text = page(site)
    seen = Reader(text)
    assert len(seen.tables) == 1 + overview.SHOWN
    assert table(text, 1)["Issued"][2] == "4"
    assert "And 5 applications that are less busy." in text


def test_numbers_need_the_permissions(staff, busy):
    tokens, events = staff("view_issuedtoken"), staff("view_auditevent")
    assert list(table(page(tokens))) == ["Issued"]
    assert list(table(page(events))) == ["Denied", "Revoked", "Reused"]
    assert "Live tokens" in page(tokens)
    assert "Live tokens" not in page(events)
    assert 'name="pasted"' in page(tokens)
    assert 'name="pasted"' not in page(events)


def test_nobody_else_sees_it(staff, busy):
    assert staff("view_application", "view_certificate").get(url("issuedtoken", "overview")).status_code == 403
    assert Client().get(url("issuedtoken", "overview")).status_code == 302


def test_page_is_only_read(site, busy):
    before = counting.survey(at=timezone.now())
    page(site)
    assert counting.survey(at=timezone.now()) == before


def tools(client):
    text = page(client)
    return re.findall(
        r'<li><a href="([^"]+)">',
        text[text.index("token-issuer-tools") : text.index("</nav>", text.index("token-issuer-tools"))],
    )


def test_tools_are_those_one_may_use(staff, site, rooms, settings):
    assert tools(staff("view_issuedtoken")) == [url("issuedtoken", "changelist")]
    assert tools(staff("view_auditevent")) == [url("auditevent", "changelist")]
    assert url("issuedtoken", "revoke_where") in tools(staff("view_issuedtoken", "revoke_issuedtoken"))
    assert url("issuedtoken", "check") in tools(staff("view_issuedtoken", "inspect_issuedtoken"))
    trying = staff("view_issuedtoken", "view_application", "make_temporary_token")
    assert url("application", "changelist") not in tools(trying)
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    assert url("application", "changelist") in tools(trying)
    for address in tools(site):
        assert site.get(address).status_code == 200, address


def test_a_temporary_token_is_one_click_away(staff, site, rooms, settings):
    address = url("application", "temporary", rooms.pk)
    ApplicationFactory(slug="own", provider="own")
    assert address not in page(site)
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    assert page(site).count("/temporary/") == page(site).count(address) == 1
    assert site.get(address).status_code == 200
    for names in (["view_application"], ["make_temporary_token"]):
        assert address not in page(staff("view_issuedtoken", *names))


# Tenants


def tenants(user):
    """A site's function: everybody manages the rooms."""
    return ["rooms"]


@pytest.fixture
def restricted(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.tenants"}


def test_one_sees_his_own_applications(site, busy, restricted):
    other = CertificateFactory(application__slug="others", active=True, activated_at=timezone.now() - 400 * DAY)
    token(other, timezone.now() - MINUTE)
    event(None, AuditKind.SET_REVOKED, timezone.now() - MINUTE, detail={"live": 70})
    IssuedTokenFactory(certificate=other, issued_at=timezone.now() - 900 * DAY)
    text = page(site)
    assert "others" not in text.lower()
    assert len(Reader(text).tables) == 2
    assert table(text)["Issued"][:3] == ["2", "2", "4"]
    assert table(text)["Revoked"][:3] == ["0", "0", "7"]
    assert "purge" not in text
    assert str(other.fingerprint) not in text


def test_one_without_applications_is_told(site, restricted):
    ApplicationFactory(slug="others")
    text = page(site)
    assert "No application is yours." in text
    assert url("application", "add") not in text


# What should be looked at


def warnings(client):
    found = re.search(r'<ul class="token-issuer-warnings">(.*?)</ul>', page(client), re.DOTALL)
    return found.group(1) if found else ""


def test_nothing_is_the_matter(site, busy):
    counting.count_all(at=timezone.now())
    assert warnings(site) == ""


def test_certificates_that_are_due_are_named(site, staff, rooms, active):
    type(active).objects.update(activated_at=timezone.now() - conf.rotate_after - DAY)
    assert "1 certificate is due for rotation:" in warnings(site)
    assert f'<a href="{url("certificate", "change", active.pk)}">Rooms: {active}</a>' in warnings(site)
    assert warnings(staff("view_issuedtoken")) == ""


def push(application, **columns):
    row = IssuedTokenFactory(certificate=application.certificates.get())
    now = timezone.now()
    columns = {"id": row_id(now), "created_at": now - 20 * MINUTE, "next_try_at": now, **columns}
    VendorPush.objects.create(token=row, application=application, **columns)


def test_pushes_that_fail_wait_or_were_given_up(site, rooms, active):
    now = timezone.now()
    push(rooms, attempts=3, next_try_at=now - 10 * MINUTE)
    push(rooms, next_try_at=None, failed_at=now)
    told = warnings(site)
    assert "Nobody tells vendors of revocations: 1 wait, the oldest since " in told
    assert "1 revocation could not be told to its vendor yet" in told
    assert "Within a day, a vendor was not told of 1 revocation." in told
    assert "1, the oldest for 20\xa0minutes" in page(site)


def test_a_purge_that_nobody_runs(site, active):
    IssuedTokenFactory(certificate=active, issued_at=timezone.now() - 200 * DAY)
    assert "Run token_issuer_purge every day." in warnings(site)


def test_counting_that_nobody_runs(site, active, monkeypatch):
    token(active, timezone.now() - 3 * DAY)
    assert "72 hours are not added up." in re.sub(r"7[123] hours", "72 hours", warnings(site))
    monkeypatch.setattr(overview, "MOST_ROWS", 0)
    assert "Some numbers are the least that there can be" in warnings(site)
    assert table(page(site))["Issued"][2] == "at least 0"
    counting.count_all(at=timezone.now())
    assert table(page(site))["Issued"][2] == "1"
    assert warnings(site) == ""


def test_more_rows_than_are_read_are_no_fault_of_the_counting(site, active, monkeypatch):
    counting.count_all(at=timezone.now())
    token(active, timezone.now() - MINUTE)
    monkeypatch.setattr(overview, "MOST_ROWS", 0)
    assert table(page(site))["Issued"][0] == "at least 0"
    assert warnings(site) == ""


def test_a_key_ring_that_is_no_good(site, rooms, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": ["short:AAAA"]}
    assert "No secret can be opened:" in warnings(site)


# At any size


def queries(client):
    with CaptureQueriesContext(connection) as captured:
        page(client)
    return len(captured)


@pytest.mark.parametrize("counted", [True, False])
def test_page_takes_the_same_queries_at_10_and_at_10_000_rows(site, rooms, active, counted):
    now = timezone.now()
    many_tokens(active, 10, now - 2 * DAY)
    many_events(rooms, AuditKind.DENIED, 10, now - MINUTE)
    if counted:
        counting.count_all(at=now)
    few = queries(site)
    many_tokens(active, 5_000, now - 2 * DAY)
    many_tokens(active, 4_990, now - MINUTE)
    many_events(rooms, AuditKind.DENIED, 9_990, now - MINUTE)
    ApplicationFactory.create_batch(30, ready=True)
    assert queries(site) == few


# Django's index of the app: not ours, so it is one transaction on every database where a site wants that

EVERY_DATABASE = pytest.mark.django_db(databases="__all__")


def index(client):
    return client.get(reverse("admin:app_list", args=["token_issuer"])).content.decode()


@EVERY_DATABASE
def test_the_index_of_the_app_leads_to_it(site, staff, rooms):
    text = index(site)
    assert url("issuedtoken", "overview") in text
    assert 'name="pasted"' in text
    assert url("application", "changelist") in text
    assert 'name="pasted"' not in index(staff("view_auditevent"))
    assert url("issuedtoken", "overview") in index(staff("view_auditevent"))


@EVERY_DATABASE
def test_others_see_the_index_as_ever(staff, rooms):
    text = index(staff("view_application"))
    assert url("issuedtoken", "overview") not in text
    assert 'name="pasted"' not in text
    assert url("application", "changelist") in text


class OtherSite(AdminSite):
    """A site's own admin, at an address of its own and with few of our pages."""


other_site = OtherSite(name="other")
for model in ("application", "issuedtoken", "auditevent", "certificate"):
    registered = next(row for row in admin.site._registry if row._meta.label_lower == f"token_issuer.{model}")
    other_site.register(registered, type(admin.site._registry[registered]))

bare_site = OtherSite(name="bare")
bare_site.register(next(row for row in admin.site._registry if row._meta.label_lower == "token_issuer.auditevent"))

urlpatterns = [path("desk/", other_site.urls), path("bare/", bare_site.urls), path("", include("example_project.urls"))]


@EVERY_DATABASE
@override_settings(ROOT_URLCONF=__name__)
def test_a_site_may_have_its_own_admin(chief, busy):
    client = Client()
    client.force_login(chief)
    index_text = client.get("/desk/token_issuer/").content.decode()
    assert "/desk/token_issuer/issuedtoken/overview/" in index_text
    assert "overview" not in client.get("/bare/token_issuer/").content.decode()
    text = page(client, "/desk/token_issuer/issuedtoken/overview/")
    assert 'href="/desk/token_issuer/auditevent/"' in text
    assert 'action="/desk/token_issuer/issuedtoken/find/"' in text
    assert "/admin/" not in text
