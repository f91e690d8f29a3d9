"""Changing what an application is set to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import transaction

from token_issuer.errors import BadOption, Conflict
from token_issuer.models import Application, AuditEvent, AuditKind
from token_issuer.services.editing import Configuration, configure


@pytest.fixture
def wanted(calls):
    return Configuration(
        name="Phone",
        options={"channel_max": 64},
        default_lifetime=600,
        maximum_lifetime=1200,
        slots=2,
        environment="live",
        single_login_key=True,
        seen_version=calls.config_version,
    )


def test_everything_is_set_and_the_version_raised(person, calls, wanted, at):
    configure(person, calls, wanted, at=at)
    after = Application.objects.get(pk=calls.pk)
    assert (after.name, after.options, after.slots, after.environment) == ("Phone", {"channel_max": 64}, 2, "live")
    assert (after.default_lifetime, after.maximum_lifetime, after.single_login_key) == (600, 1200, True)
    assert after.config_version == calls.config_version + 1
    event = AuditEvent.objects.get(kind=AuditKind.APPLICATION_CHANGED)
    assert (event.user, event.application, event.at) == (person.user, calls, at)


def test_other_applications_stay_as_they_are(person, calls, rooms, wanted, at):
    configure(person, calls, wanted, at=at)
    assert Application.objects.get(pk=rooms.pk).name == rooms.name


def test_every_misfit_is_named(person, calls, wanted, at):
    with pytest.raises(BadOption) as caught:
        configure(person, calls, replace(wanted, options={"channel_max": 1}, default_lifetime=5000), at=at)
    assert caught.value.fields == {
        "channel_max": ["must be at least 63"],
        "default_lifetime": ["must not be longer than the maximum lifetime"],
    }


def test_older_sight_changes_nothing(person, calls, wanted, at):
    configure(person, calls, wanted, at=at)
    with pytest.raises(Conflict, match="changed by somebody else in the meantime"):
        configure(person, calls, replace(wanted, name="Other"), at=at)
    assert Application.objects.get(pk=calls.pk).name == "Phone"
    assert AuditEvent.objects.filter(kind=AuditKind.APPLICATION_CHANGED).count() == 1


def test_open_transaction_is_refused(person, calls, wanted, at):
    with transaction.atomic(), pytest.raises(Exception, match="inside an open transaction"):
        configure(person, calls, wanted, at=at)
