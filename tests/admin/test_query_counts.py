"""Every page of the admin takes as many queries at 10,000 rows as at 10. Pages are found by their addresses."""

from __future__ import annotations

from copy import copy

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models.base import ModelState
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
from token_issuer.ids import named_uuid, uuid7
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
    return {
        "application": rooms,
        "certificate": CertificateFactory(application=rooms, secret={"secret": "n" * 32}),
        "rule": RuleFactory(application=rooms, everyone=False, for_users=[bob]),
        "issuedtoken": token,
        "auditevent": AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, token=token, family=family, **mine),
        "vendoraccount": VendorAccountFactory(subject="bob", **mine),
        "vendorpair": VendorPairFactory(**mine),
        "onetimekey": OneTimeKeyFactory(**mine),
        "tokenfamily": family,
        "apikey": key,
    }


def copies(row, number, **different):
    """Rows like this one; ``different`` makes of a number what must not be equal."""
    made = []
    for place in range(number):
        one = copy(row)
        one._state, one.pk = ModelState(), uuid7()
        for column, value in different.items():
            setattr(one, column, value(place, one.pk))
        made.append(one)
    return type(row)._default_manager.bulk_create(made, batch_size=500)


def grow(rows, number, start):
    """Add so many rows of each kind: all of the same person, application, family and token where that can be."""
    text = lambda place, _pk: f"{start + place:016d}"  # noqa: E731
    copies(rows["application"], number, slug=text, name=text)
    copies(rows["certificate"], number, key_id=text, fingerprint=text)
    named = copies(rows["rule"], number)
    through = Rule.users.through
    owner = rows["issuedtoken"].user
    through.objects.bulk_create([through(rule_id=rule.pk, user_id=owner.pk) for rule in named], batch_size=500)
    tokens = copies(rows["issuedtoken"], number, digest=text, fingerprint=text)
    pushes = [VendorPush(token=token, application=token.application, failed_at=AT) for token in tokens]
    VendorPush.objects.bulk_create(pushes, batch_size=500)
    copies(rows["auditevent"], number)
    copies(rows["vendoraccount"], number, user_id=lambda place, pk: None, subject=text)
    copies(rows["vendorpair"], number, device=text, device_key=lambda place, pk: named_uuid("device", str(pk)))
    copies(rows["onetimekey"], number, digest=text, fingerprint=text)
    copies(rows["tokenfamily"], number)
    copies(rows["apikey"], number, public_id=text)
    copies(rows["apikey"].secrets.first(), number, digest=text, fingerprint=text)


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
                yield reverse(f"admin:{pattern.name}", kwargs=parts) + f"?application={rows['application'].pk}"
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
    grow(rows, FEW, 0)
    queries(site, rows)  # content types and the like are read once
    few = queries(site, rows)
    assert len(few) > 80
    grow(rows, MANY, FEW)
    many = queries(site, rows)
    assert {address: (few[address], many[address]) for address in few if few[address] != many[address]} == {}
