"""The demo's vendors: the applications know where their stand-ins are today, and are known there."""

from __future__ import annotations

import pytest

from example_project import demo_vendors
from example_project.standins.demo import vendors
from tests.example_project.conftest import fill
from token_issuer.models import Application, AuditEvent, Certificate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path, settings):
    settings.DEMO_VENDORS = str(tmp_path / "vendors.json")
    return tmp_path / "vendors.json"


@pytest.fixture
def standing(file):
    with vendors(file) as told:
        yield told


def addresses() -> dict[str, str]:
    rows = Application.objects.filter(slug__in=demo_vendors.SLUGS.values())
    return {row.slug: row.options["api_url"] for row in rows}


def test_without_stand_ins_no_vendor_is_called(demo):
    assert not Certificate.objects.filter(purpose="call").exists()
    assert addresses_of_vendors() == set()


def addresses_of_vendors() -> set[str]:
    return {row.slug for row in Application.objects.all() if "api_url" in row.options}


def test_each_application_is_told_where_its_vendor_is(standing, demo):
    assert addresses() == {demo_vendors.SLUGS[name]: told["address"] for name, told in standing.items()}
    assert Certificate.objects.filter(purpose="call", active_slot=1).count() == len(standing)


def test_another_run_has_other_addresses_and_the_same_keys(file, in_debug):
    with vendors(file):
        fill()
    events, keys = AuditEvent.objects.count(), Certificate.objects.filter(purpose="call").count()
    with vendors(file) as standing:
        fill()
        assert addresses() == {demo_vendors.SLUGS[name]: told["address"] for name, told in standing.items()}
    assert Certificate.objects.filter(purpose="call").count() == keys
    assert AuditEvent.objects.count() == events + len(keys_of(standing))


def keys_of(standing):
    return [name for name in standing if name in demo_vendors.SLUGS]


def test_the_keys_are_for_their_owner_alone(standing, file):
    assert file.stat().st_mode & 0o777 == 0o600
