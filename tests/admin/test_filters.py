"""Filters of evidence: right on every engine, bounded by an index or a period, and none trips over what is typed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import (
    AT,
    ApplicationFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorPairFactory,
    api_key,
)
from token_issuer.admin import searching
from token_issuer.ids import uuid7_floor
from token_issuer.models import (
    AuditEvent,
    AuditKind,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    PairStanding,
    RevocationEpoch,
    Standing,
    TokenFamily,
    VendorPair,
    VendorPush,
)

HOUR = timedelta(hours=1)


def shown(site, model, **asked):
    answer = site.get(url(model, "changelist"), asked)
    return {row.pk for row in answer.context["cl"].result_list}


def raise_epoch(key):
    RevocationEpoch.objects.create(kind=EpochKind.USER, key=key, epoch=1, not_before=AT)


# The models' sets are what their rows say


def tokens_of_every_kind(certificate, now):
    make = lambda **facts: IssuedTokenFactory(certificate=certificate, **({"issued_at": now} | facts))  # noqa: E731
    make()
    make(revoked_at=now)
    make(issued_at=now - HOUR)
    make(issued_at=now - HOUR, revoked_at=now)
    make(one_time=True, consumed_at=now)
    make(family=TokenFamilyFactory())
    make(family=TokenFamilyFactory(closed_at=now))
    make(family=TokenFamilyFactory(closed_at=now), issued_at=now - HOUR)
    make(family=TokenFamilyFactory(closed_at=now), one_time=True, consumed_at=now)
    raise_epoch(make().principal_key)


def families_of_every_kind(now):
    make = lambda idle=HOUR, **facts: TokenFamilyFactory(  # noqa: E731
        idle_expires_at=now + idle, expires_at=now + HOUR, **facts
    )
    make()
    make(idle=-HOUR)
    make(closed_at=now)
    make(idle=-HOUR, closed_at=now)
    raise_epoch(make().principal_key)


def keys_of_every_kind(now):
    OneTimeKeyFactory(created_at=now)
    OneTimeKeyFactory()
    OneTimeKeyFactory(revoked_at=AT)
    raise_epoch(OneTimeKeyFactory(created_at=now).principal_key)
    raise_epoch(OneTimeKeyFactory(created_at=now, consumed_at=now).principal_key)


def pairs_of_every_kind(now):
    VendorPairFactory(ends_at=now + HOUR)
    VendorPairFactory(ends_at=now)
    VendorPairFactory(ends_at=now + HOUR, refused_at=now)
    raise_epoch(VendorPairFactory(ends_at=now + HOUR).principal_key)


@pytest.mark.parametrize("standing", Standing)
def test_tokens_by_standing_are_what_each_says(active, standing):
    now = timezone.now()
    tokens_of_every_kind(active, now)
    rows = IssuedToken.objects.with_epochs_now().select_related("family")
    assert {*IssuedToken.objects.standing_now(standing, now)} == {row for row in rows if row.standing(now) is standing}


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize(("model", "make"), [(TokenFamily, families_of_every_kind), (OneTimeKey, keys_of_every_kind)])
def test_families_and_keys_by_standing_are_what_each_says(db, model, make, standing):
    now = timezone.now()
    make(now)
    rows = model.objects.with_epochs_now()
    assert {*model.objects.standing_now(standing, now)} == {row for row in rows if row.standing(now) is standing}


@pytest.mark.parametrize("standing", PairStanding)
def test_pairs_by_standing_are_what_each_says(db, standing):
    now = timezone.now()
    pairs_of_every_kind(now)
    rows = [row for row in VendorPair.objects.with_epochs_now() if row.standing(now) is standing]
    assert ({*VendorPair.objects.standing_now(standing, now)}, len(rows)) == ({*rows}, 1)


# In the lists


def test_tokens_by_standing(site, active):
    now = timezone.now()
    live = IssuedTokenFactory(certificate=active, issued_at=now)
    ended = IssuedTokenFactory(certificate=active, issued_at=now, revoked_at=now)
    expired = IssuedTokenFactory(certificate=active)
    assert shown(site, "issuedtoken", standing="live") == {live.pk}
    assert shown(site, "issuedtoken", standing="revoked") == {ended.pk}
    assert shown(site, "issuedtoken", standing="expired") == {expired.pk}


@pytest.mark.parametrize(("period", "age"), [("hour", 1), ("day", 24), ("week", 168), ("month", 720)])
def test_rows_of_a_period(site, active, period, age):
    end = timezone.now() - timedelta(hours=age)
    inside = IssuedTokenFactory(certificate=active, id=uuid7_floor(end + timedelta(minutes=5)))
    IssuedTokenFactory(certificate=active, id=uuid7_floor(end - timedelta(minutes=5)))
    assert shown(site, "issuedtoken", period=period) == {inside.pk}


def test_rows_of_an_application(site, rooms, active):
    token = IssuedTokenFactory(certificate=active)
    IssuedTokenFactory()
    assert shown(site, "issuedtoken", application="rooms") == {token.pk}
    assert shown(site, "issuedtoken", application="nowhere") == set()
    assert shown(site, "issuedtoken", application="\0") == set()
    assert len(shown(site, "issuedtoken", application=" ")) == 2


def test_only_tokens_with_a_note(site, active):
    temporary = IssuedTokenFactory(certificate=active, temporary=True)
    one_time = IssuedTokenFactory(certificate=active, one_time=True)
    untold, told = IssuedTokenFactory.create_batch(2, certificate=active)
    for token, end in ((untold, {"failed_at": AT}), (told, {"pushed_at": AT})):
        VendorPush.objects.create(token=token, application=token.application, **end)
    assert shown(site, "issuedtoken", only="temporary") == {temporary.pk}
    assert shown(site, "issuedtoken", only="one-time") == {one_time.pk}
    assert shown(site, "issuedtoken", only="not-told") == {untold.pk}


def test_events_of_a_kind(site, rooms):
    denied, _failed = (
        AuditEvent.objects.create(kind=kind, at=AT, application=rooms)
        for kind in (AuditKind.DENIED, AuditKind.PUSH_FAILED)
    )
    assert shown(site, "auditevent", kind="denied", application="rooms") == {denied.pk}


@pytest.mark.parametrize("model", ["issuedtoken", "auditevent", "tokenfamily", "onetimekey", "vendorpair"])
@pytest.mark.parametrize(
    "asked", ["standing=bad", "period=bad", "only=bad", "kind=bad", "kind=%00", "application__slug=x"]
)
def test_unknown_value_leads_back_to_the_whole_list(site, model, asked):
    address = url(model, "changelist")
    assert site.get(f"{address}?{asked}", follow=True).redirect_chain == [(f"{address}?e=1", 302)]


def test_filters_go_together_with_search_and_each_other(site, active):
    IssuedTokenFactory(certificate=active, subject="anna")
    token = IssuedTokenFactory(certificate=active, subject="anna", issued_at=timezone.now())
    asked = {"q": "subject:anna", "standing": "live", "application": "rooms", "period": "day"}
    assert shown(site, "issuedtoken", **asked) == {token.pk}


# Bounded


def statements(site, **asked):
    with CaptureQueriesContext(connection) as captured:
        answer = site.get(url("issuedtoken", "changelist"), asked)
    return answer, [
        query["sql"] for query in captured if '"token_issuer_issuedtoken"' in query["sql"].replace("`", '"')
    ]


@pytest.mark.parametrize(("name", "value", "period"), [
    ("standing", "revoked", "last hour"), ("standing", "consumed", "last hour"), ("only", "temporary", "last day"),
])  # fmt: skip
def test_what_no_index_has_is_looked_for_in_a_period(site, active, name, value, period):
    old = uuid7_floor(timezone.now() - timedelta(days=2))
    IssuedTokenFactory(
        certificate=active, id=old, temporary=True, one_time=True, revoked_at=AT if value == "revoked" else None,
        consumed_at=AT if value == "consumed" else None,
    )  # fmt: skip
    answer, _made = statements(site, **{name: value})
    (choice,) = [choice for choice in periods(answer) if choice["selected"]]
    assert (str(choice["display"]), [*answer.context["cl"].result_list]) == (period, [])
    assert len(shown(site, "issuedtoken", period="week", **{name: value})) == 1
    assert len(shown(site, "issuedtoken", q="subject:user-1", **{name: value})) == 1


def test_expired_families_are_looked_for_in_the_last_30_days(site):
    now = timezone.now()
    old, recent = (
        TokenFamilyFactory(id=uuid7_floor(now - timedelta(days=days)), idle_expires_at=now, expires_at=now)
        for days in (31, 29)
    )
    assert shown(site, "tokenfamily", standing="expired") == {recent.pk}
    assert shown(site, "tokenfamily", standing="expired", q=f"user:{old.user.get_username()}") == {old.pk}


def periods(answer):
    changelist = answer.context["cl"]
    (spec,) = [spec for spec in changelist.filter_specs if spec.parameter_name == "period"]
    return [*spec.choices(changelist)]


def test_there_is_no_choosing_all_times_where_a_period_is_needed(site, active):
    IssuedTokenFactory(certificate=active)
    assert len(periods(statements(site)[0])) == 5
    assert len(periods(statements(site, standing="revoked")[0])) == 4


@pytest.mark.parametrize(("asked", "counts"), [
    ({"standing": "live"}, 0), ({"only": "one-time"}, 0), ({"period": "day"}, 1), ({"application": "rooms"}, 1),
    ({"only": "not-told"}, 1),
])  # fmt: skip
def test_what_would_be_slow_to_count_is_not_counted(site, active, asked, counts):
    answer, made = statements(site, **asked)
    assert sum("COUNT(" in sql for sql in made) == counts
    assert bool(answer.context["cl"].how_many) == bool(counts)


def test_filters_are_no_lists_of_rows(site, active):
    ApplicationFactory(slug="not-offered")
    assert "not-offered" not in site.get(url("issuedtoken", "changelist")).content.decode()


def test_typed_filters_keep_the_rest_of_the_address(site, rooms):
    asked = {"kind": "denied", "q": "rooms", "before": str(uuid7_floor(AT))}
    answer = site.get(url("auditevent", "changelist"), asked)
    forms = answer.content.decode().split('class="token-issuer-filter"')[1:]
    kinds, applications = (form.split("</form>")[0] for form in forms)
    assert 'name="q" value="rooms"' in kinds
    assert 'name="kind" value="denied"' in applications
    assert "before" not in kinds + applications


# Searches that came with them


def test_tokens_are_found_by_what_made_them(site, rooms, active):
    key, _text = api_key(application=rooms)
    family = TokenFamilyFactory()
    token = IssuedTokenFactory(certificate=active, api_key=key, family=family)
    IssuedTokenFactory(certificate__secret={"secret": "o" * 32})
    for term in (f"certificate:{active.fingerprint}", f"key:{key.public_id}", f"family:{family.pk}"):
        assert shown(site, "issuedtoken", q=term) == {token.pk}, term
    for term in ("certificate:none", "key:nobody", "family:none"):
        assert shown(site, "issuedtoken", q=term) == set(), term


def test_events_of_a_family_are_found(site, rooms):
    family = TokenFamilyFactory()
    mine = AuditEvent.objects.create(kind=AuditKind.FAMILY_CLOSED, at=AT, application=rooms, family=family)
    AuditEvent.objects.create(kind=AuditKind.DENIED, at=AT, application=rooms)
    assert shown(site, "auditevent", q=f"family:{family.pk}") == {mine.pk}


@pytest.mark.engine("postgresql")
def test_beginnings_of_rooms_are_one_range_of_an_index(active):
    owner = UserFactory()
    made = [IssuedTokenFactory.build(certificate=active, user=owner, resource=f"room-{n}") for n in range(2000)]
    IssuedToken.objects.bulk_create(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE token_issuer_issuedtoken")
    rows = searching.within_application("resource")(IssuedToken.objects.all(), f"{active.application.slug}/support-*")
    plan = rows.explain()
    assert "token_issuer_token_room" in plan
    assert "~>=~ 'support-'" in plan.replace("::text", "")
