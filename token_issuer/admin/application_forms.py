"""The forms of an application, made from what its provider declares; errors of services land at their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import option_fields, secret_fields
from token_issuer.admin.duration_fields import HINT, LifetimeField
from token_issuer.admin.service_forms import CertificateForm, ServiceForm, privilege_choices
from token_issuer.models.application import MOST_SLOTS
from token_issuer.providers.fields import specs
from token_issuer.services.drafts import ApplicationDraft, RuleDraft
from token_issuer.services.editing import Configuration

if TYPE_CHECKING:
    from token_issuer.models import Application
    from token_issuer.providers.base import Provider

KEPT = ("name", "slug", "environment", "slots", "rule_for")  # by a form that changes to another provider
NOBODY, EVERYONE, GROUPS = "nobody", "everyone", "groups"
_PRESETS = (
    (NOBODY, _("Nobody yet: the site's own policy decides, or I add rules later")),
    (EVERYONE, _("Everyone who is signed in may")),
    (GROUPS, _("Members of these groups may")),
)


class _ConfigurationForm(ServiceForm):
    """What can be set when an application is added, and changed later."""

    def __init__(
        self,
        provider: Provider,
        *args: Any,  # noqa: ANN401  as Django's
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401  as Django's
    ) -> None:
        super().__init__(provider, *args, **kwargs)
        self.specs = specs(provider.options_class)
        self.option_names = self._add(option_fields.option_fields(self.specs, options))
        self.limit_names = self._add(_limit_fields(provider))

    def _add(self, more: Mapping[str, forms.Field]) -> list[str]:
        self.fields.update(more)
        return [*more]

    @property
    def options(self) -> dict[str, Any]:
        """The options as data for the provider's own reading."""
        return option_fields.option_data(self.specs, self.cleaned_data)

    def limits(self) -> dict[str, Any]:
        """The fields that are no options of the provider's."""
        return {name: self.cleaned_data[name] for name in self.limit_names}

    def _option_fieldset(self) -> list[tuple[Any, dict[str, Any]]]:
        title = gettext("%(provider)s options") % {"provider": gettext(self.provider.label)}
        return [(title, {"fields": self.option_names})] if self.option_names else []

    def _limit_fieldset(self) -> list[tuple[Any, dict[str, Any]]]:
        return [(_("Lifetimes and devices"), {"fields": self.limit_names})]


def _limit_fields(provider: Provider) -> dict[str, forms.Field]:
    limits = provider.lifetimes
    span = gettext("%(minimum)s to %(maximum)s seconds.") % {"minimum": limits.minimum, "maximum": limits.maximum}
    default = gettext("Empty means %(default)s.") % {"default": limits.default}
    maximum = gettext("Empty means %(maximum)s.") % {"maximum": limits.maximum}
    source = escape(gettext(limits.source))
    return {
        "default_lifetime": LifetimeField(label=_("Default lifetime"), help_text=f"{HINT} {span} {default}"),
        "maximum_lifetime": LifetimeField(label=_("Maximum lifetime"), help_text=f"{HINT} {span} {maximum} {source}"),
        "slots": forms.IntegerField(
            label=_("Slots"),
            initial=4,
            min_value=1,
            max_value=MOST_SLOTS,
            help_text=_("How many devices or tabs of one person may hold a subject of their own, 1 to 16."),
        ),
    }


class AddApplicationForm(_ConfigurationForm, CertificateForm):
    """An application, its first certificate and who may mint at once."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"class": "vTextField"}))
    slug = forms.SlugField(
        label=_("Slug"),
        max_length=50,
        help_text=_("Part of the endpoint's address; front-ends name it."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    environment = forms.CharField(
        label=_("Environment"), max_length=30, required=False, help_text=_("A label, e.g. sandbox.")
    )
    public_id = forms.CharField(
        max_length=255, widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"})
    )
    rule_for = forms.ChoiceField(
        label=_("Who may mint"),
        choices=_PRESETS,
        initial=NOBODY,
        widget=forms.RadioSelect(attrs={"class": "token-issuer-words"}),
    )
    rule_privileges = forms.MultipleChoiceField(
        label=_("What"), required=False, widget=option_fields.words_widget(),
        help_text=_("In every room or channel that a request names. Rules can say it more narrowly later."),
    )  # fmt: skip

    prepopulated: Mapping[str, tuple[str, ...]] = {"slug": ("name",)}

    def __init__(self, provider: Provider, *args: Any, groups: forms.Field, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(provider, *args, purpose=provider.first_purpose or "sign", **kwargs)
        self.fields["public_id"].label = gettext(provider.public_id_field.label)
        self.fields["public_id"].help_text = escape(gettext(provider.public_id_field.help))
        self.fields["public_id"].required = not provider.verified_here  # the slug serves
        self.fields["rule_privileges"].choices = privilege_choices(provider)  # type: ignore[attr-defined]  # its own kind
        self.fields["rule_groups"] = groups

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """The fields under their headings, in the order in which somebody fills them in."""
        secrets = [*secret_fields.secret_fields(self.provider, self.provider.first_purpose or "sign")]
        first = [(_("First certificate, active when you save"), {"fields": secrets})] if secrets else []
        return [
            (None, {"fields": ["name", "slug", "environment", "public_id"]}),
            *first,
            *self._option_fieldset(),
            (_("Who may"), {"fields": ["rule_for", "rule_groups", "rule_privileges"]}),
            *self._limit_fieldset(),
        ]

    def draft(self) -> ApplicationDraft:
        """Return what was filled in, for the service."""
        cleaned = self.cleaned_data
        return ApplicationDraft(
            provider=self.provider.name,
            slug=cleaned["slug"],
            name=cleaned["name"],
            public_id=cleaned["public_id"],
            environment=cleaned["environment"],
            options=self.options,
            secret=self.secret,
            reference=self.reference,
            algorithm=self.algorithm,
            rules=self._rules(),
            **self.limits(),
        )

    def _rules(self) -> list[RuleDraft]:
        who = self.cleaned_data["rule_for"]
        if who == NOBODY:
            return []
        groups = self.cleaned_data["rule_groups"] if who == GROUPS else ()
        words = self.cleaned_data["rule_privileges"]
        return [RuleDraft(privileges=words, everyone=who == EVERYONE, groups=tuple(groups))]

    def _spellings(self, name: str) -> tuple[str, ...]:
        return (*super()._spellings(name), f"rule_{name}")


class EditApplicationForm(_ConfigurationForm):
    """What may change without a new vendor project. The secret has its own pages."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"class": "vTextField"}))
    environment = forms.CharField(
        label=_("Environment"), max_length=30, required=False, help_text=_("A label, e.g. sandbox.")
    )
    single_login_key = forms.BooleanField(
        label=_("One login key at a time"),
        required=False,
        help_text=_("A new one-time login key of a person ends the one before."),
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, provider: Provider, application: Application, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        names = ("name", "environment", "default_lifetime", "maximum_lifetime", "slots", "single_login_key")
        initial = {name: getattr(application, name) for name in names} | {"seen_version": application.config_version}
        super().__init__(provider, *args, initial=initial, options=application.options, **kwargs)

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """The fields under their headings."""
        return [
            (None, {"fields": ["name", "environment", "seen_version"]}),
            *self._option_fieldset(),
            *self._limit_fieldset(),
            (_("Login keys"), {"fields": ["single_login_key"]}),
        ]

    def lock(self) -> None:
        """Show the values without letting anybody change them."""
        for field in self.fields.values():
            field.disabled = True

    def lock_addresses(self) -> None:
        """Keep the addresses to which secrets are sent as they are: who sets one can read what is sealed."""
        for name in option_fields.secret_keeping_names(self.specs):
            self.fields[name].disabled = True
            self.fields[name].help_text = _(
                "Secrets are sent there. Changing it takes the permission to rotate certificates, of all applications."
            )

    def configuration(self) -> Configuration:
        """Return what was filled in, for the service."""
        cleaned = self.cleaned_data
        return Configuration(
            name=cleaned["name"],
            environment=cleaned["environment"],
            single_login_key=cleaned["single_login_key"],
            options=self.options,
            seen_version=cleaned["seen_version"],
            **self.limits(),
        )
