"""One person's page: who he is, what he has, what happened to him; and who may see how much of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.factories import (
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
    caller,
)
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, AuditKind, IssuedToken
from token_issuer.services import revoking


@pytest.fixture
def ada(db):
    return UserFactory(username="ada")


def page_of(user):
    return url("issuedtoken", "person", user.pk)


def told(answer):
    return [str(line.entry.what) for line in answer.context["timeline"]]


def held(answer):
    return {line.holding.model: line.holding.count for line in answer.context["held"]}


def everything_of(user, application, certificate):
    """One of each thing that a page about a person tells of."""
    now = timezone.now()
    family = TokenFamilyFactory(
        application=application, user=user, idle_expires_at=now + timedelta(days=1), expires_at=now + timedelta(days=1)
    )
    AuditEvent.objects.create(
        kind=AuditKind.DENIED, at=now, user=user, application=application, detail={"reason": "no_rule"}
    )
    return {
        "issuedtoken": IssuedTokenFactory(certificate=certificate, user=user, family=family, issued_at=now),
        "tokenfamily": family,
        "onetimekey": OneTimeKeyFactory(application=application, user=user, created_at=now),
        "vendorpair": VendorPairFactory(application=application, user=user, ends_at=now + timedelta(days=1)),
        "vendoraccount": VendorAccountFactory(application=application, user=user, subject="ada-there"),
    }


def test_it_says_who_he_is_what_he_has_and_what_happened(site, rooms, active, ada):
    everything_of(ada, rooms, active)
    answer = site.get(page_of(ada))
    assert held(answer) == dict.fromkeys(["issuedtoken", "tokenfamily", "onetimekey", "vendorpair", "vendoraccount"], 1)
    assert set(told(answer)) == {
        "token issued", "token family begun", "one-time key made", "vendor pair kept", "vendor account made", "denied",
    }  # fmt: skip
    assert "ada" in text_of(answer)
    assert f'href="/admin/auth/user/{ada.pk}/change/"' in answer.content.decode()


def test_what_has_ended_is_told_and_not_counted(site, chief, rooms, active, ada):
    everything_of(ada, rooms, active)
    revoking.revoke_user(caller(chief), ada, reason="left", at=timezone.now())
    answer = site.get(page_of(ada))
    counts = held(answer)
    assert (counts["issuedtoken"], counts["tokenfamily"], counts["onetimekey"], counts["vendorpair"]) == (0, 0, 0, 0)
    assert told(answer)[0] == "all tokens of this person ended"


def test_counts_are_capped(site, active, ada, monkeypatch):
    monkeypatch.setattr("token_issuer.services.people.MOST_COUNTED", 2)
    IssuedTokenFactory.create_batch(3, certificate=active, user=ada, issued_at=timezone.now())
    answer = site.get(page_of(ada))
    assert held(answer)["issuedtoken"] == 2
    assert "2 or more" in text_of(answer)


def test_no_more_than_his_newest_rows_are_looked_at(site, active, ada, monkeypatch):
    monkeypatch.setattr("token_issuer.services.people.MOST_LOOKED_AT", 2)
    IssuedTokenFactory.create_batch(2, certificate=active, user=ada, issued_at=timezone.now())
    assert (held(site.get(page_of(ada)))["issuedtoken"], "or more" in text_of(site.get(page_of(ada)))) == (2, False)
    IssuedTokenFactory(certificate=active, user=ada)
    answer = site.get(page_of(ada))
    assert held(answer)["issuedtoken"] == 1
    assert "1 or more" in text_of(answer)


def test_inactive_person_is_said_to_be_so(site, ada):
    assert "not active" not in text_of(site.get(page_of(ada)))
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    assert "not active" in text_of(site.get(page_of(ada)))


def test_deleted_person_is_known_by_what_names_him(site, rooms, active, ada):
    rows, page = everything_of(ada, rooms, active), page_of(ada)
    ada.delete()
    answer = site.get(page)
    assert "deleted" in text_of(answer)
    assert set(told(answer)) == {"token issued", "token family begun", "one-time key made"}
    assert held(answer)["issuedtoken"] == 1
    assert str(rows["issuedtoken"].pk) in answer.content.decode()


@pytest.mark.parametrize("key", ["999", "nobody", "9" * 40, "-1", "%00", "1%00", "1.5", "a" * 3000, "%E2%80%AE1"])
def test_whom_nobody_knows_is_not_found(site, key):
    assert site.get(f"/admin/token_issuer/issuedtoken/person/{key}/").status_code == 404


def test_it_wants_the_permission_to_see_tokens(staff, ada):
    assert staff("view_issuedtoken").get(page_of(ada)).status_code == 200
    assert staff("view_auditevent", "view_tokenfamily", "revoke_issuedtoken").get(page_of(ada)).status_code == 403


@pytest.mark.parametrize(
    ("permission", "model", "words"),
    [
        ("view_tokenfamily", "tokenfamily", "token family begun"),
        ("view_onetimekey", "onetimekey", "one-time key made"),
        ("view_vendorpair", "vendorpair", "vendor pair kept"),
        ("view_vendoraccount", "vendoraccount", "vendor account made"),
        ("view_auditevent", None, "denied"),
    ],
)
def test_each_thing_is_shown_with_its_own_permission(staff, rooms, active, ada, permission, model, words):
    everything_of(ada, rooms, active)
    little = staff("view_issuedtoken").get(page_of(ada))
    assert (told(little), list(held(little))) == (["token issued"], ["issuedtoken"])
    more = staff("view_issuedtoken", permission).get(page_of(ada))
    assert set(told(more)) == {"token issued", words}
    assert (model is None) or held(more)[model] == 1


def test_the_site_s_own_page_of_him_is_linked_for_who_may_see_it(staff, viewer, ada):
    assert f"/admin/auth/user/{ada.pk}/" not in viewer.get(page_of(ada)).content.decode()


def test_older_entries_are_a_page_away(site, active, ada, monkeypatch):
    rows = [IssuedTokenFactory(certificate=active, user=ada).pk for _ in range(120)]
    seen, page = [], page_of(ada)
    while True:
        answer = site.get(page)
        seen += [line.entry.row for line in answer.context["timeline"]]
        if not answer.context["older"]:
            break
        page = page_of(ada) + "?" + answer.context["older"]
    assert seen == rows[::-1]


@pytest.mark.parametrize("before", ["", "x", "1-2-3", "0-" + "f" * 32 + "-11", "\0", "f" * 12 + "-" + "0" * 32 + "-x"])
def test_place_that_is_none_is_not_found(site, ada, before):
    assert site.get(page_of(ada), {"before": before}).status_code == 404


@pytest.mark.parametrize("before", ["0-" + "0" * 32 + "-0", "f" * 12 + "-" + "f" * 32 + "-9"])
def test_place_beyond_every_row_is_a_place(site, ada, before):
    assert site.get(page_of(ada), {"before": before}).status_code == 200


def many_more(token, number):
    rows = [
        IssuedToken(**{field.attname: getattr(token, field.attname) for field in IssuedToken._meta.concrete_fields})
        for _ in range(number)
    ]
    for row in rows:
        row.pk = uuid7()
    IssuedToken.objects.bulk_create(rows, batch_size=500)


def test_it_takes_the_same_queries_at_10_and_at_10_000_rows(site, rooms, active, ada):
    token = everything_of(ada, rooms, active)["issuedtoken"]

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert site.get(page_of(ada)).status_code == 200
        return len(captured)

    many_more(token, 9)
    queries()  # content types are read once
    few = queries()
    many_more(token, 9990)
    assert queries() == few


def test_nothing_secret_is_on_it(site, rooms, active, ada):
    rows = everything_of(ada, rooms, active)
    text = site.get(page_of(ada)).content.decode()
    for secret in (rows["issuedtoken"].digest, rows["onetimekey"].digest, "vendor-access", "vendor-refresh"):
        assert secret not in text


def test_hostile_names_are_shown_as_text(site, active, ada):
    hostile = "<script>alert(1)</script>"
    type(ada).objects.filter(pk=ada.pk).update(username=hostile)
    IssuedTokenFactory(certificate=active, user=ada, resource=hostile)
    assert hostile not in site.get(page_of(ada)).content.decode()


def of_rooms(user):
    return ["rooms"]


@pytest.fixture
def limited(staff, settings):
    """The browser of somebody who may see everything of the application ``rooms``."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.of_rooms"}
    models = ("issuedtoken", "tokenfamily", "onetimekey", "vendorpair", "vendoraccount", "auditevent")
    return staff(*(f"view_{model}" for model in models))


def test_staff_of_one_tenant_sees_what_is_of_its_applications(limited, chief, rooms, active, ada):
    ours = everything_of(ada, rooms, active)
    other = CertificateFactory(active=True, application__name="Zebra")
    everything_of(ada, other.application, other)
    revoking.revoke_user(caller(chief), ada, reason="left", at=timezone.now())
    answer = limited.get(page_of(ada))
    shown = {line.entry.row for line in answer.context["timeline"]}
    events = {*AuditEvent.objects.filter(application=rooms).values_list("pk", flat=True)}
    assert shown == {row.pk for row in ours.values()} | events
    assert "Zebra" not in answer.content.decode()


def test_staff_of_one_tenant_finds_nobody_without_rows_there(limited, rooms, active, ada):
    other = CertificateFactory(active=True)
    everything_of(ada, other.application, other)
    assert limited.get(page_of(ada)).status_code == 404
    assert limited.get(page_of(UserFactory())).status_code == 404
    IssuedTokenFactory(certificate=active, user=ada)
    assert limited.get(page_of(ada)).status_code == 200
