"""The doctor's lines, JSON and exit code. What it looks at is tested with the service."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from token_issuer.models import Certificate, IssuedToken, Rule


@pytest.fixture
def doctor(run, settings):
    settings.SILENCED_SYSTEM_CHECKS = [f"token_issuer.W{number:03}" for number in range(100)]
    return lambda *arguments: run("token_issuer_doctor", *arguments, at=timezone.now())


def test_a_healthy_site(doctor, rooms):
    done = doctor()
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "✓ rooms: token: One was issued, inspected, verified and revoked."
    assert IssuedToken.objects.get().user_agent.startswith("token_issuer_doctor by ")


def test_a_warning_does_not_fail(doctor, rooms):
    Rule.objects.all().delete()
    done = doctor()
    line = done.out.splitlines().index("! rooms: policy: No rule and no site policy: nobody may mint.")
    assert (done.code, done.out.splitlines()[line + 1][:14]) == (0, "    Add a rule")


def test_a_failure_ends_with_1(doctor, rooms):
    Certificate.objects.all().delete()
    done = doctor()
    assert "✗ rooms: certificate: None is active." in done.out
    assert (done.code, done.err) == (1, "1 of 10 findings are failures.")


def test_json(doctor, rooms):
    answer = json.loads(doctor("--json").out)
    assert answer["healthy"] is True
    assert answer["findings"][-1] == {
        "name": "token",
        "severity": "ok",
        "application": "rooms",
        "message": "One was issued, inspected, verified and revoked.",
        "hint": "",
    }


def test_quick_mints_nothing(doctor, rooms):
    done = doctor("--quick")
    assert (done.code, len(done.out.splitlines()), IssuedToken.objects.count()) == (0, 4, 0)


def test_quick_ends_with_1_too(doctor, db, settings):
    settings.TOKEN_ISSUER = {}
    done = doctor("--quick", "--json")
    assert (done.code, json.loads(done.out)["healthy"]) == (1, False)


def test_one_application(doctor, rooms, calls):
    done = doctor("--application=calls")
    assert ("calls: token" in done.out, "rooms: token" in done.out) == (True, False)


def test_an_unknown_application(doctor, db):
    done = doctor("--application=none")
    assert (done.code, done.err) == (1, "There is no application 'none'.")


def test_quick_takes_no_application(doctor, db):
    assert "--quick looks at no application" in doctor("--quick", "--application=x").err
