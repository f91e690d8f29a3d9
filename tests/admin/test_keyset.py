"""Pages by id: nothing twice, nothing left out, whatever is added meanwhile; counts that never read a whole table."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.addresses import url
from tests.factories import AT, IssuedTokenFactory, UserFactory
from token_issuer.admin.issued_tokens import IssuedTokenAdmin
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, IssuedToken

TOKENS = url("issuedtoken", "changelist")
EVENTS = url("auditevent", "changelist")


@pytest.fixture(autouse=True)
def short_pages(monkeypatch):
    monkeypatch.setattr(IssuedTokenAdmin, "list_per_page", 3)


def events(number, **facts):
    made = [AuditEvent(kind=AuditKind.DENIED, at=AT, **facts) for _ in range(number)]
    AuditEvent.objects.bulk_create(made)
    return made


@pytest.fixture
def more(active):
    """A function that adds tokens, which are newer than all others."""
    user = UserFactory()
    return lambda number=1: IssuedTokenFactory.create_batch(number, certificate=active, user=user)


def page(site, address):
    return site.get(address).context["cl"]


def ids(changelist):
    return [row.pk for row in changelist.result_list]


def all_ids():
    return [*IssuedToken.objects.order_by("-pk").values_list("pk", flat=True)]


def walked(site, start, link, between=lambda: None):
    """The ids of all pages from one on."""
    found, address = [], start
    while address is not None:
        shown = page(site, address)
        found.append(ids(shown))
        following = getattr(shown.links, link)
        address = TOKENS + following if following else None
        between()
    return found


@pytest.mark.parametrize("number", [0, 1, 3, 4, 6, 7])
def test_older_pages_show_every_row_once(site, more, number):
    more(number)
    pages = walked(site, TOKENS, "older")
    assert [row for found in pages for row in found] == all_ids()
    assert len(pages) == max(1, -(-number // 3))


def test_rows_added_between_pages_move_nothing(site, more):
    more(7)
    before = all_ids()
    assert [row for found in walked(site, TOKENS, "older", between=more) for row in found] == before


def test_newer_pages_show_every_row_once(site, more):
    more(8)
    oldest = all_ids()[-1]
    pages = walked(site, f"{TOKENS}?after={oldest}", "newer", between=lambda: more() if len(all_ids()) < 10 else None)
    assert [row for found in reversed(pages) for row in found] == all_ids()[:-1]


def test_rows_that_are_purged_between_pages_do_not_end_the_list(site, more):
    more(5)
    first = page(site, TOKENS)
    IssuedToken.objects.filter(pk=ids(first)[-1]).delete()
    assert ids(page(site, TOKENS + first.links.older)) == all_ids()[2:]


def test_pages_lead_back(site, more):
    more(9)
    first = page(site, TOKENS)
    second = page(site, TOKENS + first.links.older)
    assert ids(page(site, TOKENS + second.links.newer)) == ids(first)
    assert ids(page(site, TOKENS + second.links.newest)) == ids(first)


def test_links_say_which_way_they_lead(site, more):
    more(9)
    first = site.get(TOKENS)
    text = site.get(TOKENS + first.context["cl"].links.older).content.decode()
    assert ('rel="prev">Newer' in text, 'rel="next">Older' in text, ">Newest<" in text) == (True, True, True)
    assert '<nav aria-label="Pages">' in text


def test_pages_keep_search_and_popup(site, more, active):
    more(4)
    IssuedTokenFactory.create_batch(2, certificate=active, subject="anna")
    address = f"{TOKENS}?q=subject:user-1&_popup=1"
    older = parse_qs(page(site, address).links.older[1:])
    assert (older["q"], older["_popup"]) == (["subject:user-1"], ["1"])
    assert [row for found in walked(site, address, "older") for row in found] == all_ids()[2:]


def test_searching_from_a_later_page_begins_at_the_newest(site, more):
    more(9)
    text = site.get(TOKENS + page(site, TOKENS).links.older).content.decode()
    form = text.split('id="changelist-search"')[1].split("</form>")[0]
    assert "before" not in form


@pytest.mark.parametrize("cursor", ["before=garbage", "after=%00", "before=", "after=" + "1" * 35])
def test_cursor_that_is_none_shows_the_newest_page_and_says_so(site, more, cursor):
    more(4)
    answer = site.get(f"{TOKENS}?{cursor}")
    assert ids(answer.context["cl"]) == all_ids()[:3]
    assert "There is no such page" in answer.content.decode()


def test_page_behind_the_newest_row_is_empty_and_leads_back(site, more):
    more(2)
    shown = page(site, f"{TOKENS}?after={uuid7()}")
    assert (ids(shown), shown.links.newest, shown.links.older) == ([], "?", "")


def test_no_page_is_read_with_an_offset(site, more):
    more(9)
    with CaptureQueriesContext(connection) as captured:
        walked(site, TOKENS, "older")
    assert not [query for query in captured if "OFFSET" in query["sql"]]


def test_order_is_not_up_to_the_address(site, more):
    more(4)
    assert ids(page(site, f"{TOKENS}?o=1.-3&all=&p=2")) == all_ids()[:3]


@pytest.mark.parametrize("lookup", ["reason__contains=a", "user_agent__icontains=b", "family__reason=c", "nonsense=1"])
def test_nothing_else_is_filtered_by(site, more, lookup):
    more()
    assert site.get(f"{TOKENS}?{lookup}").url == f"{TOKENS}?e=1"


# Counting


def test_few_rows_are_counted(site, more):
    more()
    assert page(site, TOKENS).how_many == "1 issued token"
    more(4)
    assert page(site, TOKENS).how_many == "5 issued tokens"


def test_counting_ends_at_a_cap(site, rooms, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.keyset.MOST_COUNTED", 3)
    events(5, application=rooms)
    with CaptureQueriesContext(connection) as captured:
        assert page(site, f"{EVENTS}?q=rooms").how_many == "more than 3 audit events"
    (counting,) = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert "LIMIT 4" in counting
    assert "ORDER BY" not in counting


def analysed():
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE token_issuer_auditevent" if connection.vendor == "mysql" else "ANALYZE")
        cursor.fetchall() if cursor.description else None


@pytest.mark.engine("postgresql", "mariadb")
@pytest.mark.django_db(transaction=True)  # MariaDB commits before it analyses
def test_all_rows_are_estimated(site, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.keyset.MOST_COUNTED", 20)
    events(1000)
    analysed()
    assert page(site, EVENTS).how_many == "about 1,000 audit events"


@pytest.mark.engine("postgresql", "mariadb")
@pytest.mark.django_db(transaction=True)  # MariaDB commits before it analyses
def test_found_rows_are_never_estimated(site, rooms, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.keyset.MOST_COUNTED", 20)
    events(30, application=rooms)
    events(1000)
    analysed()
    assert page(site, f"{EVENTS}?q=rooms").how_many == "more than 20 audit events"


@pytest.mark.engine("sqlite")
def test_engine_without_estimates_counts_to_the_cap(site, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.keyset.MOST_COUNTED", 3)
    events(5)
    assert page(site, EVENTS).how_many == "more than 3 audit events"


# Acting on rows


def chosen(site, rows, **more):
    posted = {"action": "revoke_selected", "index": 0, "_selected_action": rows, **more}
    return site.post(TOKENS, posted)


def test_all_pages_cannot_be_selected(site, more):
    rows = more(5)
    assert "across all pages" not in site.get(TOKENS).content.decode()
    asked = chosen(site, [rows[0].pk], select_across=1).context["lines"]
    assert [line.token.pk for line in asked] == [rows[0].pk]


def test_action_on_what_is_no_id_finds_nothing(site, more):
    rows = more(2)
    asked = chosen(site, ["garbage", "\0", str(rows[1].pk)]).context["lines"]
    assert [line.token.pk for line in asked] == [rows[1].pk]
    assert chosen(site, ["garbage"]).status_code == 302


# For pages that read all of it


def test_filtered_is_what_the_list_would_show_on_all_its_pages(site, more, active, rf, chief):
    more(5)
    anna = IssuedTokenFactory(certificate=active, subject="anna")
    owner = IssuedTokenAdmin(IssuedToken, admin_site())
    asked = rf.get(TOKENS, {"q": "subject:anna", "before": str(uuid7())})
    asked.user = chief
    with CaptureQueriesContext(connection) as captured:
        rows = owner.filtered(asked)
    assert len(captured) == 0
    assert ([row.pk for row in rows], rows.ordered) == ([anna.pk], False)


def admin_site():
    from django.contrib.admin import site

    return site
