"""Epochs: exact keys on every engine, one sum, only growing."""

from __future__ import annotations

import pytest

from tests.factories import AT, ApplicationFactory, CertificateFactory
from token_issuer.models import EpochKind, RevocationEpoch, epoch_key, epochs_now
from token_issuer.services.revoking import raise_epoch


def total(*keys) -> int:
    return ApplicationFactory._meta.model.objects.annotate(total=epochs_now(keys)).values_list("total", flat=True)[0]


def test_every_key_is_storable(db):
    """MariaDB's UUID type refuses some well-formed UUIDs of version 8; a key must never be one of them."""
    keys = [epoch_key(EpochKind.USER, number) for number in range(2000)]
    RevocationEpoch.objects.bulk_create(RevocationEpoch(kind="user", key=key, not_before=AT) for key in keys)
    assert set(RevocationEpoch.objects.values_list("key", flat=True)) == {*keys}


def test_without_epochs_the_sum_is_0(db):
    ApplicationFactory()
    assert total(epoch_key(EpochKind.USER, 1)) == 0


def test_the_sum_is_of_the_named_sets_alone(db):
    ApplicationFactory()
    one, two, other = (epoch_key(EpochKind.USER, number) for number in (1, 2, 3))
    for key in (one, one, two, other):
        raise_epoch(EpochKind.USER, key, at=AT)
    assert total(one, two) == 3


def test_names_that_mariadb_takes_for_the_same_are_not(db):
    assert len({epoch_key(EpochKind.USER, name) for name in ("bob", "BOB", "bob ")}) == 3


@pytest.mark.parametrize("kind", [EpochKind.APPLICATION, EpochKind.CERTIFICATE, EpochKind.API_KEY])
def test_rows_are_their_own_key(db, kind):
    row = CertificateFactory()
    assert epoch_key(kind, row.pk) == epoch_key(kind, str(row.pk)) == row.pk


def test_a_resource_belongs_to_its_application():
    assert epoch_key(EpochKind.RESOURCE, "a", "bc") != epoch_key(EpochKind.RESOURCE, "ab", "c")


def test_its_text_is_safe():
    assert str(RevocationEpoch(kind="user", epoch=3)) == "user 3"
