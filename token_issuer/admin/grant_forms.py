"""A form for a grant: what somebody asks for, from the provider's own fields, for how long, and on which device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import option_fields
from token_issuer.admin.duration_fields import HINT, LifetimeField
from token_issuer.admin.service_forms import ServiceForm

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from token_issuer.models import Application
    from token_issuer.policy import Limits
    from token_issuer.providers.base import Provider
    from token_issuer.providers.specs import FieldSpec


class GrantForm(ServiceForm):
    """What a caller of the API would send, filled in by hand."""

    slot_help: ClassVar[StrOrPromise]

    def __init__(
        self,
        provider: Provider,
        application: Application,
        *args: Any,  # noqa: ANN401  as Django's
        specs: tuple[FieldSpec, ...],
        limits: Limits,
        **kwargs: Any,  # noqa: ANN401  as Django's
    ) -> None:
        super().__init__(provider, *args, **kwargs)
        self.specs = specs
        self.fields.update(option_fields.option_fields(specs))
        if not provider.vendor_sets_lifetime:
            self.fields["lifetime"] = _lifetime_field(limits)
        if provider.has_slots and application.slots > 1:
            last = application.slots - 1
            self.fields["slot"] = forms.IntegerField(
                label=_("Slot"), required=False, min_value=0, max_value=last, help_text=self.slot_help
            )

    def body(self) -> dict[str, Any]:
        """Return what was filled in as an API caller would send it."""
        extra = {name: self.cleaned_data.get(name) for name in ("lifetime", "slot")}
        grant = option_fields.option_data(self.specs, self.cleaned_data)
        return grant | {name: value for name, value in extra.items() if value is not None}


def _lifetime_field(limits: Limits) -> forms.Field:
    span = gettext("%(minimum)s to %(maximum)s seconds.") % {"minimum": limits.minimum, "maximum": limits.maximum}
    empty = gettext("Empty means %(default)s.") % {"default": limits.default}
    return LifetimeField(label=_("Lifetime"), help_text=f"{HINT} {span} {empty}")
