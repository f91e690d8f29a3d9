"""A user's account at a vendor from the command line."""

from __future__ import annotations

import queue
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT, VendorAccountFactory
from tests.guests import proof_of
from token_issuer.models import AuditEvent, Certificate, VendorAccount
from token_issuer.providers.voximplant import VoximplantProvider
from token_issuer.services import naming
from token_issuer.services.opening import opened_proof

PROOF = VoximplantProvider().account_proof("user-1", {"password": "correct"})


def kept():
    with opened_proof(VendorAccount.objects.get()) as proof:
        return dict(proof.parts)


def test_a_password_comes_from_standard_input(run, typed, user, phone):
    typed("correct\n")
    done = run("token_issuer_account", "phone", "ada", "--name=user-1", "--secret-stdin")
    assert (done.code, done.err) == (0, "")
    assert done.out == "What proves user-1 at the vendor is kept, sealed; what was entered is not.\n"
    assert kept() == PROOF


def test_a_password_comes_from_the_environment(run, user, phone, monkeypatch):
    monkeypatch.setenv("ADAS", "correct")
    assert run("token_issuer_account", "phone", "ada", "--name=user-1", "--secret-from-env=ADAS").code == 0
    assert kept() == PROOF


def test_a_terminal_is_asked(run, user, phone, at_terminal):
    questions = at_terminal("correct")
    run("token_issuer_account", "phone", "ada", "--name=user-1")
    assert (questions, kept()) == (["Password: "], PROOF)


def test_several_parts_are_json(run, typed, user, hotel):
    typed('{"word": "correct", "floor": "2"}')
    run("token_issuer_account", "hotel", "ada", "--name=ada", "--secret-stdin")
    assert kept() == {"proof": proof_of("ada", "correct")}


def test_the_name_that_he_has_is_kept(run, typed, user, phone):
    VendorAccountFactory(application=phone, user=user, subject="user-1")
    typed("correct")
    run("token_issuer_account", "phone", "ada", "--secret-stdin")
    assert kept() == PROOF


def test_the_audit_says_who_ran_it(run, typed, user, phone):
    typed("correct")
    run("token_issuer_account", "phone", "ada", "--secret-stdin")
    assert AuditEvent.objects.get().user_agent.startswith("token_issuer_account by ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["rooms", "ada", "--secret-stdin"], "application: VideoSDK keeps nothing that proves its users"),
        (["rooms", "ada", "--provision"], "application: VideoSDK makes no users at the vendor"),
        (["phone", "ada", "--name=a b", "--secret-stdin"], "subject: must be the name before the @"),
        (["phone", "nobody", "--secret-stdin"], "There is no user with the name or key 'nobody'."),
        (["gone", "ada", "--secret-stdin"], "There is no application 'gone'; there are: phone, rooms."),
        (["phone", "ada", "--show", "--provision"], "--show goes with nothing else."),
        (["phone", "ada", "--show", "--name=x"], "--show goes with nothing else."),
        (["phone", "ada", "--show", "--secret-stdin"], "--show goes with nothing else."),
        (["phone", "ada", "--show", "--forget"], "--show goes with nothing else."),
        (["phone", "ada", "--forget", "--provision"], "--forget goes with --name alone."),
        (["phone", "ada", "--forget", "--secret-stdin"], "--forget goes with --name alone."),
        (["phone", "ada", "--provision", "--secret-stdin"], "--provision makes the password itself"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(run, typed, user, phone, rooms, arguments, why):
    typed("correct")
    done = run("token_issuer_account", *arguments)
    assert (done.code, done.out, VendorAccount.objects.count()) == (1, "", 0)
    assert done.err.startswith(why)


def test_elsewhere_a_name_is_all_there_is(run, user, rooms):
    done = run("token_issuer_account", "rooms", "ada", "--name=countess")
    assert (done.code, done.out) == (0, "He is called countess at the vendor.\n")
    assert VendorAccount.objects.get().subject == "countess"


# Provisioning


def test_the_vendor_sets_a_password_that_nobody_sees(run, user, phone, reception):
    done = run("token_issuer_account", "phone", "ada", "--name=user-1", "--provision")
    assert (done.code, done.out) == (
        0,
        "user-1 has a new password at the vendor, which nobody knows; its proof is kept.\n",
    )
    assert kept() == VoximplantProvider().account_proof("user-1", {"password": reception.guests["user-1"]})


def test_a_no_says_that_what_he_had_stays(run, user, phone, reception):
    reception.manners = "refuse"
    done = run("token_issuer_account", "phone", "ada", "--provision")
    assert (done.code, done.err) == (
        1,
        "The vendor refused the call with status 403. It was not set, and what he had stays.",
    )


def test_another_name_is_refused_and_the_old_login_stays(run, typed, user, phone, reception):
    typed("correct")
    run("token_issuer_account", "phone", "ada", "--name=user-1", "--secret-stdin")
    done = run("token_issuer_account", "phone", "ada", "--name=eve", "--provision")
    assert (done.code, reception.asked, VendorAccount.objects.get().subject, kept()) == (1, [], "user-1", PROOF)
    assert done.err == "subject: is not what he is called at this vendor: rename him first, which ends his proof"
    told = run("token_issuer_account", "phone", "ada", "--name=eve", "--forget").out
    assert told == "What proved him here is forgotten.\nHe is called eve at the vendor.\n"
    assert run("token_issuer_account", "phone", "ada", "--name=eve", "--provision").code == 0


def test_what_is_not_known_says_what_to_do(run, user, phone, reception):
    reception.manners = "drop"
    done = run("token_issuer_account", "phone", "ada", "--provision")
    assert done.err.endswith("It is not known whether the password was set: run this again in half a minute.")
    reception.manners = "polite"
    again = run("token_issuer_account", "phone", "ada", "--provision")
    assert again.err == "A password for this account is being set at the vendor; try again in 30 s."
    assert run("token_issuer_account", "phone", "ada", "--provision", at=AT + naming.LEASE).code == 0


def test_without_a_certificate_it_says_which(run, user, phone):
    Certificate.objects.update(activated_at=None)
    done = run("token_issuer_account", "phone", "ada", "--provision")
    assert done.err == "The application has no active certificate for the purpose 'call'."


@pytest.mark.django_db(transaction=True)
def test_killed_while_the_vendor_is_asked(user, phone, reception, live_process):
    """The next run replaces what is pending, and they agree."""
    victims: queue.Queue = queue.Queue()
    reception.after = lambda password: victims.get(timeout=30).send_signal(signal.SIGKILL)
    with live_process("token_issuer_account", "phone", "ada", "--name=user-1", "--provision") as running:
        victims.put(running)
        running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    row = VendorAccount.objects.get()
    assert (row.sealed_secret, row.pending_secret is None) == (None, False)
    VendorAccount.objects.update(pending_at=timezone.now() - naming.LEASE)
    reception.after = lambda password: None
    with live_process("token_issuer_account", "phone", "ada", "--provision") as again:
        told, _ = again.communicate(timeout=60)
    assert (again.returncode, "has a new password" in told) == (0, True)
    assert kept() == VoximplantProvider().account_proof("user-1", {"password": reception.guests["user-1"]})


# Forgetting


def test_what_proves_him_is_forgotten_and_his_name_stays(run, typed, user, phone):
    typed("correct")
    run("token_issuer_account", "phone", "ada", "--name=user-1", "--secret-stdin")
    told = [run("token_issuer_account", "phone", "ada", "--forget").out for _ in range(2)]
    assert told == ["What proved him here is forgotten.\n", "Nothing proves him here.\n"]
    row = VendorAccount.objects.get()
    assert (row.subject, row.sealed_secret, row.proved_at) == ("user-1", None, None)
    assert AuditEvent.objects.latest("pk").detail == {
        "account": str(row.pk),
        "proof": "forgotten",
        "reason": "by command",
    }


def test_nothing_is_forgotten_of_who_has_no_account(run, user, phone):
    done = run("token_issuer_account", "phone", "ada", "--forget")
    assert (done.code, done.out, VendorAccount.objects.count()) == (0, "Nothing proves him here.\n", 0)


# Showing


def test_it_shows_what_there_is(run, typed, user, phone):
    typed("correct")
    run("token_issuer_account", "phone", "ada", "--name=user-1", "--secret-stdin")
    done = run("token_issuer_account", "phone", "ada", "--show", at=AT + timedelta(minutes=3))
    assert done.out.splitlines() == ["name at the vendor: user-1", "proof set at: 2026-03-01T12:00:00Z (3 min ago)"]


def test_it_shows_what_is_open(run, user, phone):
    VendorAccountFactory(application=phone, user=user, number=7, pending_at=AT - timedelta(hours=1))
    assert run("token_issuer_account", "phone", "ada", "--show").out.splitlines() == [
        "name at the vendor: by the pattern",
        "number: 7",
        "proof set at: never",
        "a password was on its way to the vendor: 2026-03-01T11:00:00Z (1 h ago); provision him again",
    ]


def test_it_shows_that_there_is_nothing(run, user, phone):
    assert run("token_issuer_account", "phone", "ada", "--show").out == "He has no account at this application.\n"


def test_the_certificate_that_is_missing_comes_by_rotating(run, typed, user, hotel, reception):
    Certificate.objects.all().delete()
    assert run("token_issuer_account", "hotel", "ada", "--provision").code == 1
    typed("n" * 32)
    assert run("token_issuer_rotate", "hotel", "--purpose=call", "--secret-stdin").code == 0
    assert run("token_issuer_rotate", "hotel", "--purpose=call", "--activate").code == 0
    assert run("token_issuer_account", "hotel", "ada", "--provision").code == 0
    assert reception.keys == {"n" * 32}
