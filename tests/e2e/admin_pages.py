"""Every page of ours in the admin, by the name of its address, and how to get to each state of it.

A new page needs a line here: ``test_every_page_is_listed`` compares with the admin's own addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver

if TYPE_CHECKING:
    from tests.e2e.conftest import Person

Rows = Callable[..., list[Any]]
Reach = Callable[["Person", Rows], None]
PREFIX = "token_issuer_"
HOME = "/admin/token_issuer/"
MODELS = (
    "apikey", "application", "auditevent", "certificate", "issuedtoken", "onetimekey", "rule", "tokenfamily",
    "vendoraccount", "vendorpair",
)  # fmt: skip
LIVE = "revoked_at is null and consumed_at is null and expires_at > datetime('now')"


@dataclass(frozen=True)
class State:
    """A page as somebody finds it."""

    page: str
    name: str
    reach: Reach

    def __str__(self) -> str:
        return f"{self.page}-{self.name}"


def addresses() -> set[str]:
    """The names of all our addresses in the admin, without their prefix."""
    return {name.removeprefix(PREFIX) for name in _names(admin.site.get_urls()) if name.startswith(PREFIX)}


def _names(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def row(model: str, where: str = "1", order: str = "id desc") -> Callable[[Rows], str]:
    """Finds the id of the newest row; written with its dashes."""
    return lambda rows: dashed(one(rows, f"select id from token_issuer_{model} where {where} order by {order} limit 1"))


def one(rows: Rows, query: str, *values: object) -> Any:
    """The one value that a query finds."""
    found = rows(query, *values)
    assert found, f"the story has none: {query}"
    return found[0][0]


def dashed(value: object) -> str:
    """A key as addresses have it: SQLite keeps UUIDs without dashes."""
    text = str(value)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])) if len(text) == 32 else text


def application(slug: str) -> Callable[[Rows], str]:
    """Finds an application's id."""
    return row("application", f"slug = '{slug}'")


def user(name: str) -> Callable[[Rows], str]:
    """Finds a person's id."""
    return lambda rows: str(one(rows, "select id from auth_user where username = ?", name))


def at(path: str, **ids: Callable[[Rows], str]) -> Reach:
    """Opens a page; ``{name}`` in its path stands for an id."""
    return lambda person, rows: person.go(HOME + path.format(**{name: find(rows) for name, find in ids.items()}))


def chosen(model: str, action: str, where: str = "1") -> Reach:
    """Ticks the newest row of a list and starts an action."""

    def reach(person: Person, rows: Rows) -> None:
        person.go(f"{HOME}{model}/")
        person.page.locator(f'input[name="_selected_action"][value="{row(model, where)(rows)}"]').check()
        person.page.locator("select[name=action]").select_option(action)
        person.page.locator(".actions button[type=submit]").click()

    return reach


def pasted(text: str) -> Reach:
    """Checks a text that was pasted."""

    def reach(person: Person, rows: Rows) -> None:
        person.go(f"{HOME}issuedtoken/check/")
        person.page.locator("#content-main textarea, #content-main input[type=text]").first.fill(text)
        person.press("Check")

    return reach


EVIDENCE = ("auditevent", "issuedtoken", "onetimekey", "tokenfamily")

SHOWN: dict[str, dict[str, Reach]] = {
    "apikey_changelist": {"list": at("apikey/")},
    "apikey_add": {
        "application": at("apikey/add/"),
        "form": at("apikey/add/?application={id}", id=application("api")),
    },
    "apikey_change": {"form": at("apikey/{id}/change/", id=row("apikey"))},
    "apikey_history": {"list": at("apikey/{id}/history/", id=row("apikey"))},
    "apikey_rotate": {"question": at("apikey/{id}/rotate/", id=row("apikey", "revoked_at is null"))},
    "apikey_revoke": {"question": at("apikey/{id}/revoke/", id=row("apikey", "revoked_at is null"))},
    "application_changelist": {"list": at("application/"), "empty": at("application/?q=nothing-of-that-name")},
    "application_add": {
        "provider": at("application/add/"),
        "agora": at("application/add/?provider=agora"),
        "own": at("application/add/?provider=own"),
        "oauth-client": at("application/add/?provider=oauth-client"),
    },
    "application_change": {
        "form": at("application/{id}/change/", id=application("classes")),
        "off": at("application/{id}/change/", id=application("lobby")),
    },
    "application_history": {"list": at("application/{id}/history/", id=application("classes"))},
    "application_disable": {"question": at("application/{id}/disable/", id=application("classes"))},
    "application_enable": {"question": at("application/{id}/enable/", id=application("lobby"))},
    "application_rotate": {
        "stage": at("application/{id}/rotate/sign/", id=application("api")),
        "activate": at("application/{id}/rotate/sign/", id=application("rooms")),
        "retire": at("application/{id}/rotate/sign/", id=application("classes")),
    },
    "application_doctor": {"look": at("application/doctor/")},
    "application_explain": {"form": at("application/{id}/explain/", id=application("classes"))},
    "application_temporary": {"form": at("application/{id}/temporary/", id=application("classes"))},
    "auditevent_changelist": {"list": at("auditevent/"), "empty": at("auditevent/?q=ip:192.0.2.250")},
    "auditevent_change": {"row": at("auditevent/{id}/change/", id=row("auditevent", "kind = 'denied'"))},
    "auditevent_history": {"list": at("auditevent/{id}/history/", id=row("auditevent"))},
    "certificate_changelist": {"list": at("certificate/")},
    "certificate_add": {
        "application": at("certificate/add/"),
        "form": at("certificate/add/?application={id}", id=application("rooms")),
    },
    "certificate_change": {
        "staged": at("certificate/{id}/change/", id=row("certificate", "activated_at is null")),
        "retiring": at("certificate/{id}/change/", id=row("certificate", "retiring_at is not null")),
    },
    "certificate_history": {"list": at("certificate/{id}/history/", id=row("certificate"))},
    "certificate_replace": {
        "form": at("certificate/{id}/replace/", id=row("certificate", "purpose = 'sign' and active_slot = 1"))
    },
    "certificate_activate": {
        "question": at("certificate/{id}/activate/", id=row("certificate", "activated_at is null"))
    },
    "certificate_retire": {
        "question": at("certificate/{id}/retire/", id=row("certificate", "retiring_at is not null"))
    },
    "certificate_revoke": {"question": at("certificate/{id}/revoke/", id=row("certificate"))},
    "issuedtoken_changelist": {"list": at("issuedtoken/"), "empty": at("issuedtoken/?q=192.0.2.250")},
    "issuedtoken_find": {"nothing": at("issuedtoken/find/")},
    "issuedtoken_check": {
        "form": at("issuedtoken/check/"),
        "foreign": pasted("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
    },
    "issuedtoken_change": {
        "live": at("issuedtoken/{id}/change/", id=row("issuedtoken", LIVE)),
        "expired": at("issuedtoken/{id}/change/", id=row("issuedtoken", "expires_at < datetime('now')")),
        "revoked": at("issuedtoken/{id}/change/", id=row("issuedtoken", "revoked_at is not null")),
    },
    "issuedtoken_history": {"list": at("issuedtoken/{id}/history/", id=row("issuedtoken"))},
    "issuedtoken_overview": {"front": at("issuedtoken/overview/")},
    "issuedtoken_person": {
        "active": at("issuedtoken/person/{key}/", key=user("ada")),
        "inactive": at("issuedtoken/person/{key}/", key=user("erik")),
    },
    "issuedtoken_revoke": {"question": at("issuedtoken/{id}/revoke/", id=row("issuedtoken", LIVE))},
    "issuedtoken_person_end": {"question": at("issuedtoken/person/{key}/end/", key=user("ada"))},
    "issuedtoken_revoke_where": {
        "nothing": at("issuedtoken/revoke-where/"),
        "person": at("issuedtoken/revoke-where/?user={key}", key=user("ada")),
        "room": at("issuedtoken/revoke-where/?application=webinars&room=talk-1"),
        "address": at("issuedtoken/revoke-where/?ip=198.51.100.7"),
        "none": at("issuedtoken/revoke-where/?ip=192.0.2.250"),
        "mistyped": at("issuedtoken/revoke-where/?user=nobody&ip=here&from=yesterday"),
    },
    "issuedtoken_revoke_selected": {"question": chosen("issuedtoken", "revoke_selected")},
    "issuedtoken_tell_again": {
        "question": at("issuedtoken/{id}/tell-again/", id=row("issuedtoken", "revoked_at is not null"))
    },
    "onetimekey_changelist": {"list": at("onetimekey/")},
    "onetimekey_change": {"row": at("onetimekey/{id}/change/", id=row("onetimekey"))},
    "onetimekey_history": {"list": at("onetimekey/{id}/history/", id=row("onetimekey"))},
    "onetimekey_revoke": {"question": at("onetimekey/{id}/revoke/", id=row("onetimekey"))},
    "onetimekey_revoke_selected": {"question": chosen("onetimekey", "revoke_selected")},
    "rule_changelist": {"list": at("rule/")},
    "rule_add": {"application": at("rule/add/"), "form": at("rule/add/?application={id}", id=application("classes"))},
    "rule_change": {"form": at("rule/{id}/change/", id=row("rule"))},
    "rule_explain": {"application": at("rule/explain/")},
    "rule_history": {"list": at("rule/{id}/history/", id=row("rule"))},
    "rule_delete": {"question": at("rule/{id}/delete/", id=row("rule"))},
    "tokenfamily_changelist": {"list": at("tokenfamily/")},
    "tokenfamily_change": {
        "open": at("tokenfamily/{id}/change/", id=row("tokenfamily")),
        "closed": at("tokenfamily/{id}/change/", id=row("tokenfamily", "closed_at is not null")),
    },
    "tokenfamily_history": {"list": at("tokenfamily/{id}/history/", id=row("tokenfamily"))},
    "tokenfamily_revoke": {"question": at("tokenfamily/{id}/revoke/", id=row("tokenfamily"))},
    "tokenfamily_revoke_selected": {"question": chosen("tokenfamily", "revoke_selected")},
    "vendoraccount_changelist": {"list": at("vendoraccount/")},
    "vendoraccount_add": {
        "application": at("vendoraccount/add/"),
        "form": at("vendoraccount/add/?application={id}", id=application("phone")),
    },
    "vendoraccount_change": {"form": at("vendoraccount/{id}/change/", id=row("vendoraccount"))},
    "vendoraccount_history": {"list": at("vendoraccount/{id}/history/", id=row("vendoraccount"))},
    "vendoraccount_provision": {
        "question": at("vendoraccount/{id}/provision/", id=row("vendoraccount", "proved_at is not null"))
    },
    "vendoraccount_forget": {
        "question": at("vendoraccount/{id}/forget/", id=row("vendoraccount", "proved_at is not null"))
    },
    "vendorpair_changelist": {"list": at("vendorpair/")},
    "vendorpair_change": {"row": at("vendorpair/{id}/change/", id=row("vendorpair"))},
    "vendorpair_history": {"list": at("vendorpair/{id}/history/", id=row("vendorpair"))},
    "vendorpair_retry": {"question": at("vendorpair/{id}/retry/", id=row("vendorpair"))},
    "vendorpair_forget": {"question": at("vendorpair/{id}/forget/", id=row("vendorpair"))},
}

# What is only posted to: the answers are looked at where somebody gets them.
POSTED = {
    "application_try",
    "certificate_try",
    "certificate_try_replacement",
    *(f"{model}_export" for model in EVIDENCE),
}

# Django's addresses for what nobody does here, whatever he may: evidence is neither added nor deleted.
REFUSED = {
    *(f"{model}_delete" for model in MODELS if model != "rule"),
    "auditevent_add", "issuedtoken_add", "onetimekey_add", "tokenfamily_add", "vendorpair_add",
}  # fmt: skip

# The way in, which is Django's with a template of ours.
INDEX = State("index", "front", at(""))
STATES = [INDEX, *(State(page, name, reach) for page, states in SHOWN.items() for name, reach in states.items())]
