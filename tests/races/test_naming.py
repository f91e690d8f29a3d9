"""Names that are given at the same moment: to two people at one vendor, and to one person twice."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from tests.factories import AT, ApplicationFactory, UserFactory, VendorAccountFactory, caller
from token_issuer.errors import BadOption
from token_issuer.models import VendorAccount
from token_issuer.services import naming

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROUNDS = 10
WAIT = 1.0  # seconds; naming somebody takes a few hundredths


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_of_them_gets_it(at_once, round_):
    rows = [ApplicationFactory(provider="voximplant") for _ in range(2)]
    users = UserFactory.create_batch(2)
    results = at_once(2, lambda n: naming.name(caller(users[n]), rows[n], users[n], subject="ada", at=AT))
    assert sorted(type(result).__name__ for result in results) == [BadOption.__name__, "VendorAccount"], results
    assert VendorAccount.objects.filter(subject="ada").count() == 1


@pytest.mark.engine("postgresql", "mariadb")
def test_a_second_name_waits_until_the_first_is_given():
    """What goes with a name is decided by the one that was read."""
    account = VendorAccountFactory(application=ApplicationFactory(provider="voximplant"), subject="ada")
    boss, renamed = caller(UserFactory()), threading.Event()
    in_time: list[bool] = []

    def rename() -> None:
        try:
            naming.name(boss, account.application, account.user, subject="clerk", at=AT)
            renamed.set()
        finally:
            connections.close_all()

    renamer = threading.Thread(target=rename)

    def watch(execute, sql, *rest):
        if sql.startswith("UPDATE") and VendorAccount._meta.db_table in sql and not in_time:
            renamer.start()
            in_time.append(renamed.wait(WAIT))
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        naming.name(boss, account.application, account.user, subject="eve", at=AT)
    renamer.join(timeout=30)
    account.refresh_from_db()
    assert (in_time, account.subject) == ([False], "clerk")
