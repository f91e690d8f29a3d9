"""Times the admin's lists on two databases of the same traffic, a small and a large one, on PostgreSQL.

    DATABASE_URL=postgres://... python -m benchmarks.admin_lists              makes, fills and measures both
    DATABASE_URL=postgres://... python -m benchmarks.admin_lists --keep       measures those that an earlier run left
    ... --keep --rounds 41 --only "exact id" --only denied                    those pages only, more often

Beside the admin stand a plain ModelAdmin and a typical first draft (``benchmarks.admin_sites``). Each page is asked for
through the whole stack, warm, and the median is printed; the two databases take turns, so that a busy machine
falls on both. The role must be allowed to make databases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from benchmarks.fill_audit import NAMED

if TYPE_CHECKING:
    from django.test import Client

SIZES: Final = (10_000, 5_000_000)
REPEATS: Final = 11
FILLING: Final = timedelta(minutes=15)  # until both are filled: the last hour shall not be empty by then
LONG_SECONDS: Final = 2.0  # what takes longer is repeated twice only


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page to time."""

    name: str
    address: str


def pages() -> Iterator[Page]:
    """Yield every page: the admin's lists with each filter and search, then the two others."""
    from token_issuer.models import Application, AuditEvent, IssuedToken, TokenFamily

    for model in (IssuedToken, AuditEvent, TokenFamily):
        name, rows = str(model._meta.verbose_name_plural), model._default_manager.order_by("pk")
        home, deep = f"/admin/token_issuer/{model._meta.model_name}/", _middle(model)
        newest = [*rows.reverse().values_list("pk", flat=True)[:51]]
        yield Page(name=f"{name}: first page", address=home)
        yield Page(name=f"{name}: next page", address=f"{home}?before={newest[min(49, len(newest) - 1)]}")
        yield Page(name=f"{name}: a page in the middle", address=f"{home}?before={deep.pk}")
        yield Page(name=f"{name}: exact id", address=f"{home}?{urlencode({'q': f'{_id_key(model)}:{deep.pk}'})}")
        for asked in _asked(model, deep):
            label = ", ".join(f"{key} {value}" for key, value in asked.items())
            yield Page(name=f"{name}: {label}", address=f"{home}?{urlencode(_filled(asked, deep))}")
    yield from _others(IssuedToken._default_manager.count(), Application.objects.get(slug="app-0").pk)


def _middle(model: Any) -> Any:  # noqa: ANN401  one of three models
    """Return a row of the named person in the middle of all there are, of a token family where rows may have one."""
    from django.contrib.auth import get_user_model

    from token_issuer.ids import uuid7_at, uuid7_floor

    named = get_user_model()._default_manager.get(username=NAMED)
    rows = model._default_manager.order_by("pk")
    first, last = uuid7_at(rows.first().pk), uuid7_at(rows.last().pk)
    his = rows.filter(user=named, pk__gte=uuid7_floor(first + (last - first) / 2))
    return his.filter(family__isnull=False).first() if model._meta.model_name == "issuedtoken" else his.first()


def _id_key(model: Any) -> str:  # noqa: ANN401
    return "event" if model._meta.model_name == "auditevent" else "id"


def _asked(model: Any, row: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """Yield what is asked of a list; the word in angle brackets is taken from a row."""
    common = [{"period": period} for period in ("hour", "day", "week", "month")]
    common += [{"application": slug} for slug in ("app-0", "rare", "stopped")]
    if model._meta.model_name == "auditevent":
        yield from [*common, {"kind": "denied"}, {"kind": "push_failed"}, {"q": "user:<name>"}, {"q": "<application>"}]
        return
    yield from [{"standing": word} for word in ("live", "revoked", "expired")]
    yield from [*common, {"q": "user:<name>"}]
    if model._meta.model_name == "tokenfamily":
        return
    yield from [{"standing": "consumed"}, *({"only": word} for word in ("temporary", "one-time", "not-told"))]
    yield from [
        {"q": term}
        for term in (
            "<fingerprint>", "<ip>", "<subject>", "room:<room>", "room:app-0/room-1*", "room:app-0/support-*",
            "certificate:<certificate>", "family:<family>",
        )
    ]  # fmt: skip
    yield {"q": "user:<name>", "standing": "expired"}


def _filled(asked: dict[str, str], row: Any) -> dict[str, str]:  # noqa: ANN401
    application = row.application
    values = {
        "<name>": row.user.get_username(), "<application>": application.slug, "<ip>": str(row.ip),
        "<fingerprint>": getattr(row, "fingerprint", ""), "<subject>": getattr(row, "subject", ""),
        "<room>": f"{application.slug}/{getattr(row, 'resource', '')}", "<family>": str(getattr(row, "family_id", None)),
        "<certificate>": application.certificates.get().fingerprint,
    }  # fmt: skip
    found = dict(asked)
    for word, value in values.items():
        found = {key: text.replace(word, value) for key, text in found.items()}
    return found


def _others(rows: int, application: object) -> Iterator[Page]:
    plain, draft = "/plain/token_issuer/issuedtoken/", "/draft/token_issuer/issuedtoken/"
    yield Page(name="plain ModelAdmin: first page", address=plain)
    yield Page(name="plain ModelAdmin: a page in the middle", address=f"{plain}?p={rows // 100}")
    yield Page(name="first draft: first page", address=draft)
    yield Page(name="first draft: application filter", address=f"{draft}?application__id__exact={application}")
    yield Page(name="first draft: search", address=f"{draft}?q=person-77")


# --------------------------------------------------------------------------------------------------------- measuring


def client() -> Client:
    """Return a browser with a superuser in it."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model()
    chief = users._default_manager.filter(**{users.USERNAME_FIELD: "measuring"}).first()
    signed_in = Client()
    signed_in.force_login(chief or users._default_manager.create_superuser("measuring"))
    return signed_in


def timed(browser: Client, page: Page) -> float:
    """Return the seconds of one answer."""
    begin = time.perf_counter()
    answer = browser.get(page.address)
    seconds = time.perf_counter() - begin
    if answer.status_code != 200:
        msg = f"{page.name}: {page.address} answered {answer.status_code}"
        raise RuntimeError(msg)
    return seconds


def statements(browser: Client, page: Page) -> int:
    """Return how many statements a page takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        timed(browser, page)
    return len(captured)


def serve() -> None:
    """Answer lines on the standard output: the pages, then what each line that is read asks of one of them."""
    browser, known = client(), [*pages()]
    print(json.dumps([page.name for page in known]), flush=True)
    for line in sys.stdin:
        asked, number = line.split()
        answer = statements(browser, known[int(number)]) if asked == "count" else timed(browser, known[int(number)])
        print(answer, flush=True)


# -------------------------------------------------------------------------------------------------- two at once


class Side:
    """One of the two databases, measured in a process of its own."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.admin_lists", "--serve"]
        self._process = subprocess.Popen(  # noqa: S603
            command, env={**os.environ, "DATABASE_URL": url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pages: list[str] = json.loads(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout.readline()

    def ask(self, what: str, page: int) -> float:
        """Return the seconds of one answer, or with ``count`` its statements."""
        assert self._process.stdin is not None  # noqa: S101
        print(what, page, file=self._process.stdin, flush=True)
        return float(self._read())


def compare(small: Side, large: Side, *, rounds: int, only: list[str]) -> Iterator[tuple[str, list[float], list[int]]]:
    """Yield each page with the milliseconds and the statements of both."""
    for number, name in enumerate(small.pages):
        if only and not any(part in name for part in only):
            continue
        counts = [int(side.ask("count", number)) for side in (small, large)]  # warms up, too
        taken: tuple[list[float], list[float]] = ([], [])
        repeats = rounds
        while len(taken[0]) < repeats:
            for side, times in zip((small, large), taken, strict=True):
                times.append(side.ask("time", number) * 1000)
            if taken[1][-1] > LONG_SECONDS * 1000:
                repeats = 2
        yield name, [statistics.median(times) for times in taken], counts


def named(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def name_of(rows: int) -> str:
    """Return the name of the database of so many rows."""
    return f"token_issuer_lists_{rows}"


def prepare(url: str, rows: int, until: str) -> None:
    """Make one database and fill it, the newest row at ``until``."""
    import psycopg

    name = name_of(rows)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    environment = {**os.environ, "DATABASE_URL": named(url, name)}
    for command in (["manage.py", "migrate", "-v0"], ["-m", "benchmarks.fill_audit", str(rows), until]):
        subprocess.run([sys.executable, *command], env=environment, check=True)  # noqa: S603


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="measure the databases that an earlier run left")
    parser.add_argument("--rounds", type=int, default=REPEATS, help="how often each page is asked for")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="pages with this in their name")
    return parser.parse_args()


def main() -> None:
    """Make, fill, measure and print a table for the papers."""
    url, asked = os.environ["DATABASE_URL"], _arguments()
    if not asked.keep:
        until = (datetime.now(UTC) + FILLING).isoformat()
        for rows in SIZES:
            prepare(url, rows, until)
    print("| page | 10 k, ms | 5 M, ms | ratio | statements |\n|---|---:|---:|---:|---:|")
    sides = [Side(named(url, name_of(rows))) for rows in SIZES]
    for name, (small, large), (few, many) in compare(*sides, rounds=asked.rounds, only=asked.only):
        count = str(few) if few == many else f"{few}, {many}"
        print(f"| {name} | {small:.1f} | {large:.1f} | {large / small:.2f} | {count} |", flush=True)


def begin() -> None:
    """Set Django up with the measured site's addresses."""
    import django
    from django.conf import settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    settings.ROOT_URLCONF = "benchmarks.admin_sites"
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.DEBUG = False
    django.setup()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        begin()
        serve()
    else:
        main()
