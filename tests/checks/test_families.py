"""What settings mean for the families and applications that are in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from tests.factories import ApplicationFactory, TokenFamilyFactory
from token_issuer.checks import families
from token_issuer.models import Application

if TYPE_CHECKING:
    from pytest_django import Settings

HERE = ["default"]


def messages(check=families.check_idle_limits_outlast_the_grace) -> list[str]:
    return [str(message.msg) for message in check(databases=HERE)]


def grace(settings: Settings, seconds: object) -> None:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REFRESH_GRACE": seconds}


def open_family(**columns: object) -> None:
    later = timezone.now() + timedelta(days=1)
    TokenFamilyFactory(idle_expires_at=later, expires_at=later, **columns)


@pytest.mark.parametrize(("idle", "count"), [(10, 1), (9, 1), (11, 0)])
def test_a_token_rests_for_longer_than_the_grace(passes, idle: int, count: int) -> None:
    passes.options = {"idle": idle}
    passes.save()
    assert len(messages()) == count


def test_the_message_says_which_application(passes, settings: Settings) -> None:
    grace(settings, 30)
    passes.options = {"idle": 20}
    passes.save()
    (message,) = messages()
    assert message == (
        "Refresh tokens of the application 'passes' end after 20 s of rest, "
        "and REFRESH_GRACE answers used ones for 30 s."
    )


def test_without_grace_any_idle_limit_will_do(passes, settings: Settings) -> None:
    grace(settings, 0)
    passes.options = {"idle": 1}
    passes.save()
    assert messages() == []


def test_an_application_that_is_off_is_left_alone(passes) -> None:
    Application.objects.update(options={"idle": 1}, disabled_at=timezone.now())
    assert messages() == []


@pytest.mark.parametrize("provider", ["own", "own-once", "agora", "gone"])
def test_others_have_nothing_to_say(db, provider: str) -> None:
    ApplicationFactory(provider=provider)
    assert messages() == []


def test_an_entry_that_open_families_name_stays_in_the_ring(db) -> None:
    open_family()
    assert messages(families.check_open_families_have_their_key) == []
    open_family(mac_key_id="gone")
    assert messages(families.check_open_families_have_their_key) == [
        "Of the open token families, 1 name the key 'gone', which is not in the ring."
    ]


@pytest.mark.parametrize("ring", [[], ["nonsense"]])
def test_a_ring_that_is_none_is_another_checks_finding(db, settings: Settings, ring: list[str]) -> None:
    open_family(mac_key_id="gone")
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": ring}
    assert messages(families.check_open_families_have_their_key) == []


@pytest.mark.parametrize("databases", [None, [], ["other"]])
def test_rows_are_read_only_where_that_is_asked_for(db, databases) -> None:
    open_family(mac_key_id="gone")
    assert families.check_open_families_have_their_key(databases=databases) == []


def test_before_the_first_migration_there_is_nothing_to_say(db) -> None:
    def fail(execute, sql, params, many, context):
        raise OperationalError("no such table")

    with connection.execute_wrapper(fail):
        assert messages() == messages(families.check_open_families_have_their_key) == []


def test_django_runs_them_with_a_database_and_not_without(db) -> None:
    open_family(mac_key_id="gone")
    number = "token_issuer.E023"
    assert number in {message.id for message in run_checks(databases=HERE)}
    assert number not in {message.id for message in run_checks()}
    with pytest.raises(CommandError, match=number):
        call_command("check", databases=HERE)
