"""The words of a refusal as sentences. What a site's own function said is shown as it is."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from token_issuer.policy import NO_RULE

NOT_NAMED: Final = "not_named"
"""What a rule says of somebody whom it does not name; no caller is told that."""

SENTENCES: Final = {
    NOT_NAMED: _("It does not name this person."),
    NO_RULE: _("No rule names this person, and no function of this site allowed it."),
    "privilege_not_granted": _("It does not allow every privilege that is asked for."),
    "scope_missing": _("The credential does not have the scope for this, or one that it asks to hand on."),
    "resource_not_granted": _("The channel or room is none of those that it allows."),
    "wildcard_not_granted": _("The request would open more than one thing, and it allows no wildcards."),
    "lifetime_not_granted": _("The token would live longer than allowed."),
    "server_only": _("The privilege is for servers, and never given to a browser."),
    "rate_limited": _("The limit of the rule is used up for now."),
    "policy_unavailable": _("The function of this site failed, and then everything is refused. The log says why."),
    "no_active_certificate": _("The application has no active certificate to make tokens with."),
    "no_vendor_account": _("The vendor wants a proof of this person's account there, and none is kept."),
    "not_connected": _("This person has not connected to the vendor yet."),
    "connect_again": _("This person has to connect to the vendor again."),
    "too_many_devices": _("This person has as many connected devices as there may be."),
    "subject_not_rendered": _("This person's name at the vendor cannot be made from the pattern."),
    "subject_not_allowed": _("This person's name does not fit at the vendor."),
    "subject_mismatch": _("The front-end is about to join as somebody else."),
    "ended_meanwhile": _("It was ended while the vendor was asked."),
    "grant_not_allowed": _("What the login key was made for does not fit the application any more."),
    "readonly_token": _("The token may only read."),
    "inspection_not_permitted": _("It takes the permission to ask about any token."),
    "temporary_tokens_off": _("Temporary tokens are switched off."),
    "temporary_not_permitted": _("It takes the permission to make temporary tokens."),
}


def in_words(reason: str) -> str:
    """Return the sentence for a reason; the reason itself where it is a word of the site's."""
    return str(SENTENCES.get(reason, reason))
