"""The page "Why, or why not?": would this person get this token, and what says each who is asked about it?

As if the person's own browser asked. Nothing is minted, charged or written into the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import reasons, searching
from token_issuer.admin.deciders import deciders_of
from token_issuer.admin.grant_forms import GrantForm
from token_issuer.admin.spans import span
from token_issuer.admin.standings import state
from token_issuer.errors import FieldError, NotAuthenticated, TokenIssuerError
from token_issuer.models import Origin
from token_issuer.policy import Allow
from token_issuer.providers.fields import specs
from token_issuer.registry import providers
from token_issuer.services import deciding, explaining
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from token_issuer.admin.deciders import Deciders
    from token_issuer.admin.pages import OwnPages
    from token_issuer.admin.rule_sentences import Told
    from token_issuer.models import Application, Rule
    from token_issuer.providers.base import Provider
    from token_issuer.services.explaining import Walk

LONGEST_NAME: Final = 254


class ExplainForm(GrantForm):
    """Who asks, for what."""

    slot_help = _("Another device of this person: 0 is the usual one.")

    user = forms.CharField(
        label=_("User"),
        max_length=LONGEST_NAME,
        help_text=_("The user name, or the primary key."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, provider: Provider, application: Application, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        limits = deciding.limits_of(application, provider)
        super().__init__(provider, application, *args, specs=specs(provider.grant_class), limits=limits, **kwargs)

    def clean_user(self) -> AbstractBaseUser:
        """Return who is meant; a name goes before another user's key."""
        written = self.cleaned_data["user"].strip()
        rows = get_user_model()._default_manager.using(write_alias())
        keys: list[Any] = searching.user_keys(written)
        found = list(rows.filter(pk__in=keys).order_by("pk")[:3])
        if not found:
            raise forms.ValidationError(gettext("There is no user of this name or key."))
        return next((user for user in found if user.get_username() == written), found[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one rule says; ``asked`` is whether it would come to that."""

    rule: Rule
    told: Told
    answer: SafeString
    asked: bool


def page(owner: OwnPages, request: HttpRequest, application: Application) -> HttpResponse:
    """Ask for a person and a grant; answer a POST with everybody's word. The edge checked who may see rules."""
    provider = providers().get(application.provider)
    if provider is None:
        messages.error(request, gettext("The provider of this application is not installed."))
        return redirect(reverse("admin:index", current_app=owner.admin_site.name))
    posted = request.POST if request.method == "POST" else None
    form = ExplainForm(provider, application, posted, initial={"user": request.GET.get("user", "")})
    deciders = deciders_of(request, owner.admin_site, application)
    walk = _walk(form, application) if form.is_valid() else None
    context = {
        "title": gettext("Why, or why not?"),
        "object": application,
        "form": form,
        "deciders": deciders,
        **(_told(walk, deciders) if walk is not None else {}),
    }
    return owner.page(request, "explain.html", context)


def _walk(form: ExplainForm, application: Application) -> Walk | None:
    caller = Caller(user=form.cleaned_data["user"], origin=Origin.SESSION)
    try:
        return explaining.walk(caller, application.slug, body=form.body(), at=timezone.now())
    except FieldError as error:
        form.add_refusal(error)
    except NotAuthenticated as error:
        form.add_error("user", error.message)
    except (TokenIssuerError, ImproperlyConfigured) as error:
        form.add_error(None, str(error))
    return None


def _told(walk: Walk, deciders: Deciders) -> dict[str, Any]:
    found, limits = walk.explanation, walk.question.limits
    return {
        "walk": walk,
        "person": walk.question.caller.user,
        "found": found,
        "verdict": state("allowed", gettext("Granted")) if found.allowed else state("refused", gettext("Refused")),
        "reason": reasons.in_words(found.reason) if found.reason else "",
        "barrier": reasons.in_words(walk.barrier) if walk.barrier else "",
        "lifetime": span(found.lifetime),
        "maximum": span(found.maximum),
        "limits": {name: span(getattr(limits, name)) for name in ("minimum", "default", "maximum")},
        "said": _by_site(walk),
        "answers": _answers(walk, deciders),
    }


def _by_site(walk: Walk) -> dict[str, Any]:
    """Return what the site's function said, in parts."""
    answer = walk.answer
    if walk.failure:
        return {"state": state("failed", gettext("did not answer")), "text": gettext(walk.failure)}
    if answer is None:
        return {"state": state("unasked", gettext("has no opinion")), "text": gettext("The rules decide.")}
    if not isinstance(answer, Allow):
        return {"state": state("refused", gettext("refuses")), "text": reasons.in_words(answer.reason)}
    words = ", ".join(sorted(answer.privileges))
    text = gettext("It allows %s.") % words if words else gettext("It allows no privilege at all.")
    if answer.lifetime is not None:
        text += " " + gettext("For at most %s.") % span(answer.lifetime)
    if answer.wildcards:
        text += " " + gettext("Wildcards, too.")
    against = next((step.reason for step in walk.explanation.steps if step.source == walk.answered_by), "")
    if not against:
        return {"state": state("allowed", gettext("allows it")), "text": text}
    return {"state": state("refused", gettext("does not allow this")), "text": f"{text} {reasons.in_words(against)}"}


def _answers(walk: Walk, deciders: Deciders) -> tuple[Answer, ...]:
    asked = {step.source for step in walk.explanation.steps}
    open_to_all = walk.answer is None and not walk.failure and not walk.barrier
    decided = walk.explanation.source
    found, over = [], False
    for rule, told in deciders.rules:
        source, key = f"rule:{rule.pk}", str(rule.pk)
        named = key in walk.answers
        reason = walk.answers.get(key, reasons.NOT_NAMED)
        is_asked = source in asked if named else open_to_all and not over
        found.append(Answer(rule=rule, told=told, answer=_answer(reason, named=named), asked=is_asked))
        over = over or source == decided
    return tuple(found)


def _answer(reason: str, *, named: bool) -> SafeString:
    if not reason:
        return state("allowed", gettext("It allows this."))
    return state("refused" if named else "unasked", reasons.in_words(reason))
