"""Ending all that a person has here: what there is, what goes for certain, what is chosen, and what stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import effects, people, timelines
from token_issuer.admin.callers import caller_of
from token_issuer.admin.log_entries import log_without_values
from token_issuer.admin.pages import ReasonForm
from token_issuer.admin.signed_steps import is_first, new_number, signed, unsigned
from token_issuer.errors import TokenIssuerError
from token_issuer.models import ApiKey, Rule
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.services.ending import Possessions, end_user, possessions
from token_issuer.services.selecting import Selection, preview

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.people import Person

MOST_SHOWN: Final = 50  # API keys by name, of each kind

_ASKED: Final = "end_access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What is ended only where it is chosen: an argument of the service, and who may choose it."""

    name: str
    has: Callable[[Possessions], int]
    may: Callable[[OwnPages, HttpRequest], bool]
    label: StrOrPromise
    help_text: StrOrPromise
    chosen: bool


def _may_rotate(owner: OwnPages, request: HttpRequest) -> bool:
    keys: Any = owner.admin_site.get_model_admin(ApiKey)
    return bool(keys.has_view_permission(request) and keys.has_rotate_permission(request))


def _may_change_rules(owner: OwnPages, request: HttpRequest) -> bool:
    return owner.admin_site.get_model_admin(Rule).has_change_permission(request)


_OPTIONS: Final[Sequence[Option]] = (
    Option(
        name="out_of_rules",
        has=lambda had: had.rules,
        may=_may_change_rules,
        label=_("Take him out of the rules that name him (%s)"),
        help_text=_("Rules for everyone or for a group still match him: deny him by policy, or leave the group."),
        chosen=True,
    ),
    Option(
        name="with_api_keys",
        has=lambda had: len(had.api_keys),
        may=_may_rotate,
        label=_("Revoke the API keys that act as him (%s)"),
        help_text=_("A server that uses one of them is refused from then on."),
        chosen=True,
    ),
    Option(
        name="with_owned_keys",
        has=lambda had: len(had.owned_keys),
        may=_may_rotate,
        label=_("Revoke the other API keys that he owns (%s)"),
        help_text=_("He may know their secrets; if servers need them, rotate them instead."),
        chosen=False,
    ),
    Option(
        name="with_made_keys",
        has=lambda had: len(had.made_keys),
        may=_may_rotate,
        label=_("Revoke the other API keys that he made (%s)"),
        help_text=_("He has seen their first secrets; if servers need them, rotate them instead."),
        chosen=False,
    ),
)


class EndAccessForm(ReasonForm):
    """What else is ended, and why; the number that tells one form from another is signed."""

    def __init__(self, owner: OwnPages, request: HttpRequest, had: Possessions, data: Any = None) -> None:  # noqa: ANN401
        """Offer what there is and what this person may end."""
        super().__init__(data)
        offered = [option for option in _OPTIONS if option.has(had) and option.may(owner, request)]
        for option in offered:
            label = option.label % _counted(option.has(had))
            self.fields[option.name] = forms.BooleanField(
                label=label, help_text=option.help_text, required=False, initial=option.chosen
            )
        self.order_fields([*(option.name for option in offered), "reason"])

    @property
    def chosen(self) -> dict[str, bool]:
        """What the service is asked for."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


def page(owner: OwnPages, request: HttpRequest, key: str) -> HttpResponse:
    """Show what he has, or end it; the edge checked who may. The result is the answer to the POST itself."""
    person, at = people.found(key, timelines.sources(owner, request)), timezone.now()
    had = possessions(person, at=at)
    if request.method != "POST":
        return _asked(owner, request, person, had, at=at)
    form = EndAccessForm(owner, request, had, request.POST)
    asked = unsigned(request, _ASKED, request.POST.get("asked", ""))
    if asked is None or asked["person"] != str(person.principal_key):
        return _asked(owner, request, person, had, form, at=at, trouble="too_old")
    if not form.is_valid():
        return _asked(owner, request, person, had, form, at=at)
    if not is_first(request, asked["number"]):
        return _asked(owner, request, person, had, at=at, trouble="sent_before")
    try:
        ended = end_user(caller_of(request), person, reason=form.cleaned_data["reason"], at=at, **form.chosen)
    except TokenIssuerError as error:
        return _asked(owner, request, person, had, form, at=at, trouble=error.message)
    log_without_values(owner, request, person.user, "All access was ended.")
    return _ended(owner, request, person, ended, form, at=at)


def _asked(
    owner: OwnPages,
    request: HttpRequest,
    person: Person,
    had: Possessions,
    form: EndAccessForm | None = None,
    *,
    at: datetime,
    trouble: str = "",
) -> HttpResponse:
    caller = caller_of(request)
    found = preview(caller, Selection(principal_key=person.principal_key), at=at, sample=0)
    context = {
        "title": gettext("End all access of %s?") % person,
        "trouble": trouble,
        "preview": effects.shown(caller, found, at=at),
        "form": form or EndAccessForm(owner, request, had),
        "asked": signed(request, _ASKED, {"person": str(person.principal_key), "number": new_number()}),
        "not_offered": [
            option.label % _counted(option.has(had))
            for option in _OPTIONS
            if option.has(had) and not option.may(owner, request)
        ],
    }
    return owner.page(request, "end_access.html", {**_told(owner, request, person, had, at=at), **context})


def _ended(
    owner: OwnPages, request: HttpRequest, person: Person, had: Possessions, form: EndAccessForm, *, at: datetime
) -> HttpResponse:
    chosen = {name for name, value in form.chosen.items() if value}
    context = {
        "title": gettext("All access of %s was ended") % person,
        "done": [option.label % _counted(option.has(had)) for option in _OPTIONS if option.name in chosen],
        "left": [
            option.label % _counted(option.has(had))
            for option in _OPTIONS
            if option.has(had) and option.name not in chosen
        ],
    }
    return owner.page(request, "access_ended.html", {**_told(owner, request, person, had, at=at), **context})


def _told(
    owner: OwnPages, request: HttpRequest, person: Person, had: Possessions, *, at: datetime
) -> dict[str, object]:
    """What both pages say of him: how much there is, which keys by name, and what is not ended here."""
    shows_keys = owner.admin_site.get_model_admin(ApiKey).has_view_permission(request)
    keys = (
        (_("acts as him"), had.api_keys),
        (_("he owns it"), had.owned_keys),
        (_("he made it"), had.made_keys),
    )
    return {
        "person": person,
        "at": at,
        "last": had.last_ends_at,
        "counts": [(label, _counted(number)) for label, number in _counts(had)],
        "made": [(label, _counted(number)) for label, number in _made(had) if number],
        "keys": [(key, why) for why, rows in keys for key in rows[:MOST_SHOWN]] if shows_keys else [],
        "person_url": people.address(owner, person.pk),
        "user_url": people.user_url(owner, request, person.user),
    }


def _counts(had: Possessions) -> list[tuple[StrOrPromise, int]]:
    return [
        (_("Live tokens"), had.tokens),
        (_("Token families that can be renewed"), had.pairs),
        (_("One-time login keys"), had.login_keys),
        (_("Pairs that vendors gave to him"), had.vendor_pairs),
        (_("Proofs that log him in at vendors"), had.proofs),
    ]


def _made(had: Possessions) -> list[tuple[StrOrPromise, int]]:
    return [
        (_("Vendor accounts: his names there"), had.accounts),
        (_("Applications that he made"), had.made_applications),
        (_("Certificates that he staged"), had.made_certificates),
        (_("Rules that he made"), had.made_rules),
    ]


def _counted(number: int) -> str:
    return effects.counted(number, more=number >= MOST_COUNTED)
