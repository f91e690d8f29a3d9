"""Registering an application, once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import AGORA_APP_ID, AGORA_CERTIFICATE, AT, VIDEOSDK_KEY, VIDEOSDK_SECRET, GroupFactory, caller
from token_issuer.models import Application, AuditEvent, Certificate, CertificateState, Rule
from token_issuer.registry import get_provider, providers
from token_issuer.services import rotating
from token_issuer.services.opening import opened_secret

ROOMS = ["videosdk", "rooms", "--public-id", VIDEOSDK_KEY]
CALLS = ["agora", "calls", "--public-id", AGORA_APP_ID]
FROM_ENV = ["--secret-from-env", "ROOMS_SECRET"]


@pytest.fixture
def add(run, db, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", VIDEOSDK_SECRET)
    return lambda *arguments: run("token_issuer_add", *arguments)


def test_everything_in_one_command(add, user):
    group = GroupFactory(name="staff")
    done = add(
        *ROOMS,
        *FROM_ENV,
        "--name=Meeting rooms",
        "--environment=sandbox",
        "--default-lifetime=10m",
        "--maximum-lifetime=3600",
        "--allow=everyone:ask_join",
        "--allow=group:staff:allow_join,allow_mod",
        "--allow=user:ada:allow_mod",
    )
    row = Application.objects.get()
    certificate = Certificate.objects.get()
    assert (done.code, done.out) == (
        0,
        f"rooms is registered; its certificate {certificate.fingerprint} is active.\n",
    )
    assert (row.name, row.slug, row.provider, row.public_id) == ("Meeting rooms", "rooms", "videosdk", VIDEOSDK_KEY)
    assert (row.environment, row.default_lifetime, row.maximum_lifetime) == ("sandbox", 600, 3600)
    rules = list(Rule.objects.order_by("pk"))
    assert [rule.privileges for rule in rules] == [["ask_join"], ["allow_join", "allow_mod"], ["allow_mod"]]
    assert (rules[0].everyone, [*rules[1].groups.all()], [*rules[2].users.all()]) == (True, [group], [user])
    with opened_secret(certificate, get_provider("videosdk")) as secret:
        assert secret.part("secret") == VIDEOSDK_SECRET


def test_the_audit_says_which_account_ran_it(add):
    add(*ROOMS, *FROM_ENV)
    assert AuditEvent.objects.earliest("pk").user_agent.startswith("token_issuer_add by ")


def test_an_account_of_the_machine_may_have_no_name(add, monkeypatch):
    def nobody():
        raise KeyError(1234)

    monkeypatch.setattr("getpass.getuser", nobody)
    add(*ROOMS, *FROM_ENV)
    assert AuditEvent.objects.earliest("pk").user_agent == "token_issuer_add by an account without a name"


def test_without_a_rule_it_says_that_nobody_may_mint(add):
    assert "Nobody may mint yet" in add(*ROOMS, *FROM_ENV).out


def test_a_site_policy_is_enough(add, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"rooms": "example_project.policy.rooms"}}
    assert "Nobody may mint yet" not in add(*ROOMS, *FROM_ENV).out


def test_options_are_the_providers_own(add, typed):
    typed(AGORA_CERTIFICATE)
    add(*CALLS, "--secret-stdin", "--option", "cohost_authentication=true", "--option", "channel_max=64")
    assert Application.objects.get().options == {"cohost_authentication": True, "channel_max": 64}


def test_a_terminal_is_asked_with_the_providers_label(add, at_terminal):
    questions = at_terminal(AGORA_CERTIFICATE)
    assert (add(*CALLS).code, questions) == (0, ["App certificate: "])


def test_a_reference_stores_no_secret(add):
    add(*ROOMS, "--reference", "env:ROOMS_SECRET")
    row = Certificate.objects.get()
    assert (row.reference, row.sealed_secret) == ("env:ROOMS_SECRET", None)


def test_every_wrong_value_is_named_and_no_secret_is_quoted(add, typed):
    typed("not-hex-at-all")
    done = add("agora", "calls", "--public-id=short", "--secret-stdin", "--option=bogus=1", "--default-lifetime=5")
    assert (done.code, sorted(line.partition(":")[0] for line in done.err.splitlines())) == (
        1,
        ["bogus", "certificate", "default_lifetime", "public_id"],
    )
    assert "not-hex" not in done.err
    assert not Application.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zoom", "rooms", "--public-id=x"], f"There is no provider 'zoom'; known: {', '.join(providers())}."),
        ([*ROOMS, *FROM_ENV, "--allow=everyone:fly"], "privileges: fly: not a privilege of VideoSDK"),
        ([*ROOMS, *FROM_ENV, "--allow=group:none:ask_join"], "There is no group 'none'."),
        (["videosdk", "my rooms", "--public-id=x", *FROM_ENV], "slug: may hold letters"),
    ],
)
def test_a_refusal_writes_nothing(add, arguments, message):
    done = add(*arguments)
    assert (done.code, message in done.err) == (1, True), done.err
    assert not Application.objects.exists()


# Again


def test_a_second_run_changes_nothing(add):
    add(*ROOMS, *FROM_ENV, "--allow=everyone:ask_join")
    before = AuditEvent.objects.count()
    done = add(*ROOMS, *FROM_ENV, "--allow=everyone:ask_join")
    assert (done.code, done.out) == (0, "rooms exists; 0 rules added.\n")
    assert (AuditEvent.objects.count(), Rule.objects.count(), Certificate.objects.count()) == (before, 1, 1)


def test_a_second_run_adds_the_missing_rule_and_asks_for_no_secret(add, typed):
    add(*ROOMS, *FROM_ENV, "--allow=everyone:ask_join")
    typed("")
    done = add(*ROOMS, "--allow=everyone:ask_join", "--allow=everyone:allow_join")
    assert (done.code, done.out) == (0, "rooms exists; 1 rules added.\n")
    assert Rule.objects.count() == 2


def test_another_secret_is_refused_with_the_way_to_go(add, typed):
    add(*ROOMS, *FROM_ENV)
    typed("z" * 64)
    done = add(*ROOMS, "--secret-stdin", "--allow=everyone:ask_join")
    assert (done.code, done.err) == (
        1,
        "rooms exists and has another secret. Run `token_issuer_rotate rooms` to give it this one.",
    )
    assert (Certificate.objects.count(), Rule.objects.count()) == (1, 0)


def test_the_same_reference_is_the_same_secret(add):
    add(*ROOMS, "--reference", "env:ROOMS_SECRET")
    assert add(*ROOMS, "--reference", "env:ROOMS_SECRET").code == 0
    assert "has another secret" in add(*ROOMS, "--reference", "env:OTHER").err


def test_without_an_active_certificate_it_points_to_rotating(add):
    add(*ROOMS, *FROM_ENV)
    rotating.revoke(caller(AnonymousUser()), Certificate.objects.get(), reason="leak", at=AT)
    assert "rooms exists and has no active certificate" in add(*ROOMS, *FROM_ENV).err
    assert Certificate.objects.get().state is CertificateState.REVOKED


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["agora", "rooms", "--public-id", VIDEOSDK_KEY], "provider: it is 'videosdk', not 'agora'"),
        (["videosdk", "rooms", "--public-id=other"], f"public_id: it is '{VIDEOSDK_KEY}', not 'other'"),
        ([*ROOMS, "--name=Other"], "name: it is 'rooms', not 'Other'"),
        ([*ROOMS, "--maximum-lifetime=2h"], "maximum_lifetime: it is None, not 7200"),
        ([*ROOMS, "--environment=live"], "environment: it is '', not 'live'"),
    ],
)
def test_other_values_are_refused_and_named(add, arguments, line):
    add(*ROOMS, *FROM_ENV)
    done = add(*arguments)
    assert (done.code, done.err) == (1, f"rooms exists and differs; change it in the admin.\n{line}")


def test_our_own_key_is_made_here_and_asked_of_nobody(add, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SCOPES": {"read": "Read."}}
    done = add("own", "api", "--algorithm=ES256", "--allow=everyone:read,tokens:issue", "--option=browser_pairs=true")
    certificate = Certificate.objects.get()
    assert done.out == f"api is registered; its certificate {certificate.fingerprint} is active.\n"
    assert (certificate.algorithm, certificate.state) == ("ES256", CertificateState.ACTIVE)
    assert (Application.objects.get().public_id, Rule.objects.get().privileges) == ("api", ["read", "tokens:issue"])


def test_what_nothing_signs_is_registered_without_a_certificate(add):
    done = add("own-once", "uploads", "--allow=everyone:readonly")
    assert (done.code, done.out) == (0, "uploads is registered; it needs no certificate.\n")


def test_a_group_may_be_allowed_a_scope_that_holds_a_colon(add):
    GroupFactory(name="staff")
    assert add("own", "api", "--allow=group:staff:tokens:issue").code == 0
    assert Rule.objects.get().privileges == ["tokens:issue"]


def test_a_vendors_public_id_is_not_made_up(add):
    done = add("agora", "calls", "--secret-from-env=ROOMS_SECRET")
    assert done.code == 1
    assert "public_id" in done.err
