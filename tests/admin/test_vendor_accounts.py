"""Somebody's name at a vendor, and what logs him in there."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.db import connection
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import ApplicationFactory, UserFactory, VendorAccountFactory
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, Certificate, VendorAccount
from token_issuer.providers.voximplant import VoximplantProvider
from token_issuer.services.opening import opened_proof


@pytest.fixture
def account(rooms):
    return VendorAccountFactory(application=rooms, number=7)


def save(client, account, posted):
    """Change an account as its page does, which says what the name was when it was made."""
    page = url("vendoraccount", "change", account.pk)
    seen = client.get(page).context["adminform"].form["seen"].value()
    return client.post(page, {"seen": seen, **posted})


def test_name_is_chosen_and_audited(site, account, chief):
    save(site, account, {"subject": "robert", "number": "8"})
    account.refresh_from_db()
    assert (account.subject, account.number) == ("robert", 7)
    event = AuditEvent.objects.get(kind=AuditKind.ACCOUNT_CHANGED)
    assert (event.user, event.application, event.detail) == (chief, account.application, {"account": str(account.pk)})


def test_name_is_taken_away_again(site, account):
    for chosen in ("robert", ""):
        save(site, account, {"subject": chosen})
    account.refresh_from_db()
    assert account.subject is None


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("anna", "is somebody else's name at this vendor"),
        ("a:1", "must not contain a colon: that would be somebody's second device"),
    ],
)
def test_name_of_somebody_else_is_refused(site, account, subject, message):
    VendorAccountFactory(application=account.application, subject="anna")
    VendorAccountFactory(application=ApplicationFactory(), subject="robert")
    answer = save(site, account, {"subject": subject})
    assert answer.context["adminform"].form.errors["subject"] == [message]


def test_name_is_refused_where_users_are_numbers(site):
    account = VendorAccountFactory(application=ApplicationFactory(provider="agora"))
    answer = save(site, account, {"subject": "robert"})
    assert answer.context["adminform"].form.errors["subject"] == ["this application names its users by number"]


def test_only_who_keeps_proofs_warns_of_losing_one(site, account, ada):
    told = [site.get(url("vendoraccount", "change", row.pk)).content.decode() for row in (account, ada)]
    assert ["ends the proof" in text for text in told] == [False, True]


def test_choosing_needs_permission(staff, account):
    page = url("vendoraccount", "change", account.pk)
    assert staff("view_vendoraccount").post(page, {"subject": "robert"}).status_code == 403
    assert save(staff("view_vendoraccount", "change_vendoraccount"), account, {"subject": "robert"}).status_code == 302


def test_an_account_of_somebody_who_is_gone_is_only_shown(site, rooms):
    account = VendorAccountFactory(application=rooms, subject="ada", user=None, principal_key=uuid7())
    page = url("vendoraccount", "change", account.pk)
    assert site.get(page).context["adminform"].form.fields["subject"].disabled
    assert site.post(page, {"subject": "robert"}).status_code == 403


def test_an_account_of_a_provider_that_is_gone_is_only_shown(site):
    account = VendorAccountFactory(application=ApplicationFactory(provider="gone"), subject="ada")
    page = url("vendoraccount", "change", account.pk)
    assert (site.get(page).status_code, site.post(page, {"subject": "x"}).status_code) == (200, 403)


def test_whoever_only_sees_is_asked_nothing(staff, phone):
    account = VendorAccountFactory(application=phone, subject="ada")
    answer = staff("view_vendoraccount").get(url("vendoraccount", "change", account.pk))
    assert [*answer.context["adminform"].form.fields] == ["subject"]
    assert b"Provision" not in answer.content


# Adding


def adding(application):
    return f"{url('vendoraccount', 'add')}?application={application.pk}"


def test_adding_asks_for_the_application_first(site, rooms, phone):
    answer = site.get(url("vendoraccount", "add"))
    assert [choice.url for choice in answer.context["choices"]] == [
        f"?application={row.pk}" for row in sorted([rooms, phone], key=lambda row: row.name)
    ]


def test_no_list_of_all_people_is_shown(site, phone):
    UserFactory(username="somebody-else")
    assert b"somebody-else" not in site.get(adding(phone)).content


def test_an_account_is_added_with_its_proof(site, phone, chief):
    user = UserFactory()
    answer = site.post(adding(phone), {"user": user.pk, "subject": "ada", "secret-password": "correct"})
    account = VendorAccount.objects.get()
    assert answer.url == url("vendoraccount", "change", account.pk)
    assert (account.user, account.application, account.subject) == (user, phone, "ada")
    assert kept(account) == VoximplantProvider().account_proof("ada", {"password": "correct"})
    assert AuditEvent.objects.get().kind == AuditKind.ACCOUNT_PROVED
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.action_flag) == (chief, str(account.pk), ADDITION)


def test_without_a_name_the_pattern_says_it(site, phone):
    user = UserFactory()
    site.post(adding(phone), {"user": user.pk, "subject": ""})
    assert (VendorAccount.objects.get().subject, VendorAccount.objects.get().sealed_secret) == (f"user-{user.pk}", None)


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"user": "", "subject": "ada"}, "user"),
        ({"user": "0", "subject": "ada"}, "user"),
        ({"user": "x", "subject": "ada"}, "user"),
        ({"user": "\0", "subject": "ada"}, "user"),
        ({"user": "9" * 40, "subject": "ada"}, "user"),
        ({"subject": "a b"}, "subject"),
        ({"subject": "ada", "secret-password": " x"}, "secret-password"),
    ],
)
def test_what_does_not_fit_stands_at_its_field(site, phone, posted, field):
    answer = site.post(adding(phone), {"user": UserFactory().pk, **posted})
    assert [*answer.context["adminform"].form.errors] == [field]
    assert not VendorAccount.objects.exists()


def test_a_second_account_is_refused(site, phone):
    account = VendorAccountFactory(application=phone, subject="ada")
    answer = site.post(adding(phone), {"user": account.user.pk, "subject": "eve"})
    assert [*answer.context["adminform"].form.errors] == ["user"]
    account.refresh_from_db()
    assert account.subject == "ada"


def test_adding_needs_the_permission_to_change(staff, phone):
    assert staff("view_vendoraccount", "add_vendoraccount").get(adding(phone)).status_code == 403
    assert staff("view_vendoraccount", "change_vendoraccount").get(adding(phone)).status_code == 200


# What proves its user


@pytest.fixture
def ada(phone):
    return VendorAccountFactory(application=phone, subject="ada")


def kept(account):
    account.refresh_from_db()
    with opened_proof(account) as proof:
        return dict(proof.parts)


def test_a_proof_is_set_and_never_shown(site, ada):
    page = url("vendoraccount", "change", ada.pk)
    save(site, ada, {"subject": "ada", "secret-password": "a-password"})
    proof = kept(ada)
    assert proof == VoximplantProvider().account_proof("ada", {"password": "a-password"})
    shown = site.get(page).content.decode() + site.get(url("vendoraccount", "changelist")).content.decode()
    assert not any(value in shown for value in ("a-password", proof["ha1"]))
    assert "Proof set" in shown


def test_what_was_entered_does_not_come_back_with_an_error(site, ada):
    answer = save(site, ada, {"subject": "a b", "secret-password": "a-password"})
    assert b"a-password" not in answer.content


def test_the_log_names_the_field_only(site, ada):
    save(site, ada, {"subject": "ada", "secret-password": "a-password"})
    assert LogEntry.objects.get().get_change_message() == "Changed Password."


def test_the_name_alone_keeps_or_ends_it(site, ada):
    save(site, ada, {"subject": "ada", "secret-password": "a-password"})
    save(site, ada, {"subject": "ada", "secret-password": ""})
    assert kept(ada)
    save(site, ada, {"subject": "eve", "secret-password": ""})
    ada.refresh_from_db()
    assert (ada.subject, ada.sealed_secret) == ("eve", None)


def test_help_of_a_provider_is_text(site, hotel):
    answer = site.get(adding(hotel)).content.decode()
    assert "&lt;b&gt;card&lt;/b&gt;" in answer


def test_without_a_key_ring_it_is_told(site, ada, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": []}
    posted = {"subject": "ada", "secret-password": "a-password"}
    changed = save(site, ada, posted)
    added = site.post(adding(ada.application), {**posted, "user": UserFactory().pk, "subject": "eve"})
    for answer in (changed, added):
        assert "ENCRYPTION_KEYS" in str(answer.context["adminform"].form.non_field_errors())
    assert [*VendorAccount.objects.values_list("subject", "sealed_secret")] == [("ada", None)]


@pytest.mark.parametrize("posted", [{"seen": "old"}, {}], ids=str)
def test_a_page_from_before_a_renaming_saves_nothing(site, ada, posted):
    """It would give him his old name back, with the new password."""
    page = url("vendoraccount", "change", ada.pk)
    answer = site.post(page, {"subject": "old", "secret-password": "a-password", **posted})
    assert answer.context["adminform"].form.non_field_errors() == [
        "The name was changed meanwhile. Nothing was saved: load this page again."
    ]
    ada.refresh_from_db()
    assert (ada.subject, ada.sealed_secret) == ("ada", None)
    assert b'name="seen"' in answer.content


def test_a_conflict_is_shown(site, ada):
    VendorAccount.objects.update(pending_at=timezone.now())
    answer = save(site, ada, {"subject": "eve"})
    assert "being set at the vendor" in str(answer.context["adminform"].form.non_field_errors())


# Forgetting


def forgetting(account):
    return url("vendoraccount", "forget", account.pk)


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_proof_is_forgotten_also_of_somebody_who_is_gone(site, phone, chief, is_gone):
    account = VendorAccountFactory(application=phone, subject="ada", proof={"ha1": "0" * 32})
    if is_gone:
        account.user.delete()
    page = url("vendoraccount", "change", account.pk)
    assert forgetting(account) in site.get(page).content.decode()
    assert b"copy of the proof" in site.get(forgetting(account)).content
    answer = site.post(forgetting(account), {"reason": "he left"}, follow=True)
    account.refresh_from_db()
    assert (messages_of(answer), account.sealed_secret, account.subject) == (["The proof is forgotten."], None, "ada")
    event = AuditEvent.objects.get(kind=AuditKind.ACCOUNT_CHANGED)
    assert (event.user, event.detail["proof"], event.detail["reason"]) == (chief, "forgotten", "he left")
    assert LogEntry.objects.get().get_change_message() == "Proof forgotten."
    assert forgetting(account) not in answer.content.decode()


def test_forgetting_needs_the_permission_to_change(staff, phone):
    account = VendorAccountFactory(application=phone, subject="ada", proof={"ha1": "0" * 32})
    assert staff("view_vendoraccount").post(forgetting(account), {"reason": "x"}).status_code == 403
    allowed = staff("view_vendoraccount", "change_vendoraccount")
    assert allowed.post(forgetting(account), {"reason": "x"}).status_code == 302
    account.refresh_from_db()
    assert account.sealed_secret is None


# Provisioning


def provisioning(account):
    return url("vendoraccount", "provision", account.pk)


def messages_of(answer):
    return [str(message) for message in answer.context["messages"]]


def test_it_is_confirmed_before_anybody_is_asked(site, ada, reception):
    assert provisioning(ada) in site.get(url("vendoraccount", "change", ada.pk)).content.decode()
    answer = site.get(provisioning(ada))
    assert (answer.status_code, reception.asked) == (200, [])
    assert "whoever uses the old one is out" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_vendor_sets_a_password(site, ada, reception, chief, monkeypatch):
    """Outside any transaction, under ATOMIC_REQUESTS too."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    answer = site.post(provisioning(ada), follow=True)
    assert messages_of(answer) == ["The vendor has set the new password; its proof is kept."]
    assert kept(ada) == VoximplantProvider().account_proof("ada", {"password": reception.guests["ada"]})
    assert reception.guests["ada"] not in answer.content.decode()
    assert (LogEntry.objects.get().get_change_message(), LogEntry.objects.get().user) == ("Provisioned.", chief)


def test_a_failure_is_shown_and_what_is_pending(site, ada, reception):
    reception.manners = "drop"
    answer = site.post(provisioning(ada), follow=True)
    assert messages_of(answer) == ["The vendor ended the connection without an answer."]
    assert "it is not known whether it was set" in answer.content.decode()
    assert not LogEntry.objects.exists()


def test_an_address_that_is_not_safe_is_told(site, ada, phone):
    type(phone).objects.update(options={"api_url": "https://127.0.0.1:1"})
    assert messages_of(site.post(provisioning(ada), follow=True)) == ["The vendor cannot be reached."]


def test_without_a_certificate_it_says_why_not(site, ada, reception):
    Certificate.objects.update(activated_at=None)
    page = site.get(url("vendoraccount", "change", ada.pk)).content.decode()
    assert "no active certificate of the purpose call" in page
    assert provisioning(ada) not in page
    answer = site.post(provisioning(ada), follow=True)
    assert "no active certificate of the purpose call" in messages_of(answer)[0]
    assert reception.asked == []


def test_nobody_is_made_for_a_user_who_is_gone(site, phone):
    account = VendorAccountFactory(application=phone, subject="ada", user=None, principal_key=uuid7())
    assert messages_of(site.post(provisioning(account), follow=True)) == ["It cannot be provisioned: its user is gone."]


def test_other_vendors_have_no_such_page(site, account):
    assert site.post(provisioning(account)).status_code == 404


def test_provisioning_needs_the_permission_to_change(staff, ada, reception):
    assert staff("view_vendoraccount").post(provisioning(ada)).status_code == 403
    assert staff("view_vendoraccount", "change_vendoraccount").post(provisioning(ada)).status_code == 302
    assert reception.asked == [("make", "ada")]
