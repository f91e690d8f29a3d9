"""Every page of the admin takes as many queries at 10,000 rows as at 10. Pages are found by their addresses.

On SQLite alone, and not again in projects that differ from the example: it takes a quarter of a minute.
"""

from __future__ import annotations

from functools import partial

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import AutoField, GeneratedField
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import (
    AT,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
    api_key,
)
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, Rule, VendorPush

FEW, MANY = 10, 10_000

FILTERED = {
    "issuedtoken": (
        "q=user:bob", "q=room:rooms/*", "standing=live", "standing=revoked", "application=rooms", "only=not-told",
    ),
    "auditevent": ("q=user:bob", "kind=denied", "application=rooms", "period=day"),
    "tokenfamily": ("q=user:bob", "standing=live"),
    "onetimekey": ("q=user:bob", "standing=live"),
    "vendorpair": ("q=user:bob", "standing=live"),
    "vendoraccount": ("q=user:bob", "q=subject:rooms/*"),
    "apikey": ("q=for tests", "application__id__exact={application}"),
    "certificate": ("q=rooms",),
}  # fmt: skip


@pytest.fixture
def rows(rooms):
    """One row of each kind, all of one person and application."""
    bob, now = UserFactory(username="bob"), timezone.now()
    mine = {"application": rooms, "user": bob}
    family = TokenFamilyFactory(**mine)
    key, _secret = api_key(application=rooms, owner=bob)
    token = IssuedTokenFactory(
        certificate=rooms.certificates.get(), user=bob, family=family, api_key=key, issued_at=now, revoked_at=now
    )
    VendorPush.objects.create(token=token, application=rooms, failed_at=AT)
    return {
        "application": rooms,
        "certificate": CertificateFactory(application=rooms, secret={"secret": "n" * 32}),
        "rule": RuleFactory(application=rooms, everyone=False, for_users=[bob]),
        "issuedtoken": token,
        "auditevent": AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, token=token, family=family, **mine),
        "vendoraccount": VendorAccountFactory(
            subject="bob", application=rooms, user=None, principal_key=token.principal_key
        ),
        "vendorpair": VendorPairFactory(**mine),
        "onetimekey": OneTimeKeyFactory(**mine),
        "tokenfamily": family,
        "apikey": key,
    }


DIGITS = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))
NUMBERS = (
    f"SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS i FROM ({DIGITS}) a, ({DIGITS}) b, ({DIGITS}) c, ({DIGITS}) e"
)


def copies(row, number, pad, *, texts=(), ids=("id",)):
    """Let the server write rows like this one; its n-th has the same id in every table."""
    place = f"CAST(n.i + {10**6} AS CHAR(7))"
    name = connection.ops.quote_name
    made = {name(column): f"LPAD({place}, 16, '{number}')" for column in texts}
    new_id = f"LPAD({place}, 32, '{pad}')"
    made |= {name(column): f"CAST({new_id} AS uuid)" if connection.vendor == "postgresql" else new_id for column in ids}
    kept = (AutoField, GeneratedField)  # the server writes these itself
    fields = [field for field in row._meta.concrete_fields if not isinstance(field, kept)]
    columns = [name(field.column) for field in fields]
    values = [made.get(column, f"r.{column}") for column in columns]
    table, key = name(row._meta.db_table), row._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} r, ({NUMBERS}) n"
            f" WHERE r.{name(key.column)} = %s AND n.i < {number}",
            [key.get_db_prep_value(row.pk, connection)],
        )


def grow(rows, number):
    """Add so many rows of each kind: all of the same person, application, family and token where that can be."""
    add = partial(copies, number=number, pad=uuid7().hex)
    once = ["digest", "fingerprint"]
    add(rows["application"], texts=["slug", "name"])
    add(rows["certificate"], texts=["key_id", "fingerprint"])
    add(rows["rule"])
    add(Rule.users.through.objects.get(rule=rows["rule"]), ids=["rule_id"])
    add(rows["issuedtoken"], texts=once)
    add(rows["issuedtoken"].push, ids=["id", "token_id"])
    add(rows["auditevent"])
    add(rows["vendoraccount"], texts=["subject"])
    add(rows["vendorpair"], texts=["device"], ids=["id", "device_key"])
    add(rows["onetimekey"], texts=once)
    add(rows["tokenfamily"])
    add(rows["apikey"], texts=["public_id"])
    add(rows["apikey"].secrets.first(), texts=once)


def pages(rows):
    """Every address below the models' own, with a row of ours in it."""
    for model, owner in admin.site._registry.items():
        if model._meta.app_label != "token_issuer":
            continue
        row = rows[model._meta.model_name]
        filled = {"row_id": row.pk, "object_id": row.pk, "purpose": "sign", "key": rows["issuedtoken"].user.pk}
        for pattern in owner.get_urls():
            if pattern.name:
                parts = {part: filled[part] for part in pattern.pattern.converters}
                yield reverse(f"admin:{pattern.name}", kwargs=parts)
                if not parts:
                    yield reverse(f"admin:{pattern.name}") + f"?application={rows['application'].pk}"
    for name, asked in FILTERED.items():
        yield from (f"{url(name, 'changelist')}?{each.format(application=rows['application'].pk)}" for each in asked)


def queries(site, rows):
    found = {}
    for address in pages(rows):
        with CaptureQueriesContext(connection) as captured:
            answer = site.get(address)
            answer.render() if hasattr(answer, "render") and not answer.is_rendered else None
        assert answer.status_code < 500, address
        found[address] = len(captured)
    return found


def test_every_page_takes_the_same_queries_at_10_and_at_10_000_rows(site, rows):
    grow(rows, FEW)
    ContentType.objects.get_for_models(*apps.get_models())  # read once in a process
    few = queries(site, rows)
    assert len(few) > 80
    grow(rows, MANY)
    many = queries(site, rows)
    assert {address: (few[address], many[address]) for address in few if few[address] != many[address]} == {}
