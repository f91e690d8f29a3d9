"""Which tokens are meant, as an address says it: names and ids that people type, never a list of all there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.naming import people_named
from token_issuer.admin.searching import kind_of
from token_issuer.admin.tenancy import applications_of
from token_issuer.conf import conf
from token_issuer.models import ApiKey, Application, Certificate
from token_issuer.services.selecting import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Model
    from django.http import HttpRequest

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.people import Person

NAMES: Final = ("user", "application", "room", "certificate", "key", "ip", "from", "until")

_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(3000, 1, 1, tzinfo=UTC)  # beyond, other time zones would leave the calendar
_TEXT: Final = {"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}


_KEPT: Final = {
    "full": "",
    "truncated": _("This site keeps networks alone: name that as a token's page has it, and all in it are meant."),
    "off": _("This site keeps none."),
}


def _text(label: object, help_text: object = "", *, strip: bool = True) -> Any:  # noqa: ANN401  a field
    widget = forms.TextInput(attrs=_TEXT)
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=255, widget=widget, strip=strip)  # type: ignore[arg-type]  # lazy


def _instant(label: object, help_text: object = "") -> Any:  # noqa: ANN401  a field
    return forms.DateTimeField(label=label, help_text=help_text, required=False, widget=forms.TextInput(attrs=_TEXT))  # type: ignore[arg-type]  # lazy


class SelectionForm(forms.Form):
    """All that is given must hold; what is not found is said at its field."""

    def __init__(self, admin: OwnPages, request: HttpRequest, data: Mapping[str, Any]) -> None:
        """Take what the address says; only what this person may see is found."""
        super().__init__({name: data[name] for name in NAMES if name in data})
        self._admin, self._request = admin, request
        self.person: Person | None = None
        self.fields |= {
            "user": _text(_("User"), _("A primary key or a user name; the key also of a deleted user.")),
            "application": _text(_("Application"), _("Its slug.")),
            "room": _text(_("Room or channel"), _("Exactly; together with its application."), strip=False),
            "ip": _text(_("IP address"), _KEPT[conf.audit_network]),
            "from": _instant(_("Issued from"), _("2026-03-01 14:05, or with a time zone: 2026-03-01T14:05+01:00.")),
            "until": _instant(_("Issued until"), _("Without it: until now.")),
            "certificate": _text(_("Certificate"), _("Its id or fingerprint.")),
            "key": _text(_("API key"), _("Its public id.")),
        }

    @property
    def is_given(self) -> bool:
        """Whether anything says which tokens are meant."""
        return any(str(value).strip() for value in self.data.values())

    @property
    def query(self) -> str:
        """What the address says, as it stands behind the question mark."""
        return urlencode({name: value for name, value in self.data.items() if str(value).strip()})

    @property
    def named(self) -> list[tuple[str, str]]:
        """What is given, as people say it: a person by his name and his key."""
        given = {**self.cleaned_data, "user": self.person and _called(self.person)}
        return [(str(field.label), _said(given[name])) for name, field in self.fields.items() if given[name]]

    def selection(self) -> Selection:
        """Return what is meant, once the form is valid and something is given."""
        said = self.cleaned_data
        return Selection(
            principal_key=self.person.principal_key if self.person is not None else None,
            application=said["application"],
            resource=said["room"] if said["room"].strip() else None,
            certificate=said["certificate"],
            api_key=said["key"],
            ip=said["ip"] or None,
            issued_from=said["from"],
            issued_until=said["until"],
            within=applications_of(self._request),
        )

    def sources(self) -> list[Any]:
        """Return the rows that are named and that make tokens: they go on when their tokens end."""
        return [row for row in map(self.cleaned_data.get, ("certificate", "key", "application")) if row is not None]

    def subject(self) -> Any:  # noqa: ANN401  a row
        """Return the row that says best whose tokens these are, None where no row does."""
        person = self.person.user if self.person is not None else None
        return (
            self.cleaned_data["key"] or self.cleaned_data["certificate"] or person or self.cleaned_data["application"]
        )

    def clean(self) -> dict[str, Any]:
        """Look up what is named."""
        said = self.cleaned_data
        self._look("user", self._person)
        self._look("application", lambda value: self._row(Application, slug=value))
        self._look("certificate", self._certificate)
        self._look("key", lambda value: self._row(ApiKey, public_id=value))
        if said.get("ip") and kind_of(said["ip"]) != "ip":
            self.add_error("ip", _("This is no IP address."))
        if said.get("room", "").strip() and not said.get("application") and "application" not in self.errors:
            self.add_error("application", _("A room is one of an application: name that, too."))
        self._check_window(said.get("from"), said.get("until"))
        return said

    def _look(self, name: str, find: Any) -> None:  # noqa: ANN401  a function
        """Put the row in the place of its name."""
        value = self.cleaned_data.get(name)
        if name not in self.cleaned_data or not value:
            self.cleaned_data[name] = None
            return
        try:
            self.cleaned_data[name] = find(value)
        except ValidationError as error:
            self.add_error(name, error)

    def _person(self, value: str) -> str:
        found = people_named(self._request, value, tokens=self._admin.get_queryset(self._request))
        # The key is what addresses say; a name that looks like somebody else's key stands behind it.
        found.sort(key=lambda person: str(person.pk) != value)
        if not found:
            raise ValidationError(_("Nobody who is or was here has this name or key."))
        self.person = found[0]
        return value

    def _certificate(self, value: str) -> Any:  # noqa: ANN401  a row
        kind = kind_of(value)
        if kind == "fingerprint":
            return self._row(Certificate, fingerprint=value)
        return self._row(Certificate, pk=value if kind == "id" else None)

    def _row(self, model: type[Model], **which: object) -> Any:  # noqa: ANN401  a row
        rows = self._admin.admin_site.get_model_admin(model).get_queryset(self._request)
        found = rows.filter(**which).order_by("pk")[:2]
        if len(found) != 1:
            several = _("There are several with this name: name it by its id.")
            raise ValidationError(several if found else _("There is none here."))
        return found[0]

    def _check_window(self, begins: datetime | None, ends: datetime | None) -> None:
        for name, instant in (("from", begins), ("until", ends)):
            if instant is not None and not _FIRST <= instant < _LAST:
                self.add_error(name, _("The years 2000 to 2999 can be named."))
        if begins is not None and ends is not None and ends <= begins:
            self.add_error("until", _("This is not after the beginning."))


def _called(person: Person) -> str:
    return f"{person} ({person.pk})" if person.user is not None else gettext("deleted user %s") % person.pk


def _said(value: object) -> str:
    return date_format(timezone.localtime(value), "DATETIME_FORMAT") if isinstance(value, datetime) else str(value)
