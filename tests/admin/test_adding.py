"""Adding an application on one page."""

from __future__ import annotations

import pytest
from django import forms
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Group

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import (
    AGORA_APP_ID,
    AGORA_CERTIFICATE,
    VOCALSTACK_KEY,
    ApplicationFactory,
    GroupFactory,
    UserFactory,
)
from token_issuer import issue
from token_issuer.admin.application_forms import AddApplicationForm
from token_issuer.errors import BadOption
from token_issuer.models import Application, CertificateState, Rule
from token_issuer.registry import get_provider, providers
from token_issuer.services.opening import opened_secret

PAGE = "?provider=agora"

FILLED = {
    "name": "Calls",
    "slug": "calls",
    "environment": "",
    "public_id": AGORA_APP_ID,
    "secret-certificate": AGORA_CERTIFICATE,
    "reference": "",
    "option-token_version": "007",
    "option-subject": "integer",
    "option-account_pattern": "user-{user.pk}",
    "option-channel_max": "63",
    "option-on_revocation": "ban",
    "option-api_url": "https://api.agora.io",
    "default_lifetime": "",
    "maximum_lifetime": "7200",
    "slots": "4",
    "rule_for": "nobody",
}


@pytest.fixture
def add(site):
    """A function that posts the filled-in form with some changes."""

    def post(**changes):
        return site.post(url("application", "add") + PAGE, {**FILLED, **changes})

    return post


def errors(answer):
    return {name: list(texts) for name, texts in answer.context["adminform"].form.errors.items()}


def test_first_step_names_every_provider(site):
    text = site.get(url("application", "add")).content.decode()
    assert '<a href="?provider=agora">Agora</a>' in text
    assert '<a href="?provider=videosdk">VideoSDK</a>' in text


def test_form_has_what_the_provider_declares(site):
    form = site.get(url("application", "add") + PAGE).context["adminform"].form
    assert form.fields["public_id"].label == "App ID"
    assert form.fields["secret-certificate"].label == "App certificate"
    assert form.fields["option-token_version"].choices == [("007", "007"), ("006", "006")]
    assert form.fields["option-channel_max"].max_value == 64
    assert "60 to 86400 seconds" in form.fields["maximum_lifetime"].help_text


def test_application_is_ready_at_once(add, chief):
    answer = add()
    application = Application.objects.get()
    assert answer["Location"] == url("application", "change", application.pk)
    assert (application.provider, application.public_id, application.maximum_lifetime) == ("agora", AGORA_APP_ID, 7200)
    assert application.created_by == chief
    certificate = application.certificates.get()
    assert certificate.state is CertificateState.ACTIVE
    with opened_secret(certificate, get_provider("agora")) as secret:
        assert secret.part("certificate") == AGORA_CERTIFICATE
    assert not Rule.objects.exists()


def test_options_are_stored_as_the_provider_reads_them(add):
    add(**{"option-cohost_authentication": "on", "option-channel_max": "64"})
    options = Application.objects.get().options
    assert options["cohost_authentication"] is True
    assert options["channel_max"] == 64


def test_preset_for_everyone_lets_people_mint(add):
    add(rule_for="everyone", rule_privileges=["subscriber"])
    rule = Rule.objects.get()
    assert (rule.everyone, rule.privileges) == (True, ["subscriber"])
    assert issue(UserFactory(), "calls", channel="room-1").sdk["channel"] == "room-1"


def test_preset_for_a_group(add):
    group = GroupFactory()
    add(rule_for="groups", rule_groups=[group.pk], rule_privileges=["publisher"])
    rule = Rule.objects.get()
    assert (rule.everyone, [*rule.groups.all()], rule.privileges) == (False, [group], ["publisher"])


def test_preset_for_a_group_needs_one(add):
    assert errors(add(rule_for="groups", rule_privileges=["publisher"])) == {"rule_groups": ["name at least one group"]}


def test_preset_needs_a_privilege(add):
    found = errors(add(rule_for="everyone"))
    assert found == {"rule_privileges": ["a rule without privileges allows nothing"]}
    assert not Application.objects.exists()


def test_groups_are_no_drop_down_of_all_there_are(site):
    Group.objects.bulk_create(Group(name=f"many-{number}") for number in range(30))
    assert "many-7" not in site.get(url("application", "add") + PAGE).content.decode()


def test_refusals_stand_at_their_fields(add):
    wrong = {
        "public_id": "short",
        "secret-certificate": "0x12",
        "option-account_pattern": "all",
        "default_lifetime": "30",
    }
    found = errors(add(**wrong))
    assert found == {
        "public_id": ["must be 32 hexadecimal digits, without blanks"],
        "secret-certificate": ["must be 32 hexadecimal digits, without blanks"],
        "option-account_pattern": ["must name the user, for example {user.pk}: else all share one account"],
        "default_lifetime": [
            "must be 60 to 86400 seconds "
            "(Agora reads 0 and more than 24 hours as 24 hours; under 60 s the warning to renew comes at once.)"
        ],
    }


def test_taken_slug_stands_at_the_slug(add, db):
    ApplicationFactory(slug="calls")
    assert errors(add()) == {"slug": ["is taken by another application"]}


def test_missing_secret_stands_at_the_secret(add):
    assert errors(add(**{"secret-certificate": ""})) == {"secret-certificate": ["is required"]}


def test_reference_instead_of_a_secret(add, monkeypatch):
    monkeypatch.setenv("CALLS_CERTIFICATE", AGORA_CERTIFICATE)
    add(**{"secret-certificate": "", "reference": "env:CALLS_CERTIFICATE"})
    certificate = Application.objects.get().certificates.get()
    assert (certificate.reference, certificate.sealed_secret) == ("env:CALLS_CERTIFICATE", None)


def test_broken_reference_stands_at_the_reference(add):
    found = errors(add(**{"secret-certificate": "", "reference": "env:NOT_SET_ANYWHERE"}))
    assert found == {"reference": ["The secret 'env:NOT_SET_ANYWHERE' is not set in the environment of this process."]}
    assert not Application.objects.exists()


def test_secret_beside_a_reference_is_refused(add):
    found = errors(add(reference="env:CALLS_CERTIFICATE"))
    assert found == {"reference": ["Paste the secret or name a reference, not both."]}


def test_addition_is_in_the_log_without_values(add):
    add()
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr) == (ADDITION, "Calls (calls)")
    assert entry.get_change_message() == "Added."


def test_busy_database_is_said_above_the_form(add):
    with busy("INSERT", "token_issuer_application"):
        assert errors(add()) == {"__all__": ["The database was busy three times in a row."]}


def test_refusal_of_a_nested_option_stands_at_it(site, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": ["tests.admin.lifts.LiftProvider"]}}
    answer = site.post(
        url("application", "add") + "?provider=lifts",
        {
            **FILLED, "public_id": "t1", "maximum_lifetime": "", "secret-secret": "k" * 32, "option-lowest": "0",
            "option-home.name": "L" + "\N{SNOWMAN}" * 10, "option-home.floor": "0", "option-stops": "1\nmany",
        },
    )  # fmt: skip
    assert errors(answer) == {
        "option-home.name": ["must be at most 20 bytes in UTF-8"],
        "option-stops": ["must be a whole number"],
    }


def test_refusal_of_something_that_has_no_field_stands_above_the_form():
    form = AddApplicationForm(get_provider("agora"), FILLED, groups=forms.CharField(required=False))
    assert form.is_valid()
    form.add_refusal(BadOption("elsewhere", "is wrong"))
    assert form.non_field_errors() == ["elsewhere: is wrong"]


def test_third_partys_provider_gets_its_form(site, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": ["tests.admin.lifts.LiftProvider"]}}
    page = url("application", "add") + "?provider=lifts"
    text = site.get(page).content.decode()
    assert "Lowest floor" in text
    assert "Never a &lt;b&gt;secret&lt;/b&gt; one." in text
    answer = site.post(
        page,
        {
            "name": "Tower", "slug": "tower", "public_id": "t1", "secret-secret": "k" * 32, "slots": "4",
            "rule_for": "everyone", "rule_privileges": ["out"],
            "option-lowest": "-2", "option-home.name": "Lobby", "option-home.floor": "0",
            "option-stops": "1\n2\n", "option-modes": ["fast"], "option-note": "",
        },
    )  # fmt: skip
    assert answer.status_code == 302, errors(answer)
    assert Application.objects.get().options == {
        "lowest": -2, "home": {"name": "Lobby", "floor": 0}, "stops": [1, 2], "modes": ["fast"], "note": None,
    }  # fmt: skip


OWN = {
    **{name: FILLED[name] for name in ("environment", "reference", "default_lifetime", "slots", "rule_for")},
    "name": "API",
    "slug": "api",
    "public_id": "",
    "secret-key": "",
    "algorithm": "EdDSA",
    "maximum_lifetime": "",
    "option-refresh_lifetime": "30d",
    "option-refresh_idle": "14d",
}


def test_our_own_key_is_made_when_the_form_is_saved(site):
    answer = site.post(url("application", "add") + "?provider=own", OWN)
    assert answer.status_code == 302, errors(answer)
    certificate = Application.objects.get(slug="api").certificates.get()
    assert (certificate.algorithm, certificate.state) == ("EdDSA", CertificateState.ACTIVE)


def test_what_nothing_signs_asks_for_no_secret(site):
    form = site.get(url("application", "add") + "?provider=own-once").context["adminform"].form
    assert not [name for name in form.fields if name.startswith("secret") or name in {"reference", "algorithm"}]
    answer = site.post(url("application", "add") + "?provider=own-once", {**OWN, "slug": "uploads", "name": "Uploads"})
    assert answer.status_code == 302, errors(answer)
    assert not Application.objects.get(slug="uploads").certificates.exists()


SPEECH = {
    "name": "Speech",
    "slug": "speech",
    "environment": "",
    "public_id": "production",
    "secret-api_key": VOCALSTACK_KEY,
    "reference": "",
    "option-api_url": "https://api.vocalstack.com",
    "default_lifetime": "",
    "maximum_lifetime": "60",
    "slots": "4",
    "rule_for": "nobody",
}


def test_a_vendor_that_is_asked_gets_a_certificate_to_call_with(site):
    site.post(url("application", "add") + "?provider=vocalstack", SPEECH)
    certificate = Application.objects.get(slug="speech").certificates.get()
    assert (certificate.purpose, certificate.state) == ("call", CertificateState.ACTIVE)
    with opened_secret(certificate, get_provider("vocalstack")) as secret:
        assert secret.part("api_key") == VOCALSTACK_KEY


@pytest.mark.parametrize(
    ("name", "value"), [("option-api_url", "http://api.vocalstack.com"), ("secret-api_key", "two words")]
)
def test_where_and_with_what_it_is_asked_is_checked(site, name, value):
    answer = site.post(url("application", "add") + "?provider=vocalstack", {**SPEECH, name: value})
    assert list(errors(answer)) == [name]
    assert not Application.objects.exists()


# Another provider


def test_form_changes_with_the_provider_and_keeps_the_name(add):
    answer = add(other_provider="1", provider="videosdk")
    form, page = answer.context["adminform"].form, answer.content.decode()
    kept = {name: form[name].value() for name in ("name", "slug", "public_id", "slots")}
    assert kept == {"name": FILLED["name"], "slug": FILLED["slug"], "public_id": None, "slots": "4"}
    assert "secret-secret" in form.fields
    assert 'action="?provider=videosdk"' in page
    assert AGORA_CERTIFICATE not in page
    assert not Application.objects.exists()


def test_unknown_provider_changes_nothing(add):
    form = add(other_provider="1", provider="no such").context["adminform"].form
    assert "secret-certificate" in form.fields


def test_every_other_provider_is_offered(site, db):
    page = site.get(url("application", "add") + PAGE).content.decode()
    assert 'value="videosdk"' in page
    assert '<option value="agora"' not in page
    assert page.index('name="other_provider"') > page.index('name="_save"')


@pytest.mark.parametrize("name", sorted(providers()))
def test_form_of_every_provider_is_complete(name, db):
    form = AddApplicationForm(get_provider(name), groups=forms.CharField())
    for field_name, field in form.fields.items():
        assert field.label or field_name == "rule_groups", field_name
        assert field.help_text or field_name in {"name", "rule_for", "rule_groups"}, field_name


def test_limits_of_numbers_and_texts_are_told(site, db):
    page = site.get(url("application", "add") + PAGE).content.decode()
    assert "63 to 64." in page
    assert "At most 255 bytes." in page
    assert 'min="63" max="64"' in page
