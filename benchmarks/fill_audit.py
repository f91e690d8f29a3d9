"""Fills the audit as a year of traffic would: tokens, families and events with ids in the order of time.

    DATABASE_URL=postgres://... python -m benchmarks.fill_audit 5000000 2026-11-21T12:00:00+00:00

The instant is the newest row's; now, where none is given.
The traffic is the same whatever the number: 5,000,000 rows are a year of it and 10,000 are its last 18 hours, so that
pages, periods and filters find as much in the one as in the other. What is rare has 100 rows at any size, spread over the
whole time: an application, a room's beginning, a kind of event, and all that one person called "named" got, from one
address and for one room. The database must be migrated and is not emptied. PostgreSQL makes the rows
itself, in minutes; its role must be allowed to set ``session_replication_role``.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

YEAR: Final = 5_000_000  # rows
STEP_MS: Final = 365 * 86_400_000 // YEAR
APPLICATIONS: Final = 20
PEOPLE: Final = 50_000
RARE: Final = 100  # rows of what is rare, at any size
NAMED: Final = "named"  # the last of the people: as many rows as what is rare
NAMED_IP: Final = "10.255.0.7"
NAMED_ROOM: Final = "meeting"
BATCH: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What the rows refer to."""

    rows: int
    people: int
    until: datetime
    applications: list[UUID]  # the last but one is rare, the last has not been used for a long time
    certificates: list[UUID]

    @property
    def every(self) -> int:
        """How many rows lie between two of what is rare."""
        return max(self.rows // RARE, 1)


def fill(rows: int, *, until: datetime, people: int = PEOPLE) -> None:
    """Fill the default database with so many tokens, families and events each, the newest at ``until``."""
    from django.db import connection

    filling = _prepared(rows, people, until)
    if connection.vendor == "postgresql":
        _in_sql(filling)
    else:
        _in_batches(filling)


def _prepared(rows: int, people: int, until: datetime) -> Filling:
    """Make applications, certificates, users and the few things that ended with a set."""
    from django.contrib.auth import get_user_model
    from django.core.management.color import no_style
    from django.db import connection

    from token_issuer.models import Application, Certificate, EpochKind, RevocationEpoch, epoch_key

    names = [f"app-{number}" for number in range(APPLICATIONS)] + ["rare", "stopped"]
    applications = Application.objects.bulk_create(
        [Application(name=name, slug=name, provider="videosdk", public_id=name) for name in names]
    )
    certificates = Certificate.objects.bulk_create(
        [
            Certificate(application=row, key_id=row.slug, reference="env:NONE", fingerprint=f"{number:016x}")
            for number, row in enumerate(applications)
        ]
    )
    users = get_user_model()
    names = [f"person-{number}" for number in range(1, people)] + [NAMED]
    users.objects.bulk_create(
        [users(pk=number, username=name, password="!") for number, name in enumerate(names, 1)],  # noqa: S106
        batch_size=BATCH,
    )
    with connection.cursor() as cursor:  # the next user's number is free
        for statement in connection.ops.sequence_reset_sql(no_style(), [users]):
            cursor.execute(statement)
    ended = [epoch_key(EpochKind.USER, number) for number in range(1, people + 1, 100)]
    RevocationEpoch.objects.bulk_create(
        [RevocationEpoch(kind=EpochKind.USER, key=key, epoch=1, not_before=until) for key in ended]
    )
    return Filling(
        rows=rows, people=people, until=until, applications=[row.pk for row in applications],
        certificates=[row.pk for row in certificates],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- PostgreSQL

_PLACES: Final = """
    SELECT i, %(start)s + i::bigint * %(step)s AS ms,
           to_timestamp((%(start)s + i::bigint * %(step)s) / 1000.0) AS at,
           CASE WHEN i %% %(every)s = 1 THEN %(ordinary)s + 1
                WHEN i %% %(every)s IN (0, 3) THEN 1
                WHEN i <= %(rare)s THEN %(ordinary)s + 2
                ELSE 1 + floor(%(ordinary)s * ((hashint4(i) & 65535) / 65536.0) ^ 2)::int END AS a,
           CASE WHEN i %% %(every)s = 3 THEN %(people)s
                ELSE 1 + (hashint4(i + 7) & 2147483647) %% (%(people)s - 1) END AS person
    FROM generate_series(1, %(rows)s) AS i
"""
_ID: Final = (
    "(lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(i %% 4096), 3, '0') || '8' || substr(md5(i::text || '{0}'), 1, 15))"
    "::uuid"
)
_IP: Final = (
    "CASE WHEN person = %(people)s THEN %(ip)s ELSE '10.' || person %% 200 || '.' || i %% 250 || '.7' END::inet"
)
_TOKENS: Final = f"""
    INSERT INTO token_issuer_issuedtoken (id, application_id, certificate_id, family_id, generation, principal,
        principal_key, user_id, subject, resource, resource_key, privileges, slot, format, digest, fingerprint, issued_at,
        expires_at, one_time, consumed_at, revoked_at, reason, epochs, temporary, origin, decision, ip, user_agent,
        request_id)
    SELECT {_ID.format("t")}, applications[a], certificates[a],
        CASE WHEN i %% 3 = 0 THEN {_ID.format("f")} END, CASE WHEN i %% 3 = 0 THEN 1 END, 'user', key, person,
        'person-' || person,
        CASE WHEN i %% %(every)s = 0 THEN 'support-' || i WHEN person = %(people)s THEN %(room)s
             ELSE 'room-' || i %% 20000 END,
        md5((i %% 20000)::text)::uuid, '["allow_join"]', 0, 'videosdk', md5(i::text) || md5(i::text),
        substr(md5(i::text), 1, 16), at, at + interval '10 minutes' * (1 + i %% 6), i %% 20 = 0,
        CASE WHEN i %% 40 = 0 THEN at + interval '10 seconds' END,
        CASE WHEN i %% 97 = 0 THEN at + interval '1 minute' END, CASE WHEN i %% 97 = 0 THEN 'a test' ELSE '' END,
        0, i %% 101 = 0, 'session', 'rule:made-up', {_IP},
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', ''
    FROM ({_PLACES}) AS places JOIN filling_people ON number = person, filling_ids
"""
_FAMILIES: Final = f"""
    INSERT INTO token_issuer_tokenfamily (id, application_id, principal, principal_key, user_id, subject, "grant", slot,
        resource_key, generation, replays, mac_key_id, idle_expires_at, expires_at, password_stamp, epochs, in_cookie,
        label, ip, user_agent, created_at, closed_at, reason)
    SELECT {_ID.format("f")}, applications[a], 'user', key, person, 'person-' || person, '{{}}', 0,
        md5((i %% 20000)::text)::uuid, i %% 50, 0, 'test1',
        at + CASE WHEN a %% 4 = 0 THEN interval '1 hour' ELSE interval '14 days' END, at + interval '30 days', '', 0, false,
        '', {_IP}, 'Mozilla/5.0 (X11; Linux x86_64)', at,
        CASE WHEN i %% 11 = 0 THEN at + interval '1 day' END, CASE WHEN i %% 11 = 0 THEN 'a test' ELSE '' END
    FROM ({_PLACES}) AS places JOIN filling_people ON number = person, filling_ids
"""
_EVENTS: Final = f"""
    INSERT INTO token_issuer_auditevent (id, kind, at, count, user_id, application_id, token_id, ip, user_agent, detail)
    SELECT {_ID.format("e")},
        CASE WHEN i %% %(every)s = 2 THEN 'push_failed' WHEN i %% 10 = 0 THEN 'token_revoked'
             WHEN i %% 10 = 1 THEN 'family_closed' ELSE 'denied' END,
        at, 1 + i %% 3, person, applications[a], CASE WHEN i %% 10 = 0 THEN {_ID.format("t")} END,
        {_IP}, '', '{{"reason": "no_rule"}}'
    FROM ({_PLACES}) AS places JOIN filling_people ON number = person, filling_ids
"""


def _in_sql(filling: Filling) -> None:
    """Let the server make the rows: without foreign keys' triggers, and with the indexes made afterwards."""
    from django.db import connection

    from token_issuer.models import AuditEvent, IssuedToken, TokenFamily, VendorPush

    start = int(filling.until.timestamp() * 1000) - (filling.rows + 1) * STEP_MS
    values: dict[str, int | str] = {
        "rows": filling.rows, "start": start, "step": STEP_MS, "rare": RARE, "every": filling.every,
        "ordinary": APPLICATIONS, "people": filling.people, "ip": NAMED_IP, "room": NAMED_ROOM,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        _remember(cursor, filling)
        for model, statement in ((TokenFamily, _FAMILIES), (IssuedToken, _TOKENS), (AuditEvent, _EVENTS)):
            indexes = _dropped(cursor, model)
            cursor.execute(statement, values)
            for index in indexes:
                cursor.execute(index)
            print(f"{model.__name__}: {filling.rows:,}", flush=True)
        cursor.execute("SET session_replication_role = origin")
        VendorPush.objects.bulk_create(_pushes())
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"VACUUM (ANALYZE) {connection.ops.quote_name(table)}")


def _remember(cursor: Any, filling: Filling) -> None:  # noqa: ANN401  a cursor
    from token_issuer.models import EpochKind, epoch_key

    cursor.execute("CREATE TEMPORARY TABLE filling_people (number integer PRIMARY KEY, key uuid)")
    people = [(number, str(epoch_key(EpochKind.USER, number))) for number in range(1, filling.people + 1)]
    for begin in range(0, len(people), BATCH):
        cursor.executemany("INSERT INTO filling_people VALUES (%s, %s)", people[begin : begin + BATCH])
    cursor.execute("CREATE TEMPORARY TABLE filling_ids (applications uuid[], certificates uuid[])")
    cursor.execute("INSERT INTO filling_ids VALUES (%s, %s)", [filling.applications, filling.certificates])
    cursor.execute("ANALYZE filling_people")


def _dropped(cursor: Any, model: type[Model]) -> list[str]:  # noqa: ANN401  a cursor
    """Drop the indexes that no constraint needs; return what makes them again."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisunique",
        [model._meta.db_table],
    )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _name, definition in found]


# ------------------------------------------------------------------------------------------------- the other engines


def _in_batches(filling: Filling) -> None:
    from token_issuer.models import AuditEvent, IssuedToken, TokenFamily, VendorPush

    for begin in range(1, filling.rows + 1, BATCH):
        made = [*_made(filling, range(begin, min(begin + BATCH, filling.rows + 1)))]
        for place, model in enumerate((TokenFamily, IssuedToken, AuditEvent)):
            model._default_manager.bulk_create([rows[place] for rows in made], batch_size=500)
    VendorPush.objects.bulk_create(_pushes())


def _made(filling: Filling, numbers: range) -> Iterator[tuple[Any, Any, Any]]:
    from token_issuer.models import AuditEvent, AuditKind, EpochKind, IssuedToken, TokenFamily, epoch_key

    every = filling.every
    for number in numbers:
        at = filling.until - timedelta(milliseconds=(filling.rows + 1 - number) * STEP_MS)
        place, person, ip, room = _facts(filling, number)
        key = epoch_key(EpochKind.USER, person)
        shared = {"application_id": filling.applications[place], "user_id": person, "ip": ip}
        owned = {**shared, "principal": "user", "principal_key": key, "subject": f"person-{person}"}
        family = TokenFamily(
            id=_id(number, "f", at), **owned, resource_key=key, mac_key_id="test1", created_at=at,
            idle_expires_at=at + (timedelta(hours=1) if place % 4 == 3 else timedelta(days=14)), expires_at=at + timedelta(days=30),
            closed_at=at if number % 11 == 0 else None,
        )  # fmt: skip
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        token = IssuedToken(
            id=_id(number, "t", at), **owned, family=family if number % 3 == 0 else None, certificate_id=filling.certificates[place], resource_key=key,
            resource=room, format="videosdk", digest=digest, fingerprint=digest[:16],
            issued_at=at, expires_at=at + timedelta(minutes=10), one_time=number % 20 == 0,
            revoked_at=at if number % 97 == 0 else None, temporary=number % 101 == 0, origin="session",
            decision="rule:made-up",
        )  # fmt: skip
        kind = AuditKind.PUSH_FAILED if number % every == 2 else AuditKind.DENIED
        yield family, token, AuditEvent(id=_id(number, "e", at), kind=kind, at=at, **shared)


def _facts(filling: Filling, number: int) -> tuple[int, int, str, str]:
    """Return the application's place, the person, the address and the room."""
    rest = number % filling.every
    place = -2 if rest == 1 else 0 if rest in {0, 3} else -1 if number <= RARE else number % APPLICATIONS
    if rest == 3:
        return place, filling.people, NAMED_IP, NAMED_ROOM
    person = 1 + number * 7919 % (filling.people - 1)
    room = f"support-{number}" if rest == 0 else f"room-{number % 20000}"
    return place, person, f"10.{person % 200}.0.7", room


def _id(number: int, what: str, at: datetime) -> UUID:
    tail = hashlib.sha256(f"{number}{what}".encode()).hexdigest()
    return UUID(f"{int(at.timestamp() * 1000):012x}7{number % 4096:03x}8{tail[:15]}")


def _pushes() -> list[Any]:
    """Give-ups for the tokens of the rare application."""
    from token_issuer.models import IssuedToken, VendorPush

    tokens = IssuedToken.objects.filter(application__slug="rare")
    return [
        VendorPush(
            token_id=pk, application_id=application, failed_at=at, attempts=9, reason="failed: it did not answer"
        )
        for pk, application, at in tokens.values_list("pk", "application_id", "issued_at")
    ]


def main() -> None:
    """Fill the database that DATABASE_URL names."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    django.setup()
    from django.utils import timezone

    rows, until = (*sys.argv[1:], *(str(YEAR), str(timezone.now()))[len(sys.argv) - 1 :])
    fill(int(rows), until=datetime.fromisoformat(until))
    print(json.dumps({"done": True}))


if __name__ == "__main__":
    main()
