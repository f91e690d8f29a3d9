"""Evidence as a file: who may have it, what is in it, and that its size does not matter."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.test_people import many_more
from tests.factories import (
    AT,
    ApplicationFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    api_key,
)
from token_issuer.models import AuditEvent, AuditKind, IssuedToken
from token_issuer.services import exporting

MODELS = ["issuedtoken", "auditevent", "tokenfamily", "onetimekey"]
HOSTILE = '=1+1\r\n"; \x00\u202egnp.exe,\u2028' + "x" * 100_000


def exported(client, model, name="jsonl", **asked):
    address = url(model, "export")
    answer = client.post(address, {"format": name}, query_params=asked)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def objects(text):
    """The rows of JSON lines, and what the last line says."""
    *rows, last = map(json.loads, text.splitlines())
    return rows, last


def cells(text):
    """The rows of CSV by column, and the last row."""
    names, *rows, last = csv.reader(io.StringIO(text, newline=""))
    assert all(len(row) == len(names) for row in rows)
    return [dict(zip(names, row, strict=True)) for row in rows], last


@pytest.fixture
def rows(rooms, active):
    """One row of each list."""
    user = UserFactory(username="ada")
    family = TokenFamilyFactory(application=rooms, user=user, grant={"roomId": "a"}, label="phone")
    token = IssuedTokenFactory(
        certificate=active, user=user, family=family, generation=2, api_key=api_key(application=rooms)[0]
    )
    event = AuditEvent.objects.create(
        kind=AuditKind.DENIED, at=AT, application=rooms, user=user, token=token, family=family, detail={"reason": "no"}
    )
    key = OneTimeKeyFactory(application=rooms, user=user)
    return {"issuedtoken": token, "auditevent": event, "tokenfamily": family, "onetimekey": key}


@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_told_in_both_formats(site, rows, model):
    (line, *_others), last = objects(exported(site, model))
    if model == "auditevent":  # the newest event is the export
        line = _others[0]
    assert line["id"] == str(rows[model].pk)
    assert (line["application"], line["user"]) == ("rooms", rows[model].user_id)
    told, end = cells(exported(site, model, "csv"))
    assert list(told[0]) == list(line)
    assert (last["complete"], end[0]) == (True, "#complete")


def test_a_token_is_told_in_full(site, rows):
    token = rows["issuedtoken"]
    (line,), last = objects(exported(site, "issuedtoken"))
    assert line == {
        "id": str(token.pk), "fingerprint": token.fingerprint, "standing": "expired", "application": "rooms",
        "certificate": str(token.certificate_id), "api_key": token.api_key.public_id, "family": str(token.family_id),
        "generation": 2, "principal": "user", "principal_key": str(token.principal_key), "user": token.user_id,
        "subject": "user-1", "slot": 0, "resource": "room-1", "privileges": ["allow_join"], "format": "videosdk",
        "issued_at": "2026-03-01T12:00:00.000000Z", "expires_at": "2026-03-01T12:10:00.000000Z", "one_time": False,
        "consumed_at": None, "revoked_at": None, "revoked_by": None, "reason": "", "temporary": False,
        "origin": "session", "decision": "rule:made-up", "ip": None, "user_agent": "", "request_id": "",
    }  # fmt: skip
    assert last == {"complete": True, "rows": 1}


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@pytest.mark.parametrize("model", MODELS)
def test_no_digest_seal_or_stamp_is_told(site, rows, model, name):
    row = rows[model]
    for column in ("digest", "password_stamp", "sealed_secret"):
        if hasattr(row, column):
            type(row).objects.filter(pk=row.pk).update(**{column: "c4nary" * 5})
    text = exported(site, model, name)
    assert "c4nary" not in text
    for word in ("digest", "stamp", "sealed", "mac_key", "epoch"):
        assert word not in text


def test_search_is_kept(site, rows, active):
    other = IssuedTokenFactory(certificate=active, subject="other")
    assert [line["id"] for line in objects(exported(site, "issuedtoken", q="subject:other"))[0]] == [str(other.pk)]


def test_filters_are_kept_and_named_in_the_audit(site, rows, active):
    live = IssuedTokenFactory(certificate=active, issued_at=timezone.now())
    found, _last = objects(exported(site, "issuedtoken", standing="live", application="rooms"))
    assert [line["id"] for line in found] == [str(live.pk)]
    event = AuditEvent.objects.get(kind=AuditKind.EXPORTED)
    assert event.detail["filters"] == ["application", "standing"]


def test_the_list_has_the_form_with_its_search(site, rows):
    text = site.get(url("issuedtoken", "changelist"), {"q": "user:ada"}).content.decode()
    assert f'action="{url("issuedtoken", "export")}?q=user%3Aada"' in text
    assert "Export as JSON lines" in text


@pytest.mark.parametrize("asked", [{"digest": "a"}, {"password_stamp__gt": ""}, {"q": "eyJ" + "a" * 100}])
def test_what_is_no_filter_exports_nothing(site, rows, asked):
    answer = site.post(url("issuedtoken", "export"), {"format": "csv"}, query_params=asked)
    assert (answer.status_code, answer["Location"]) == (302, url("issuedtoken", "changelist"))
    assert not AuditEvent.objects.filter(kind=AuditKind.EXPORTED).exists()


@pytest.mark.parametrize("name", ["", "xml", "\0", "CSV"])
def test_another_format_is_refused(site, rows, name):
    answer = site.post(url("issuedtoken", "export"), {"format": name}, follow=True)
    assert "Choose CSV or JSON lines" in answer.content.decode()


def test_asking_by_address_does_nothing(site, rows):
    for asked in ({}, {"format": "csv"}):
        assert site.get(url("issuedtoken", "export"), asked).status_code == 302
    assert not AuditEvent.objects.filter(kind=AuditKind.EXPORTED).exists()


def test_it_wants_the_csrf_token(chief, rows):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    assert strict.post(url("issuedtoken", "export"), {"format": "csv"}).status_code == 403
    assert not AuditEvent.objects.filter(kind=AuditKind.EXPORTED).exists()


@pytest.mark.parametrize("model", MODELS)
def test_it_wants_its_permission_and_the_one_to_look(staff, rows, model):
    export = "export_auditevent" if model == "auditevent" else "export_issuedtoken"
    other = "export_issuedtoken" if model == "auditevent" else "export_auditevent"
    for names in ((f"view_{model}",), (export,), (f"view_{model}", other)):
        assert staff(*names).post(url(model, "export"), {"format": "csv"}).status_code == 403
    allowed = staff(f"view_{model}", export)
    assert allowed.post(url(model, "export"), {"format": "csv"}).status_code == 200
    form = 'class="token-issuer-export"'
    assert form in allowed.get(url(model, "changelist")).content.decode()
    assert form not in staff(f"view_{model}").get(url(model, "changelist")).content.decode()


def test_it_is_written_down_without_what_was_searched_for(site, chief, rows):
    exported(site, "issuedtoken", "csv", q="user:ada")
    event = AuditEvent.objects.get(kind=AuditKind.EXPORTED)
    assert (event.user, event.detail) == (chief, {"what": "issuedtoken", "format": "csv", "filters": ["q"]})
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr, entry.change_message) == (chief, "issued tokens", "Exported as csv.")


def test_nobody_keeps_it_and_its_name_has_the_date(site, rows):
    answer = site.post(url("tokenfamily", "export"), {"format": "csv"})
    assert "no-store" in answer["Cache-Control"]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert answer["Content-Disposition"] == f'attachment; filename="tokenfamily-{today}.csv"'
    assert answer["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_cell_is_calculated(site, active, sign):
    text = f"{sign}HYPERLINK(1)"
    IssuedTokenFactory(certificate=active, resource=text)
    (row,), _last = cells(exported(site, "issuedtoken", "csv"))
    assert row["resource"] == f"'{text}"
    (line,), _last = objects(exported(site, "issuedtoken"))
    assert line["resource"] == text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d"])
@pytest.mark.parametrize("before", [";", "a;", "a; ", 'a;"', "a\t", "a\r\n", "a\r", "a;'\" "])
def test_nothing_is_calculated_where_lines_are_divided_elsewhere(before, sign):
    """Many spreadsheets divide at semicolons, by their settings or their country's."""
    text = f"{before}{sign}HYPERLINK(1)"
    line = exporting.Csv().row({"id": 1, "text": text, "detail": {"reason": text}, "last": 2})
    for delimiter in ";\t":
        for row in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE):
            assert not any(cell.lstrip("\"' ")[:1] == sign and not cell.startswith("'") for cell in row), row
    (told,) = csv.reader(io.StringIO(line, newline=""))
    assert json.loads(told[2])["reason"].replace("'", "") == text.replace("'", "")


def test_what_stands_behind_a_semicolon_is_left_alone():
    agent = "Mozilla/5.0 (X11; Linux x86_64) a-b; c=d"
    assert exporting.Csv().row({"agent": agent}) == f"{agent}\r\n"


def test_no_text_breaks_a_row(rows):
    """Longer than the columns take, and with what some databases do not: whatever is read is written whole."""
    row = rows["auditevent"]
    row.user_agent, row.detail = HOSTILE, {"reason": HOSTILE}
    facts = {"user_agent": row.user_agent, "detail": row.detail, "last": 1}
    lines, sheet = exporting.JsonLines(), exporting.Csv()
    (line, after), last = objects(lines.row(facts) + lines.row(facts) + lines.end(rows=2))
    assert line == after == facts
    assert last == {"complete": True, "rows": 2}
    text = sheet.begin([*facts]) + sheet.row(facts) + sheet.row(facts) + sheet.end(rows=2)
    (told, again), end = cells(text)
    assert told == again
    assert told["user_agent"] == "'" + HOSTILE.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert json.loads(told["detail"]) == {"reason": HOSTILE}
    assert end == ["#complete", "2"]


def test_nul_comes_out_of_a_database_that_keeps_it(site, active):
    if connection.vendor == "postgresql":
        pytest.skip("keeps none")
    IssuedTokenFactory(certificate=active, resource="a\0b")
    assert cells(exported(site, "issuedtoken", "csv"))[0][0]["resource"] == "a\N{REPLACEMENT CHARACTER}b"


def test_each_thousand_rows_are_one_statement_and_none_is_lost(site, rows):
    many_more(rows["issuedtoken"], 2999)
    ContentType.objects.get_for_model(IssuedToken)  # asked for once in a process

    def queries():
        with CaptureQueriesContext(connection) as captured:
            ids = [line["id"] for line in objects(exported(site, "issuedtoken"))[0]]
        return ids, [query["sql"] for query in captured if "LIMIT 1000" in query["sql"]], len(captured)

    ids, reading, total = queries()
    assert ids == [str(pk) for pk in IssuedToken.objects.order_by("-pk").values_list("pk", flat=True)]
    assert len(reading) == 4  # the last one finds nothing
    IssuedToken.objects.filter(pk__lt=ids[10]).delete()
    assert total - queries()[2] == 3


def test_rows_that_arrive_meanwhile_do_not_make_it_endless(rows, monkeypatch):
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(exporting, "_PIECE", 1)
    token = rows["issuedtoken"]
    many_more(token, 4)
    pieces = []
    for piece in exporting.written(IssuedToken.objects.with_epochs_now(), exporting.JsonLines(), at=AT):
        pieces.append(piece)
        many_more(token, 3)
    assert objects(b"".join(pieces).decode())[1] == {"complete": True, "rows": 5}


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_an_error_in_the_middle_ends_the_file_visibly(site, rows, monkeypatch, name):
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 2)
    many_more(rows["issuedtoken"], 4)

    def gone(execute, sql, params, many, context):
        if "LIMIT 2" in sql and '"id" <' in sql.replace("`", '"'):
            msg = "the server closed the connection: secret detail"
            raise DatabaseError(msg)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(gone):
        text = exported(site, "issuedtoken", name)
    assert "secret detail" not in text
    if name == "csv":
        found, end = cells(text)
        assert end == ["#error", "The export stopped here: rows are missing."]
    else:
        found, last = objects(text)
        assert last == {"error": "The export stopped here: rows are missing."}
    assert len(found) == 2


def peak(rows):
    tracemalloc.start()
    for _piece in exporting.written(rows, exporting.Csv(), at=AT):
        pass
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


def events(number):
    AuditEvent.objects.bulk_create(
        [AuditEvent(kind=AuditKind.DENIED, at=AT, detail={"reason": "no_rule"}) for _ in range(number)], batch_size=500
    )


@pytest.mark.django_db
def test_memory_is_the_same_at_2_000_and_at_20_000_rows():
    events(1)
    peak(AuditEvent.objects.all())  # what is loaded once
    events(1_999)
    few = peak(AuditEvent.objects.all())
    events(18_000)
    assert peak(AuditEvent.objects.all()) < 1.2 * few


@pytest.mark.django_db(transaction=True)
def test_an_asynchronous_server_gets_it_piece_by_piece(chief, rows, monkeypatch):
    monkeypatch.setattr(exporting, "_PIECE", 1)

    async def read():
        client = AsyncClient()
        await client.aforce_login(chief)
        answer: Any = await client.post(url("issuedtoken", "export"), {"format": "jsonl"})
        assert answer.is_async
        pieces = [piece async for piece in answer.streaming_content]
        await sync_to_async(connections.close_all)()  # of the thread that read
        return pieces

    pieces = asyncio.run(read())
    assert len(pieces) == 2
    assert objects(b"".join(pieces).decode())[1] == {"complete": True, "rows": 1}


def test_an_instant_is_told_in_utc(site, active, settings):
    settings.TIME_ZONE = "America/New_York"
    IssuedTokenFactory(certificate=active, issued_at=AT + timedelta(microseconds=5))
    with timezone.override("Asia/Tokyo"):
        (line,), _last = objects(exported(site, "issuedtoken"))
    assert line["issued_at"] == "2026-03-01T12:00:00.000005Z"


def test_staff_of_one_tenant_gets_its_own_rows(staff, settings, rows):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": "tests.admin.test_people.of_rooms"}
    TokenFamilyFactory(application=ApplicationFactory())
    client = staff("view_tokenfamily", "export_issuedtoken")
    assert [line["id"] for line in objects(exported(client, "tokenfamily"))[0]] == [str(rows["tokenfamily"].pk)]


@pytest.mark.parametrize("model", MODELS)
def test_every_column_is_documented(model):
    text = (Path(__file__).parents[2] / "docs" / "admin.md").read_text()
    assert " ".join(f"`{name}`" for name in exporting.COLUMNS[model]) in text
