"""Who made something is named, with a warning where he is not active any more."""

from __future__ import annotations

import pytest

from tests.admin.addresses import url
from tests.factories import UserFactory
from token_issuer.models import ApiKey, Application, Certificate, EpochKind, Rule, epoch_key

WARNING = '<span class="token-issuer-icon" aria-hidden="true"></span>inactive user</span>'
MODELS = {"application": Application, "certificate": Certificate, "rule": Rule, "apikey": ApiKey}


@pytest.fixture
def rows(rooms, active, rule, key):
    return {"application": rooms, "certificate": active, "rule": rule, "apikey": key}


def pages(site, model, row):
    return [site.get(page).content.decode() for page in (url(model, "changelist"), url(model, "change", row.pk))]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("is_active", [True, False])
def test_maker_is_named(site, rows, model, is_active):
    maker = UserFactory(username="grace", is_active=is_active)
    MODELS[model]._default_manager.update(created_by=maker)
    listed, shown = pages(site, model, rows[model])
    assert "grace" in shown
    assert (WARNING in listed, WARNING in shown) == (not is_active, not is_active)


@pytest.mark.parametrize("column", ["owner", "acts_as"])
def test_people_of_a_key_are_named(site, key, column):
    person = UserFactory(username="grace", is_active=False)
    ApiKey.objects.update(**{column: person}, acts_as_key=epoch_key(EpochKind.USER, person.pk))
    for text in pages(site, "apikey", key):
        assert WARNING in text
        assert "grace" in text


def test_what_a_command_made_has_no_maker(site, rooms):
    assert "inactive" not in site.get(url("application", "changelist")).content.decode()


def test_hostile_name_is_text(site, rooms):
    Application.objects.update(created_by=UserFactory(username="<b>x</b>", is_active=False))
    text = site.get(url("application", "changelist")).content.decode()
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
