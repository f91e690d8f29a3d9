"""What settings mean for the rules that are in the database."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.factories import AT, ApplicationFactory, RuleFactory, caller
from tests.statements import counted
from token_issuer.checks.rules import check_rules_name_known_privileges
from token_issuer.models import Application, Rule
from token_issuer.services import diagnosing

HERE = ["default"]


def messages() -> list[str]:
    return [str(message.msg) for message in check_rules_name_known_privileges(databases=HERE)]


def catalogue(settings, **scopes):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example", "SCOPES": scopes}


@pytest.fixture
def rule(db, settings):
    """A rule that allows a scope of the catalogue and a built-in one."""
    catalogue(settings, reports="Reports")
    application = ApplicationFactory(slug="own", provider="own", ready=True)
    return RuleFactory(application=application, privileges=["reports", "tokens:issue"])


def test_words_of_the_catalogue_are_known(rule):
    RuleFactory(privileges=["allow_join"])
    assert messages() == []


def test_a_scope_that_left_the_catalogue_is_named_with_its_rule(rule, settings):
    catalogue(settings)
    assert messages() == [f"A rule of the application 'own' allows 'reports', which nothing knows ({rule.pk})."]
    with pytest.raises(CommandError, match=r"token_issuer\.E025"):
        call_command("check", databases=HERE)


def test_a_vendors_words_are_asked_for_too(db):
    RuleFactory(application=ApplicationFactory(slug="rooms"), privileges=["allow_join", "fly", "burrow"])
    (message,) = messages()
    assert "'rooms' allows 'burrow', 'fly', which" in message


def test_a_disabled_application_and_a_provider_that_is_gone_are_left_alone(rule, settings):
    catalogue(settings)
    Application.objects.update(disabled_at=AT)
    Rule.objects.create(application=ApplicationFactory(provider="gone"), privileges=["x"])
    assert messages() == []


def test_however_many_rules_there_are_it_is_one_statement(rule):
    RuleFactory.create_batch(5, application=rule.application)
    with counted(1):
        messages()


def test_it_is_asked_only_where_django_lets_it(rule, settings):
    catalogue(settings)
    assert check_rules_name_known_privileges(databases=None) == []


def test_the_doctor_names_it(rule, settings, admin_user):
    catalogue(settings)
    found = diagnosing.full(caller(admin_user), at=timezone.now()).findings
    assert [each.message for each in found if each.name == "check token_issuer.E025"] == messages()
