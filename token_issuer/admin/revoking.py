"""The confirmation of a revocation and its result: both say of each token when it really ends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import effects
from token_issuer.admin.callers import caller_of
from token_issuer.admin.effects import Line
from token_issuer.admin.pages import Deed, ReasonForm
from token_issuer.errors import TokenIssuerError
from token_issuer.models import PushState
from token_issuer.registry import providers
from token_issuer.services import outbox
from token_issuer.services.ending_beside import beside
from token_issuer.services.pushing import Patience, push_first
from token_issuer.services.revoking import ending_of, revoke_any
from token_issuer.services.telling_again import tell_again

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.models import IssuedToken, VendorPush
    from token_issuer.services.callers import Caller

MOST_AT_ONCE: Final = 200


def posted_ids(request: HttpRequest) -> list[UUID]:
    """Return the token ids that the confirmation sent back; what is none is left out."""
    found = []
    for text in request.POST.getlist("token")[:MOST_AT_ONCE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def page(owner: OwnPages, request: HttpRequest, tokens: Sequence[IssuedToken], *, decided: bool) -> HttpResponse:
    """Show the confirmation, or do it when a reason was posted and show the result.

    The result is the answer to the POST itself: revoking is idempotent, so a reload ends nothing twice.
    """
    at, caller = timezone.now(), caller_of(request)
    form = ReasonForm(request.POST if decided else None)
    if not form.is_valid():
        lines = effects.lines(caller, tokens, at=at)
        title = ngettext("Revoke this token?", "Revoke %(count)s tokens?", len(lines)) % {"count": len(lines)}
        more = {"title": title, "form": form, "effects": effects.of_lines(lines)}
        more |= {"beside": beside(tokens, at=at)}
        return owner.page(request, "revoke.html", {**more, **_shown(owner, request, lines, at=at)})
    # One wait for all of them: vendors that do not answer are told later.
    with_them = beside(tokens, at=at)
    ended = partial(_ended, owner, request, reason=form.cleaned_data["reason"], at=at, patience=Patience())
    lines = [ended(token) for token in tokens]
    more = {"title": gettext("Revoked"), "beside": with_them}
    return owner.page(request, "revoked.html", {**more, **_shown(owner, request, lines, at=timezone.now())})


def may_tell_again(token: IssuedToken, *, at: datetime) -> bool:
    """Whether telling the vendor was given up, and the token may still be honoured there."""
    push: VendorPush | None = getattr(token, "push", None)
    return push is not None and push.state is PushState.FAILED and token.expires_at > at


def told_again(owner: OwnPages, request: HttpRequest, token: IssuedToken) -> HttpResponse:
    """Show what the button does, or do it."""
    deed = Deed(
        title=_("Tell the vendor again?"),
        button=_("Tell again"),
        act=lambda caller, reason, at: _tell_again(caller, token, at=at),
        done=_("The vendor is told again: this page says how that went."),
        logged="Vendor told again.",
    )
    return owner.confirmed(request, token, deed, back=owner.url("change", token.pk))


def _tell_again(caller: Caller, token: IssuedToken, *, at: datetime) -> None:
    if tell_again(token_id=token.pk, at=at):
        push_first([token.push.told_by or token.push.pk], caller, at=at, patience=Patience())


def _shown(owner: OwnPages, request: HttpRequest, lines: list[Line], *, at: datetime) -> dict[str, object]:
    known = providers()
    names = dict.fromkeys(line.token.application.provider for line in lines)
    texts = [known[name].vendor.revocation_sentence for name in names if name in known]
    texts += outbox.sentences([line.token for line in lines], caller_of(request), at=at)
    sentences = [gettext(text) for text in texts]
    return {"lines": lines, "at": at, "sentences": sentences, "post_url": owner.url("revoke_selected")}


def _ended(
    owner: OwnPages, request: HttpRequest, token: IssuedToken, *, reason: str, at: datetime, patience: Patience
) -> Line:
    standing = token.standing(at).value
    try:
        ending = revoke_any(caller_of(request), token.pk, reason=reason, at=at, patience=patience)
    except TokenIssuerError as error:
        return Line(token=token, standing=standing, ending=ending_of(token, at=at), error=error.message)
    if ending.changed:
        owner.log_change(request, token, "Revoked.")
    return Line(token=token, standing=standing, ending=ending)
