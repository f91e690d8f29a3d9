"""Registering: all of it or nothing, and every value that cannot work is named before."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from tests.factories import AT, VIDEOSDK_KEY, VIDEOSDK_SECRET, CertificateFactory, GroupFactory, UserFactory
from token_issuer.crypto import ReferenceBroken
from token_issuer.errors import BadOption, Conflict, NotFound
from token_issuer.models import Application, AuditEvent, Certificate, CertificateState, Rule
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.registry import get_provider
from token_issuer.services import issuing, registering
from token_issuer.services.drafts import ApplicationDraft, RuleDraft, check_lifetimes, check_rule

DRAFT = ApplicationDraft(
    provider="videosdk",
    slug="rooms",
    name="Rooms",
    public_id=VIDEOSDK_KEY,
    secret={"secret": VIDEOSDK_SECRET},
    rules=(RuleDraft(everyone=True, privileges=("allow_join",)),),
)


WRONG = replace(
    DRAFT,
    public_id="",
    secret={},
    maximum_lifetime=1,
    slug="two words",
    rules=(RuleDraft(privileges=(), limit=3, resource_pattern="a*b", subject_pattern="*"),),
)


def test_a_registered_application_mints_at_once(person):
    registering.register(person, DRAFT, at=AT)
    assert issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT).expires_in == 600


def test_the_first_certificate_is_active(person, user):
    application = registering.register(person, DRAFT, at=AT)
    certificate = application.certificates.get()
    assert (certificate.state, certificate.created_by, application.created_by) == (CertificateState.ACTIVE, user, user)


def test_rules_keep_people_and_groups(person, user):
    group = GroupFactory()
    draft = replace(DRAFT, rules=(RuleDraft(privileges=("allow_join",), users=[user], groups=[group]),))
    rule = registering.register(person, draft, at=AT).rules.get()
    assert ([*rule.users.all()], [*rule.groups.all()], rule.created_by) == ([user], [group], user)


def test_every_value_is_kept(person, user):
    rule = RuleDraft(
        privileges=("allow_mod", "allow_join", "allow_join"),
        everyone=True,
        resource_pattern="room-*",
        subject_pattern="{user.username}",
        maximum_lifetime=300,
        limit=5,
        window=60,
        wildcards=True,
        allow_username=True,
        priority=7,
    )
    values: dict[str, Any] = {"default_lifetime": 60, "maximum_lifetime": 600, "slots": 2, "environment": "stage"}
    application = registering.register(person, replace(DRAFT, rules=(rule,), **values), at=AT)
    application.refresh_from_db()
    assert {name: getattr(application, name) for name in values} == values
    assert (application.name, application.public_id, application.created_at) == ("Rooms", VIDEOSDK_KEY, AT)
    kept = application.rules.get()
    assert kept.privileges == ["allow_join", "allow_mod"]
    assert kept.created_at == AT
    columns = [name for name in asdict(rule) if name not in {"privileges", "users", "groups"}]
    assert {name: getattr(kept, name) for name in columns} == {name: getattr(rule, name) for name in columns}


def test_only_its_own_certificate_becomes_active(person):
    other = CertificateFactory()
    registering.register(person, DRAFT, at=AT)
    other.refresh_from_db()
    assert other.state is CertificateState.STAGED


def test_the_audit_says_which_application_certificate_and_rule(person):
    application = registering.register(person, DRAFT, at=AT)
    events = [*AuditEvent.objects.order_by("id")]
    assert {event.application for event in events} == {application}
    assert events[2].detail == {"fingerprint": application.certificates.get().fingerprint}
    assert events[3].detail == {"rule": str(application.rules.get().pk), "what": "added"}


@pytest.mark.parametrize(
    "values",
    [
        {"default_lifetime": 600, "maximum_lifetime": 600},
        {"default_lifetime": 60},
        {"maximum_lifetime": 86400},
        {"maximum_lifetime": VideoSDKProvider.lifetimes.minimum},
    ],
)
def test_the_outermost_lifetimes_may_be_set(values):
    check_lifetimes(get_provider("videosdk"), values.get("default_lifetime"), values.get("maximum_lifetime"))


def test_it_is_in_the_audit_without_the_secret(person):
    registering.register(person, DRAFT, at=AT)
    events = [*AuditEvent.objects.order_by("id")]
    assert [event.kind for event in events] == [
        "application_created",
        "certificate_staged",
        "certificate_activated",
        "rule_changed",
    ]
    assert VIDEOSDK_SECRET not in repr([event.detail for event in events])


def test_an_application_is_named_after_its_slug_when_it_has_no_name(person):
    assert registering.register(person, replace(DRAFT, name=""), at=AT).name == "rooms"


def test_a_reference_takes_the_place_of_a_secret(person, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", VIDEOSDK_SECRET)
    registering.register(person, replace(DRAFT, secret={}, reference="env:ROOMS_SECRET"), at=AT)
    assert issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT).expires_in == 600


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("short", "^secret: must be printable, at least 32 bytes"),
        (f" {VIDEOSDK_SECRET}", "no blanks at its ends$"),
    ],
)
def test_what_a_reference_leads_to_is_checked_when_it_is_entered(person, monkeypatch, value, message):
    monkeypatch.setenv("ROOMS_SECRET", value)
    with pytest.raises(BadOption, match=message):
        registering.register(person, replace(DRAFT, secret={}, reference="env:ROOMS_SECRET"), at=AT)
    assert (Application.objects.count(), Certificate.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)


def test_a_reference_that_leads_nowhere_is_refused_when_it_is_entered(person):
    with pytest.raises(ReferenceBroken, match="'env:ROOMS_SECRET' is not set in the environment"):
        registering.register(person, replace(DRAFT, secret={}, reference="env:ROOMS_SECRET"), at=AT)
    assert Application.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "two words"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"secret": {}}, "secret"),
        ({"public_id": ""}, "public_id"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"maximum_lifetime": 10**9}, "maximum_lifetime"),
        ({"default_lifetime": 1}, "default_lifetime"),
        ({"default_lifetime": 601, "maximum_lifetime": 600}, "default_lifetime"),
        ({"rules": (RuleDraft(everyone=True, privileges=("fly",)),)}, "privileges"),
        ({"rules": (RuleDraft(privileges=("allow_join",)),)}, "groups"),
    ],
)
def test_a_value_that_cannot_work_is_named_and_nothing_is_written(person, changes, field):
    with pytest.raises(BadOption) as error:
        registering.register(person, replace(DRAFT, **changes), at=AT)
    assert field in error.value.fields
    assert (Application.objects.count(), Certificate.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)


def test_several_wrong_values_are_named_together(person):
    with pytest.raises(BadOption) as error:
        registering.register(person, WRONG, at=AT)
    assert set(error.value.fields) == {
        "public_id",
        "secret",
        "maximum_lifetime",
        "slug",
        "groups",
        "privileges",
        "limit",
        "resource_pattern",
        "subject_pattern",
    }


def test_a_slug_is_taken_once(person):
    registering.register(person, DRAFT, at=AT)
    with pytest.raises(BadOption, match=r"^slug: is taken by another application$"):
        registering.register(person, DRAFT, at=AT)


def test_an_unknown_provider_is_named(person):
    with pytest.raises(NotFound, match="carrier-pigeon"):
        registering.register(person, replace(DRAFT, provider="carrier-pigeon"), at=AT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"privileges": ()}, r"^privileges: a rule without privileges allows nothing$"),
        ({"privileges": ("fly",)}, r"^privileges: fly: not a privilege of VideoSDK"),
        ({"limit": 3}, r"^limit: a limit and its window go together$"),
        ({"resource_pattern": "a*b"}, r"^resource_pattern: \* may stand at the end only"),
        ({"subject_pattern": "u-*"}, r"^subject_pattern: \* cannot be used here"),
        ({"subject_pattern": "{user.password}"}, r"^subject_pattern: \{user\.password\} is not a placeholder"),
        ({"subject_pattern": "{user.username}"}, r"^subject_pattern: \{user\.username\} needs the rule's leave"),
    ],
)
def test_a_rule_that_can_never_work_is_explained(db, changes, message):
    draft = replace(RuleDraft(privileges=("allow_join",)), **changes)
    with pytest.raises(BadOption, match=message):
        check_rule(get_provider("videosdk"), draft)


def test_a_rule_may_use_names_when_it_says_so(db):
    draft = RuleDraft(privileges=("allow_join",), subject_pattern="{user.username}", allow_username=True)
    check_rule(get_provider("videosdk"), draft)


def test_the_secret_is_not_in_a_drafts_repr():
    assert VIDEOSDK_SECRET not in repr(DRAFT)


def test_a_failed_rule_undoes_the_application(person, user):
    """Everything stands in one transaction; the rule names somebody who was never saved."""
    unsaved = type(user)(username="nobody yet")
    draft = replace(DRAFT, rules=(RuleDraft(privileges=("allow_join",), users=[unsaved]),))
    with pytest.raises(ValueError, match="nobody yet"):
        registering.register(person, draft, at=AT)
    assert (Application.objects.count(), Rule.objects.count()) == (0, 0)


@pytest.mark.engine(
    "sqlite", "postgresql"
)  # MariaDB ignores the missing person with INSERT IGNORE: the rule names nobody
@pytest.mark.django_db(transaction=True)
def test_somebody_deleted_at_the_same_moment_is_a_conflict_and_nothing_is_written(person):
    gone = UserFactory()
    key = gone.pk
    gone.delete()
    gone.pk = key  # as the form still holds it
    draft = replace(DRAFT, rules=(RuleDraft(privileges=("allow_join",), users=[gone]),))
    with pytest.raises(Conflict, match="was changed or deleted at the same moment"):
        registering.register(person, draft, at=AT)
    assert (Application.objects.count(), Certificate.objects.count()) == (0, 0)
