"""Ending a selection of tokens: what it would do, the reason, and batch by batch until it is done.

A set ends in one go. What is ended row by row may take minutes, so each POST works for a moment, and its answer carries
what is left to do, signed: whoever closes the page has ended what had its turn, and whoever reloads it ends nothing
twice.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from token_issuer.admin import effects, people
from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import Choice
from token_issuer.admin.log_entries import log_without_values
from token_issuer.admin.pages import ReasonForm
from token_issuer.admin.selection_form import SelectionForm
from token_issuer.admin.signed_steps import is_first, new_number, signed, unsigned
from token_issuer.errors import TokenIssuerError
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.services.ending_selected import end_selected, last_end
from token_issuer.services.selecting import preview

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.services.ending_selected import Progress
    from token_issuer.services.selecting import Selection

BATCH: Final = 1000
SECONDS: Final = 2.0  # that one POST works before it answers

_ASKED, _GOING_ON = "revoke_where", "revoke_where_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was decided, and how far it has come. Instants and ids are written, so that it can be signed."""

    query: str
    reason: str
    at: str  # the instant of the decision: what is made later is not meant
    last: str = ""  # until when a vendor may honour one of the tokens
    after: str = ""
    ended: int = 0
    pairs: int = 0
    login_keys: int = 0
    told: int = 0
    waiting: int = 0
    failed: int = 0
    left_out: int = 0
    vendor_pairs: int = 0
    more: bool = False  # there were too many to be counted
    number: str = ""  # of the form that carries it

    @property
    def ended_nothing(self) -> bool:
        """Whether there was nothing to end any more."""
        return not (self.ended or self.pairs or self.login_keys or self.vendor_pairs)

    @property
    def untold(self) -> int:
        """Of how many tokens a vendor ought to be told and has not been."""
        return self.waiting + self.failed + self.left_out

    def and_then(self, progress: Progress) -> Work:
        """Return the work after another batch."""
        pushes = progress.pushes
        return replace(
            self,
            after=str(progress.after or ""),
            ended=self.ended + progress.ended,
            pairs=self.pairs + progress.pairs,
            login_keys=self.login_keys + progress.login_keys,
            told=self.told + pushes.pushed,
            waiting=self.waiting + pushes.waiting,
            failed=self.failed + pushes.failed,
            left_out=self.left_out + progress.left_out,
            vendor_pairs=self.vendor_pairs + progress.vendor_pairs,
            more=self.more or progress.more,
        )


def page(owner: OwnPages, request: HttpRequest) -> HttpResponse:
    """Show what it would do, do it, or go on with it; the edge checked who may."""
    if request.method == "POST" and "work" in request.POST:
        facts = unsigned(request, _GOING_ON, request.POST["work"])
        # A release before this one may have signed other facts.
        known = facts is not None and facts.keys() == {field.name for field in fields(Work)}
        return _go_on(owner, request, Work(**facts)) if facts and known else _asked(owner, request, _TOO_OLD)
    if request.method == "POST":
        return _decided(owner, request)
    return _asked(owner, request)


_TOO_OLD: Final = "too_old"
_SENT_BEFORE: Final = "sent_before"


def _asked(owner: OwnPages, request: HttpRequest, trouble: str = "", reason: ReasonForm | None = None) -> HttpResponse:
    """Show the selection, what ending it would do, and the form that asks for the reason."""
    form, at = SelectionForm(owner, request, request.GET), timezone.now()
    context: dict[str, Any] = {"title": gettext("Revoke tokens"), "narrow": form, "at": at, "trouble": trouble}
    if form.is_given and form.is_valid():
        caller = caller_of(request)
        found = preview(caller, form.selection(), at=at)
        context |= {
            "preview": effects.shown(caller, found, at=at),
            "form": reason or ReasonForm(),
            "asked": signed(request, _ASKED, {"query": form.query, "number": new_number()}),
            "query": form.query,
            "named": form.named,
            "sources": _sources(owner, request, form),
        }
    return owner.page(request, "revoke_where.html", context)


def _sources(owner: OwnPages, request: HttpRequest, form: SelectionForm) -> list[Choice]:
    """Return the pages of what goes on when its tokens end."""
    found = [Choice(url=people.address(owner, form.person.pk), label=str(form.person))] if form.person else []
    for row in form.sources():
        if owner.admin_site.get_model_admin(type(row)).has_view_permission(request):
            name = f"admin:token_issuer_{row._meta.model_name}_change"
            found.append(Choice(url=reverse(name, args=[row.pk], current_app=owner.admin_site.name), label=str(row)))
    return found


def _decided(owner: OwnPages, request: HttpRequest) -> HttpResponse:
    form, reason = SelectionForm(owner, request, request.GET), ReasonForm(request.POST)
    if not (form.is_given and form.is_valid() and reason.is_valid()):
        return _asked(owner, request, reason=reason)
    asked = unsigned(request, _ASKED, request.POST.get("asked", ""))
    if asked is None or asked["query"] != form.query:
        return _asked(owner, request, _TOO_OLD, reason)
    if not is_first(request, asked["number"]):
        return _asked(owner, request, _SENT_BEFORE)
    at = timezone.now()
    found = preview(caller_of(request), form.selection(), at=at, sample=0)
    last = last_end(form.selection(), found, at=at)
    work = Work(query=form.query, reason=reason.cleaned_data["reason"], at=at.isoformat(), last=last.isoformat())
    return _worked(owner, request, form, work)


def _go_on(owner: OwnPages, request: HttpRequest, work: Work) -> HttpResponse:
    form = SelectionForm(owner, request, dict(parse_qsl(work.query)))
    if not form.is_valid():  # what was selected is gone, or may no longer be touched
        return _asked(owner, request, _TOO_OLD)
    if not work.after and not is_first(request, work.number):  # a set would end again, with what was made since
        return _asked(owner, request, _SENT_BEFORE)
    return _worked(owner, request, form, work)


def _worked(owner: OwnPages, request: HttpRequest, form: SelectionForm, work: Work) -> HttpResponse:
    """End for a moment, then say how far it has come; the answer to the POST itself."""
    selection, until = form.selection(), time.monotonic() + SECONDS
    context: dict[str, Any] = {"at": timezone.now(), "query": work.query}
    while True:
        try:
            progress = _batch(request, selection, work)
        except TokenIssuerError as error:
            return _going_on(owner, request, work, {**context, "error": error.message})
        if not work.after:
            row = form.subject()
            log_without_values(owner, request, row, "Its tokens were revoked." if row else "A selection was revoked.")
        work = work.and_then(progress)
        if progress.after is None:
            return _done(owner, request, form, work, context)
        if time.monotonic() >= until:
            return _going_on(owner, request, work, {**context, "left": progress.left})


def _batch(request: HttpRequest, selection: Selection, work: Work) -> Progress:
    at = datetime.fromisoformat(work.at)
    selection = replace(selection, decided_at=at)
    after = UUID(work.after) if work.after else None
    return end_selected(caller_of(request), selection, reason=work.reason, at=at, after=after, batch=BATCH)


def _going_on(owner: OwnPages, request: HttpRequest, work: Work, context: dict[str, Any]) -> HttpResponse:
    more = {
        "title": gettext("Revoking"),
        "work": work,
        "signed_work": signed(request, _GOING_ON, {**asdict(work), "number": new_number()}),
        "total": work.ended + context.get("left", 0),
        "ended_words": effects.counted(work.ended),
        "left_words": effects.counted(context.get("left", 0), more=context.get("left", 0) >= MOST_COUNTED),
    }
    return owner.page(request, "revoke_where_progress.html", {**context, **more})


def _done(
    owner: OwnPages, request: HttpRequest, form: SelectionForm, work: Work, context: dict[str, Any]
) -> HttpResponse:
    more = {
        "title": gettext("Revoked"),
        "work": work,
        "ended_words": effects.counted(work.ended),
        "last": datetime.fromisoformat(work.last),
        "named": form.named,
        "person_url": people.address(owner, form.person.pk) if form.person is not None else "",
    }
    return owner.page(request, "revoke_where_done.html", {**context, **more})
