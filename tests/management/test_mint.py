"""A token for a user from the command line, under the same policy."""

from __future__ import annotations

import json

import jsonschema
import jwt
import pytest
from django.contrib.auth.models import Permission

from tests.factories import VIDEOSDK_SECRET, RuleFactory
from tests.papers import read
from token_issuer.models import IssuedToken, Rule, RuleWindow


@pytest.fixture
def mint(run, user):
    return lambda *arguments: run("token_issuer_mint", *arguments, "--user=ada")


def test_the_answer_is_the_one_of_the_api(mint, rooms, user):
    done = mint("rooms", "--grant=roomId=a")
    answer = json.loads(done.out)
    claims = jwt.decode(answer.pop("token"), VIDEOSDK_SECRET, algorithms=["HS256"], options={"verify_exp": False})
    assert (claims["roomId"], claims["participantId"]) == ("a", f"user-{user.pk}")
    row = IssuedToken.objects.get()
    sdk = answer.pop("sdk")
    assert (sdk["meetingId"], sdk["participantId"]) == ("a", f"user-{user.pk}")
    assert answer == {
        "format": "videosdk-jwt",
        "token_id": str(row.pk),
        "application": "rooms",
        "provider": "videosdk",
        "public_id": rooms.public_id,
        "subject": f"user-{user.pk}",
        "resource": "a",
        "privileges": ["allow_join"],
        "slot": 0,
        "issued_at": "2026-03-01T12:00:00Z",
        "expires_at": "2026-03-01T12:10:00Z",
        "expires_in": 600,
        "renew_at": None,
        "renew_in": None,
        "server_time": "2026-03-01T12:00:00Z",
        "one_time": False,
        "revocation": "at_next_join",
        "notices": [],
    }


@pytest.mark.parametrize(("slug", "grant"), [("rooms", "roomId=a"), ("calls", "channel=a")])
def test_the_answer_has_the_members_of_the_published_schema(mint, rooms, calls, slug, grant):
    schema = json.loads(read("docs/openapi.json"))["components"]["schemas"]["Issuance"]
    jsonschema.validate(json.loads(mint(slug, f"--grant={grant}").out), schema)


def test_the_row_says_that_a_command_issued_it(mint, rooms, user):
    mint("rooms", "--grant=roomId=a")
    row = IssuedToken.objects.get()
    assert (row.origin, row.user, row.decision) == ("command", user, f"rule:{Rule.objects.get().pk}")
    assert row.user_agent.startswith("token_issuer_mint by ")


def test_lifetime_and_slot(mint, calls):
    answer = json.loads(mint("calls", "--grant=channel=a", "--lifetime=5m", "--slot=2").out)
    assert (answer["expires_in"], answer["slot"], answer["subject"], answer["renew_in"]) == (300, 2, "18", 270)
    assert answer["sdk"]["uid"] == 18


def test_every_wrong_field_is_named(mint, calls):
    done = mint("calls", "--grant=role=king", "--grant=uid=5", "--lifetime=5s")
    assert (done.code, sorted(line.partition(":")[0] for line in done.err.splitlines())) == (
        1,
        ["channel", "lifetime", "role", "uid"],
    )
    assert done.out == ""


def test_a_denial_points_to_explain(mint, rooms):
    done = mint("rooms", "--grant=roomId=a", "--grant=permissions=allow_mod")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "Policy denied this: privilege_not_granted. Run it again with --explain to see how each rule answers."
    )


def test_an_application_that_is_not_there(mint, rooms):
    assert mint("ROOMS").err == "There is no application 'ROOMS'; there are: rooms."


def test_no_application_at_all(mint):
    assert mint("rooms").err == "There is no application 'rooms'; there are: none yet."


def test_a_deactivated_user_gets_nothing(mint, rooms, user):
    user.is_active = False
    user.save()
    assert mint("rooms", "--grant=roomId=a").err == "This account is not active."


# Temporary


@pytest.fixture
def may(user, settings):
    """The user may make temporary tokens, and this is a test system."""
    user.user_permissions.add(Permission.objects.get(codename="make_temporary_token"))
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}


def test_a_temporary_one_asks_no_policy(mint, rooms, may):
    Rule.objects.all().delete()
    answer = json.loads(mint("rooms", "--grant=roomId=a", "--temporary", "--slot=1").out)
    assert (answer["temporary"], answer["expires_in"], answer["resource"]) == (True, 3600, "a")
    row = IssuedToken.objects.get()
    assert (row.temporary, row.origin, row.decision, row.slot) == (True, "command", "temporary", 1)


def test_a_temporary_one_is_bound_to_a_room(mint, rooms, may):
    done = mint("rooms", "--temporary")
    assert (done.code, done.out) == (1, "")
    assert done.err == "roomId: must name exactly one: a temporary token opens one channel or room"


@pytest.mark.parametrize("lifetime", ["1d", "86400", "PT24H"])
def test_a_temporary_one_lives_for_a_day_at_most(mint, rooms, may, lifetime):
    assert json.loads(mint("rooms", "--grant=roomId=a", "--temporary", f"--lifetime={lifetime}").out)["expires_in"] == (
        86_400
    )


def test_a_temporary_one_needs_its_user_to_have_the_permission(mint, rooms, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    done = mint("rooms", "--grant=roomId=a", "--temporary")
    assert (done.code, done.err) == (1, "This takes the permission token_issuer.make_temporary_token.")


def test_temporary_tokens_are_off_outside_debug(mint, rooms):
    done = mint("rooms", "--grant=roomId=a", "--temporary")
    assert (done.code, done.err.startswith('Temporary tokens are off here: TOKEN_ISSUER["TEMPORARY_TOKENS"]')) == (
        1,
        True,
    )


def test_there_is_nothing_to_explain_of_a_temporary_one(mint, rooms, may):
    done = mint("rooms", "--grant=roomId=a", "--temporary", "--explain")
    assert done.err == "Policy is not asked for a temporary token: there is nothing to explain."
    assert not IssuedToken.objects.exists()


# Explaining


def test_explain_tells_each_rule_and_mints_nothing(mint, rooms):
    first = Rule.objects.get()
    second = RuleFactory(application=rooms, privileges=["allow_mod"], limit=3, window=60)
    done = mint("rooms", "--grant=roomId=a", "--grant=permissions=allow_mod", "--explain")
    assert done.out.splitlines() == [
        f"rule:{first.pk}: privilege_not_granted  (allow_join on *)",
        f"rule:{second.pk}: allows  (allow_mod on *)",
        f"It would be granted by rule:{second.pk} for 600 s, at most 86400 s. 3 more are left in this window.",
    ]
    assert (IssuedToken.objects.count(), RuleWindow.objects.count()) == (0, 0)


def test_explain_ends_with_1_when_refused(mint, rooms):
    done = mint("rooms", "--explain")
    assert (done.code, done.err) == (1, "It would be refused: wildcard_not_granted.")
    assert "wildcard_not_granted  (allow_join on *)" in done.out


def test_explain_says_that_nobody_answered(mint, rooms):
    Rule.objects.all().delete()
    done = mint("rooms", "--grant=roomId=a", "--explain")
    assert (done.out, done.err) == (
        "No rule names this user, and no site policy answered.\n",
        "It would be refused: no_rule.",
    )


def test_explain_names_the_site_policy(mint, calls, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"calls": f"{__name__}.allow_nothing"}}
    done = mint("calls", "--grant=channel=a", "--explain")
    assert done.out == f"policy:{__name__}.allow_nothing: closed\n"


def allow_nothing(ask):
    from token_issuer import Deny

    return Deny("closed")
