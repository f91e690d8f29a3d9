"""What the engines do differently, and what the services make of it. Each fact is asked of the engine itself."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection
from django.db.models import Case, F, Value, When

from tests.factories import AT, ApplicationFactory, CertificateFactory, IssuedTokenFactory, RuleFactory, UserFactory
from tests.factories import caller as called
from token_issuer.crypto import digests
from token_issuer.errors import NotFound
from token_issuer.ids import uuid7
from token_issuer.models import Application, IssuedToken, RuleWindow
from token_issuer.services import deciding, verifying
from token_issuer.services.transactions import durable, is_passing, retrying

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def window(**fields) -> RuleWindow:
    return RuleWindow.objects.create(rule=RuleFactory(), principal_key=uuid7(), starts_at=AT, **fields)


def reads_the_new_value(*, counter_first: bool) -> bool:
    """Whether an assignment beside ``used = used + 1`` sees the number after it."""
    row = window(used=0)
    seen = Case(When(used=0, then=Value(AT)), default=Value(AT.replace(year=2030)))
    changes = {"used": F("used") + 1, "starts_at": seen}
    ordered = changes if counter_first else dict(reversed(changes.items()))
    RuleWindow.objects.filter(pk=row.pk).update(**ordered)
    row.refresh_from_db()
    assert row.used == 1
    return row.starts_at.year == 2030


@pytest.mark.engine("mariadb")
def test_mariadb_assigns_from_left_to_right():
    """So a column that other assignments read comes last in every UPDATE of ours."""
    assert reads_the_new_value(counter_first=True)


@pytest.mark.engine("sqlite", "postgresql")
def test_the_others_assign_at_once():
    assert not reads_the_new_value(counter_first=True)


def test_what_others_read_comes_last_means_the_same_everywhere():
    assert not reads_the_new_value(counter_first=False)


@pytest.mark.engine("mariadb")
@pytest.mark.parametrize("spelling", ["ROOMS", "rooms "])
def test_mariadb_finds_other_spellings(spelling):
    ApplicationFactory(slug="rooms")
    assert Application.objects.filter(slug=spelling).exists()


@pytest.mark.parametrize("spelling", ["ROOMS", "rooms ", "Rooms"])
def test_an_application_is_found_by_its_own_spelling_alone(spelling):
    ApplicationFactory(slug="rooms")
    with pytest.raises(NotFound):
        deciding.find_application(called(UserFactory()), spelling)


def test_a_token_is_found_by_its_own_digest_alone():
    """A row whose digest MariaDB takes for the same is not the token's row."""
    text = "a token of ours"
    IssuedTokenFactory(digest=digests.digest(text).upper())
    assert verifying.find(text) is None


def test_one_persons_epochs_are_not_anothers():
    """User names that differ in case or blanks are one text to MariaDB, never one key."""
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True))
    tokens = [IssuedTokenFactory(subject=subject) for subject in ("bob", "BOB", "bob ")]
    assert len({token.principal_key for token in tokens}) == 3
    assert IssuedToken.objects.live(AT).count() == 3


@pytest.mark.engine("mariadb")
def test_active_certificates_are_limited_where_conditional_constraints_are_not_enforced():
    """The reason for the stored column: this engine ignores a unique constraint with a condition."""
    assert not connection.features.supports_partial_indexes
    assert CertificateFactory(active=True).active_slot == 1


@pytest.mark.engine("postgresql", "mariadb")
def test_a_deadlock_passes_and_the_retry_succeeds():
    """Two transactions take two rows in opposite order: one is the victim, and both end well."""
    rows = [window(), window()]
    meet = threading.Barrier(2)
    victims: list[bool] = []

    def work(first: RuleWindow, second: RuleWindow) -> None:
        def both() -> None:
            with durable():
                RuleWindow.objects.filter(pk=first.pk).update(used=F("used") + 1)
                if not victims:
                    meet.wait(timeout=20)
                try:
                    RuleWindow.objects.filter(pk=second.pk).update(used=F("used") + 1)
                except OperationalError as error:
                    victims.append(is_passing(error))
                    raise

        try:
            retrying(both)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert victims == [True]
    assert [*RuleWindow.objects.values_list("used", flat=True)] == [2, 2]
