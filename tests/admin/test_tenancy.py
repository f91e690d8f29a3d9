"""Staff of one tenant find nothing of another's: every page of ours is asked, also those added later."""

from __future__ import annotations

import logging

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.admin.addresses import url
from tests.admin.conftest import signed_in
from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    GroupFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
    api_key,
)
from token_issuer.models import AuditEvent, AuditKind, Certificate

# Django's own pages are visited, too: under ATOMIC_REQUESTS they open a transaction in every database.
pytestmark = pytest.mark.django_db(databases="__all__")

MARK = "zebra"  # stands in everything that the other tenant has


def of_rooms(user):
    return ["rooms"]


def of_all(user):
    return None


def of_superusers(user):
    return None if user.is_superuser else []


def failing(user):
    raise LookupError("which tenant?")


def one_text(user):
    return "rooms"


def numbers(user):
    return [1]


def odd_texts(user):
    return ["rooms", "a\0b", "\N{SNOWMAN}", "ROOMS2"]


def asked_by(settings, function):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.{function.__name__}"}


def rows_of(application, mark):
    """A row of each kind, with a name that betrays it."""
    user = UserFactory(username=f"{mark}-user")
    certificate = CertificateFactory(application=application, secret={"secret": mark.ljust(32, "x")})
    group = GroupFactory(name=f"{mark}-group")
    return {
        "application": application,
        "certificate": certificate,
        "rule": RuleFactory(
            application=application, everyone=False, resource_pattern=f"{mark}-*", for_groups=[group], for_users=[user]
        ),
        "issuedtoken": IssuedTokenFactory(
            certificate=certificate, user=user, subject=f"{mark}-subject", resource=f"{mark}-room"
        ),
        "auditevent": AuditEvent.objects.create(
            kind=AuditKind.DENIED, at=AT, application=application, user=user, detail={"reason": f"{mark}_reason"}
        ),
        "vendoraccount": VendorAccountFactory(application=application, user=user, subject=f"{mark}-account"),
        "vendorpair": VendorPairFactory(application=application, user=user, device=f"{mark}-device"),
        "onetimekey": OneTimeKeyFactory(application=application, user=user),
        "tokenfamily": TokenFamilyFactory(application=application, user=user, subject=f"{mark}-family"),
        "apikey": api_key(application=application, purpose=f"{mark} server", owner=user)[0],
    }


@pytest.fixture
def theirs(db):
    return rows_of(
        ApplicationFactory(slug=f"{MARK}-app", name="Zebra Corp", public_id=f"{MARK}-public", ready=True), MARK
    )


@pytest.fixture
def ours(rooms):
    return rows_of(rooms, "ours")


@pytest.fixture
def tenant(db, settings):
    """Somebody who may do everything, in one application."""
    asked_by(settings, of_rooms)
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="token_issuer"))
    return signed_in(user)


def our_pages():
    """Every page of ours in the admin: its name, and what its address takes."""
    for model, owner in admin.site._registry.items():
        if model._meta.app_label == "token_issuer":
            for pattern in owner.get_urls():
                if pattern.name:
                    yield pattern.name, tuple(pattern.pattern.converters)


PAGES = sorted(our_pages())
ROW_PAGES = [name for name, takes in PAGES if {"row_id", "object_id"} & set(takes)]
PERSON_PAGES = [name for name, takes in PAGES if takes == ("key",)]


def chosen(rows):
    return {"application": str(rows["application"].pk)}


def named(model):
    return lambda rows: {"pasted": str(rows[model].pk)}


def nothing(rows):
    return {}


def selected(model):
    return lambda rows: {"token": str(rows[model].pk), "reason": "because"}


def downloaded(rows):
    return {"format": "csv"}


# What a page without a row in its address is asked: what could name a row of the other tenant's.
ASKED = {
    "apikey_add": chosen,
    "apikey_changelist": nothing,
    "application_add": nothing,
    "application_changelist": nothing,
    "application_doctor": nothing,
    "application_try": nothing,
    "auditevent_add": nothing,
    "auditevent_changelist": nothing,
    "auditevent_export": downloaded,
    "certificate_add": chosen,
    "certificate_changelist": nothing,
    "certificate_try": chosen,
    "issuedtoken_add": nothing,
    "issuedtoken_changelist": nothing,
    "issuedtoken_check": nothing,
    "issuedtoken_export": downloaded,
    "issuedtoken_find": named("issuedtoken"),
    "issuedtoken_overview": nothing,
    "issuedtoken_revoke_selected": selected("issuedtoken"),
    "issuedtoken_revoke_where": lambda rows: {"certificate": str(rows["certificate"].pk), "reason": "because"},
    "onetimekey_add": nothing,
    "onetimekey_changelist": nothing,
    "onetimekey_export": downloaded,
    "onetimekey_revoke_selected": selected("onetimekey"),
    "rule_add": chosen,
    "rule_changelist": nothing,
    "rule_explain": chosen,
    "tokenfamily_add": nothing,
    "tokenfamily_changelist": nothing,
    "tokenfamily_export": downloaded,
    "tokenfamily_revoke_selected": selected("tokenfamily"),
    "vendoraccount_add": chosen,
    "vendoraccount_changelist": nothing,
    "vendorpair_add": nothing,
    "vendorpair_changelist": nothing,
}


def row_address(name, takes, theirs):
    """The page of the other tenant's row."""
    row = theirs[name.split("_")[2]].pk
    filled = {"row_id": row, "object_id": row, "purpose": "sign"}
    return reverse(f"admin:{name}", kwargs={part: filled[part] for part in takes})


def addresses(theirs):
    """Each address with the other tenant's row in it, and what is asked there."""
    for name, takes in PAGES:
        short = name.removeprefix("token_issuer_")
        if name in ROW_PAGES:
            yield row_address(name, takes, theirs), {"reason": "because", "post": "yes"}
        elif name in PERSON_PAGES:
            yield reverse(f"admin:{name}", args=[theirs["issuedtoken"].user.pk]), {"reason": "because"}
        elif not takes:
            yield reverse(f"admin:{name}"), ASKED[short](theirs)


def betrays(answer, theirs):
    sent = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = sent.decode().lower()
    hidden = [MARK, *(row.fingerprint for row in theirs.values() if hasattr(row, "fingerprint"))]
    return [word for word in hidden if word in text]


def test_every_page_has_an_entry():
    rest = {name.removeprefix("token_issuer_") for name, _takes in PAGES if name not in [*ROW_PAGES, *PERSON_PAGES]}
    assert rest == set(ASKED)


def test_no_page_shows_anything_of_another_tenant(tenant, ours, theirs):
    for address, asked in addresses(theirs):
        for answer in (tenant.get(address, asked, follow=True), tenant.post(address, asked, follow=True)):
            assert answer.status_code in (200, 403, 404), address
            assert betrays(answer, theirs) == [], address


def test_no_row_of_another_tenant_has_a_page(tenant, theirs):
    for address in (row_address(name, takes, theirs) for name, takes in PAGES if name in ROW_PAGES):
        for answer in (tenant.get(address), tenant.post(address, {"post": "yes", "reason": "because"})):
            # Django's own pages send away from what is not there.
            assert answer.status_code in (403, 404) or answer["Location"] == reverse("admin:index"), address


def test_nothing_of_another_tenant_changes(tenant, theirs):
    before = {model: type(row).objects.filter(pk=row.pk).values().get() for model, row in theirs.items()}
    for address, asked in addresses(theirs):
        tenant.post(address, asked)
        tenant.post(f"{address}?application={theirs['application'].pk}", asked)
    assert {model: type(row).objects.filter(pk=row.pk).values().get() for model, row in theirs.items()} == before


@pytest.mark.parametrize("model", ["issuedtoken", "rule", "onetimekey", "tokenfamily"])
def test_actions_find_no_row_of_another_tenant(tenant, theirs, model):
    action = "delete_selected" if model == "rule" else "revoke_selected"
    asked = {"action": action, "_selected_action": str(theirs[model].pk), "post": "yes"}
    assert betrays(tenant.post(url(model, "changelist"), asked, follow=True), theirs) == []
    assert type(theirs[model]).objects.filter(pk=theirs[model].pk).exists()


def test_own_rows_are_all_there(tenant, ours, theirs):
    for model, row in ours.items():
        listed = tenant.get(url(model, "changelist")).context["cl"].result_list
        assert row.pk in {each.pk for each in listed}, model
        assert tenant.get(url(model, "change", row.pk)).status_code == 200, model


def test_searching_finds_no_row_of_another_tenant(tenant, theirs):
    for term in (str(theirs["issuedtoken"].pk), f"{MARK}-subject", f"room:{MARK}-app/*", f"user:{MARK}-user"):
        answer = tenant.get(url("issuedtoken", "changelist"), {"q": term})
        assert [*answer.context["cl"].result_list] == [], term


def test_token_of_another_tenant_is_as_unknown_as_garbage(tenant, ours, theirs):
    key, secret = api_key(application=theirs["application"])
    text = f"{key.public_id}.{secret}"
    made_up = f"{key.public_id[:-1]}0.{secret}"

    def told(pasted):
        answer = tenant.post(url("issuedtoken", "check"), {"token": pasted})
        return answer.context["sentences"], answer.context["facts"]

    assert told(text) == told(made_up)
    assert key.public_id not in str(told(text))


def test_choices_are_the_tenants_own(tenant, ours, theirs):
    for model in ("rule", "apikey", "vendoraccount", "certificate"):
        choices = tenant.get(url(model, "add")).context["choices"]
        assert {choice.label for choice in choices} == {str(ours["application"])}, model


def test_nobody_restricted_adds_applications(tenant, rooms):
    assert tenant.get(url("application", "add")).status_code == 403
    assert tenant.post(url("application", "add") + "?provider=videosdk", {"name": "New"}).status_code == 403


def test_nobody_restricted_refers_to_what_the_server_has(tenant, ours, monkeypatch):
    monkeypatch.setenv("ANOTHER_TENANTS", "s3cr3t" * 8)
    asked = {"reference": "env:ANOTHER_TENANTS", "reason": "because"}
    Certificate.objects.filter(pk=ours["certificate"].pk).update(revoked_at=AT)  # so that the next step is to stage
    active, before = ours["application"].certificates.active().get(), Certificate.objects.count()
    pages = [
        url("certificate", "add") + f"?application={ours['application'].pk}",
        url("certificate", "try") + f"?application={ours['application'].pk}",
        url("certificate", "replace", active.pk),
        url("certificate", "try_replacement", active.pk),
        url("application", "rotate", ours["application"].pk, "sign"),
    ]
    for page in pages:
        assert 'name="reference"' not in tenant.get(page, follow=True).content.decode(), page
        answer = tenant.post(page, asked).content.decode()
        assert "is required" in answer, page
    assert Certificate.objects.count() == before


def test_nobody_restricted_says_where_secrets_go(tenant, ours):
    page = url("application", "change", ours["application"].pk)
    form = tenant.get(page).context["adminform"].form
    assert form.fields["option-api_url"].disabled


def test_events_without_an_application_are_not_theirs(tenant, rooms):
    event = AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, detail={})
    assert [*tenant.get(url("auditevent", "changelist")).context["cl"].result_list] == []
    assert tenant.get(url("auditevent", "change", event.pk), follow=True).redirect_chain


def test_function_decides_about_superusers_too(site, settings, theirs, rooms):
    asked_by(settings, of_rooms)
    assert [*site.get(url("application", "changelist")).context["cl"].result_list] == [rooms]
    assert site.get(url("application", "change", theirs["application"].pk)).status_code == 404


@pytest.mark.parametrize("function", [of_all, of_superusers])
def test_none_stands_for_all(site, settings, ours, theirs, function):
    asked_by(settings, function)
    assert len(site.get(url("application", "changelist")).context["cl"].result_list) == 2
    assert site.get(url("application", "add")).status_code == 200


def test_texts_that_are_no_slugs_name_nothing(site, settings, rooms):
    ApplicationFactory(slug="rooms2")
    asked_by(settings, odd_texts)
    assert [*site.get(url("application", "changelist")).context["cl"].result_list] == [rooms]


@pytest.mark.parametrize("function", [failing, one_text, numbers])
def test_function_that_fails_opens_nothing(site, settings, rooms, caplog, function):
    asked_by(settings, function)
    with caplog.at_level(logging.ERROR, logger="token_issuer.security"):
        for page in (url("application", "changelist"), url("application", "change", rooms.pk), url("rule", "add")):
            assert site.get(page).status_code == 403, page
    (record, *_more) = caplog.records
    assert record.event == "staff_refused"
    assert record.exc_info
    assert site.get(reverse("admin:index")).status_code == 200


def test_setting_that_names_nothing_opens_nothing(site, settings, rooms):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": "no_such_package.f"}
    assert site.get(url("application", "changelist")).status_code == 403


def test_function_is_asked_once_for_a_page(site, settings, rooms, monkeypatch):
    asked = []

    def counting(user):
        asked.append(user)

    monkeypatch.setitem(globals(), "of_all", counting)
    counting.__name__ = "of_all"
    asked_by(settings, counting)
    site.get(url("application", "change", rooms.pk))
    assert len(asked) == 1
