"""Lifetimes in forms: seconds, or the durations that the API takes; nothing else."""

from __future__ import annotations

import pytest

from tests.admin.addresses import url
from tests.admin.test_adding import FILLED as APPLICATION
from tests.admin.test_adding import PAGE
from tests.admin.test_rules import FILLED as RULE
from token_issuer.models import Application, Rule

READ = [("600", 600), ("10m", 600), ("2h", 7200), ("PT1H30M", 5400), (" 90s ", 90), ("", None)]
REFUSED = ["soon", "1.5h", "1h30m", "10 m", "-600", "600.0", "1e3", "1w", "٦٠٠"]
WORDS = 'must be whole seconds, or a text such as "90s", "120m", "2h", "1d" or "PT1H30M"'


def errors(answer):
    return {name: list(texts) for name, texts in answer.context["adminform"].form.errors.items()}


@pytest.fixture
def add_application(site, db):
    return lambda **changes: site.post(url("application", "add") + PAGE, {**APPLICATION, **changes})


@pytest.fixture
def add_rule(site, rooms):
    page = url("rule", "add") + f"?application={rooms.pk}"
    return lambda **changes: site.post(page, {**RULE, **changes})


@pytest.mark.parametrize(("typed", "seconds"), READ)
def test_an_applications_lifetimes(add_application, typed, seconds):
    add_application(default_lifetime=typed, maximum_lifetime=typed)
    made = Application.objects.get()
    assert (made.default_lifetime, made.maximum_lifetime) == (seconds, seconds)


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_no_duration_of_an_application(add_application, typed):
    refused = [WORDS]
    assert errors(add_application(default_lifetime=typed, maximum_lifetime=typed)) == {
        "default_lifetime": refused,
        "maximum_lifetime": refused,
    }


@pytest.mark.parametrize("typed", ["0", "0s", "1000000d"])
def test_what_is_out_of_every_range(add_application, typed):
    assert errors(add_application(default_lifetime=typed)) == {"default_lifetime": ["must be 1 to 315360000 seconds"]}


@pytest.mark.parametrize(("typed", "seconds"), READ)
def test_a_rules_maximum(add_rule, typed, seconds):
    add_rule(maximum_lifetime=typed)
    assert Rule.objects.get().maximum_lifetime == seconds


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_no_duration_of_a_rule(add_rule, typed):
    assert errors(add_rule(maximum_lifetime=typed)) == {"maximum_lifetime": [WORDS]}


def test_another_spelling_of_the_same_is_no_change(site, add_application):
    add_application(default_lifetime="10m")
    page = url("application", "change", Application.objects.get().pk)
    form = site.get(page).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in values.items() if value not in {None, False}}
    answer = site.post(page, {**sent, "default_lifetime": "PT10M", "name": ""})
    assert "default_lifetime" not in answer.context["adminform"].form.changed_data
