"""Who a user is at the vendor: allocating numbers, rendering texts, adding the slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.errors import NotAuthenticated, PolicyDenied, Unavailable
from token_issuer.models import Application, Principal, VendorAccount
from token_issuer.models.vendor_account import LARGEST_NUMBER
from token_issuer.policy import BadPattern, render
from token_issuer.services.transactions import durable, in_transaction, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from token_issuer.policy import Decision
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question

SLOT_BITS = 4
LONGEST_SUBJECT = 252  # characters; the audit holds 255, and ":15" may follow


def subject_of(question: Question, decision: Decision) -> int | str:
    """Return who the token speaks for at the vendor: number * 16 + slot, or text with ``:slot`` when slot > 0."""
    key = question.caller.api_key
    if key is not None and question.caller.principal is Principal.API_KEY:
        return key.public_id
    if question.provider.subject_kind(question.options) == "integer":
        return (number_of(question) << SLOT_BITS) + question.slot
    text = _text_of(question, decision)
    return f"{text}:{question.slot}" if question.slot else text


def _text_of(question: Question, decision: Decision) -> str:
    account = question.account
    if account is not None and account.subject:
        return account.subject
    pattern = decision.subject_pattern or question.provider.subject_pattern(question.options)
    values = {**question.values, "group": decision.group}
    try:
        text = render(pattern, values, allow_username=decision.allow_username)
    except BadPattern as error:
        raise PolicyDenied("subject_not_rendered", f"Your name at the vendor cannot be made: {error}") from error
    if ":" in text:
        # "bob:1" would be somebody else's second device.
        raise PolicyDenied("subject_not_rendered", "Your name at the vendor would contain a colon.")
    if len(text) > LONGEST_SUBJECT:
        raise PolicyDenied("subject_not_rendered", "Your name at the vendor would be too long.")
    return text


def number_of(question: Question) -> int:
    """Return the user's number at this application, allocating it durably the first time."""
    account = question.account
    if account is not None and account.number is not None:
        return account.number
    return retrying(lambda: _allocated(question.application, question.caller))


def _allocated(application: Application, caller: Caller) -> int:
    if in_transaction():
        # A host's (issuing allows that with ``on_commit`` only): if he rolls back, nobody has got the number.
        return _allocate(application, caller)
    account = VendorAccount(application=application, user_id=caller.user_id)
    with refusing_the_vanished(account), durable():
        return _allocate(application, caller)


def _allocate(application: Application, caller: Caller) -> int:
    applications = Application.objects.using(write_alias()).filter(pk=application.pk)
    # The UPDATE locks the counter's row, so the SELECT after it reads our own number.
    if not applications.filter(account_sequence__lt=LARGEST_NUMBER).update(account_sequence=F("account_sequence") + 1):
        msg = "This application has no numbers left for new people."
        raise Unavailable(msg)
    number = applications.values_list("account_sequence", flat=True).get()
    fresh = VendorAccount(application=application, user_id=caller.user_id, principal_key=caller.principal_key)
    VendorAccount.objects.using(write_alias()).bulk_create([fresh], ignore_conflicts=True)
    # Once: an account that an administrator made beforehand has none yet; when the same user was faster in another
    # request, that number counts, and the one just taken is left out for ever.
    own = VendorAccount.objects.using(write_alias()).filter(application=application, user_id=caller.user_id)
    own.filter(number__isnull=True).update(number=number)
    allocated = own.values_list("number", flat=True).first()
    if allocated is None:
        # MariaDB leaves out, and says nothing of, a row whose user is gone.
        msg = "This account is gone."
        raise NotAuthenticated(msg)
    return allocated
