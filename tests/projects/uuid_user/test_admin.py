"""The admin for people whose model has nothing but a UUID."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import ApplicationFactory, IssuedTokenFactory
from tests.projects.uuid_user.models import Person
from token_issuer.models import IssuedToken, Rule

FAR = datetime(2100, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chief():
    return Person.objects.create(handle="chief", is_staff=True)


@pytest.fixture
def site(chief):
    client = Client()
    client.force_login(chief)
    return client


def url(model, page, *args):
    return reverse(f"admin:token_issuer_{model}_{page}", args=args)


def test_a_rule_names_people_by_their_id(site, chief):
    application = ApplicationFactory()
    page = url("rule", "add") + f"?application={application.pk}"
    data = {"privileges": ["allow_join"], "priority": "1", "resource_pattern": "*", "users": str(chief.pk)}
    assert site.post(page, data).status_code == 302
    rule = Rule.objects.get()
    assert ([*rule.users.all()], rule.created_by) == ([chief], chief)
    assert "1 user may" in site.get(url("rule", "changelist")).content.decode()


def test_a_token_is_found_by_its_persons_handle_and_revoked(site, chief):
    token = IssuedTokenFactory(user=Person.objects.create(handle="ada"))
    IssuedTokenFactory(user=chief)
    for term in ("user:ada", f"user:{token.user.pk}"):
        answer = site.get(url("issuedtoken", "changelist"), {"q": term})
        assert [*answer.context["cl"].result_list] == [token]
    site.post(url("issuedtoken", "revoke", token.pk), {"reason": "leaked"})
    assert IssuedToken.objects.get(pk=token.pk).revoked_by == chief


def test_the_box_leads_from_a_person_to_the_end_of_all_he_has(site):
    ada = Person.objects.create(handle="ada")
    token = IssuedTokenFactory(user=ada, issued_at=timezone.now())
    leads = url("issuedtoken", "person", ada.pk)
    for term in ("ada", str(ada.pk), f"user:{ada.pk}"):
        assert site.post(url("issuedtoken", "find"), {"pasted": term})["Location"] == leads, term
    page = url("issuedtoken", "person_end", ada.pk)
    (asked,) = re.findall(r'name="asked" value="([^"]+)"', site.get(page).content.decode())
    site.post(page, {"reason": "left", "asked": asked})
    assert not IssuedToken.objects.live(timezone.now()).exists()
    assert LogEntry.objects.get().object_id == str(ada.pk)
    where = url("issuedtoken", "revoke_where") + f"?user={ada.pk}"
    IssuedTokenFactory(user=ada, issued_at=timezone.now(), epochs=1, certificate=token.certificate)
    text = site.get(where).content.decode()
    (asked,) = re.findall(r'name="asked" value="([^"]+)"', text)
    assert "1 token was ended" in site.post(where, {"reason": "left", "asked": asked}).content.decode()


def test_a_temporary_token_is_made_and_checked(site, chief, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    application = ApplicationFactory(ready=True)
    opened = site.get(url("application", "temporary", application.pk)).context["form"].initial["sending"]
    sent = {"sending": opened, "option-roomId": "a", "option-permissions": "allow_join", "option-roles": "rtc"}
    answer = site.post(url("application", "temporary", application.pk), sent)
    made = answer.context["made"].token.reveal()
    assert (IssuedToken.objects.get().user, IssuedToken.objects.get().temporary) == (chief, True)
    checked = site.post(url("issuedtoken", "check"), {"token": made})
    assert {"good", "temporary"} <= {word for word, _text in checked.context["sentences"]}


def test_the_overview_is_there_for_people_without_names(site):
    IssuedTokenFactory(user=Person.objects.create(handle="somebody"))
    text = site.get(url("issuedtoken", "overview")).content.decode()
    assert "Live tokens" in text
    assert url("issuedtoken", "overview") in site.get(reverse("admin:app_list", args=["token_issuer"])).content.decode()


def test_a_leaked_certificate_is_replaced_and_rotations_name_people(site, chief):
    application = ApplicationFactory(ready=True, created_by=chief)
    old = application.certificates.get()
    IssuedTokenFactory(certificate=old, user=Person.objects.create(handle="ada"), expires_at=FAR)
    site.post(url("certificate", "add") + f"?application={application.pk}", {"secret-secret": "f" * 40})
    site.post(url("certificate", "activate", application.certificates.exclude(pk=old.pk).get().pk))
    page = site.get(url("application", "rotate", application.pk, "sign")).content.decode()
    assert "ada" in page
    active = application.certificates.active().get()
    site.post(url("certificate", "replace", active.pk), {"secret-secret": "g" * 40, "reason": "leak"})
    active.refresh_from_db()
    assert active.revoked_at is not None
    assert "chief" in site.get(url("application", "changelist")).content.decode()


def test_a_person_has_a_page_by_his_uuid_also_when_he_is_gone(site, chief):
    ada = Person.objects.create(handle="ada")
    token, page = IssuedTokenFactory(user=ada), url("issuedtoken", "person", ada.pk)
    assert page in site.get(url("issuedtoken", "change", token.pk)).content.decode()
    for gone in (False, True):
        answer = site.get(page)
        assert [line.entry.row for line in answer.context["timeline"]] == [token.pk]
        assert (answer.context["person"].user is None) == gone
        Person.objects.filter(pk=token.user_id).delete()
    assert site.get(url("issuedtoken", "person", "not-a-uuid")).status_code == 404
    sent = b"".join(site.post(url("issuedtoken", "export"), {"format": "jsonl"}).streaming_content)
    assert str(token.principal_key) in sent.decode()
