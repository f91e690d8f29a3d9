"""From a request to a decision: shared by issuing, which acts on it, and explaining, which only tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import FilteredRelation, Q

from token_issuer import policy
from token_issuer.errors import ApplicationDisabled, BadGrant, BadOption, FieldError, NotFound, Unavailable
from token_issuer.models import Application, Principal
from token_issuer.policy import Allow, Decision, Deny, Facts, Limits
from token_issuer.providers import fields
from token_issuer.providers.durations import DurationOutOfRange
from token_issuer.providers.scopes import TOKENS_ISSUE
from token_issuer.registry import get_provider, privileges_of, providers
from token_issuer.services.rules import rules_for
from token_issuer.services.site_policy import Ask, asked
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser

    from token_issuer.models import ApiKey, Certificate, VendorAccount
    from token_issuer.providers.base import Grant, Options, Provider
    from token_issuer.services.callers import Caller

Reader = Callable[..., "tuple[Grant, int | None, int]"]  # as ``_read``
_RELATIONS = {"sign": "signing", "call": "calling"}  # by purpose: what the statements below name a certificate

LONGEST_NAME = 255  # characters of a resource or a subject that the audit holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that is understood and not yet decided. ``lifetime`` is None when the caller named none.

    ``temporary``: somebody makes it by hand for a test, and policy is not asked. ``token_id`` is what the token's row
    will be, where that was settled before; None: a fresh one.
    """

    caller: Caller
    application: Application
    certificate: Certificate | None
    account: VendorAccount | None
    provider: Provider
    options: Options
    limits: Limits
    grant: Grant
    lifetime: int | None
    slot: int
    temporary: bool = False
    token_id: UUID | None = None

    @property
    def values(self) -> dict[str, str]:
        """What the placeholders of patterns stand for."""
        user = self.caller.user
        if self.caller.principal is Principal.API_KEY:
            return {"slot": str(self.slot)}
        return {
            "user.pk": str(user.pk),
            "user.username": str(user.get_username()),
            "account": (self.account.subject or "") if self.account else "",
            "slot": str(self.slot),
        }


def find_application(caller: Caller, slug: str) -> tuple[Application, Certificate | None, VendorAccount | None]:
    """Return the application with the active certificate its tokens are made with and the caller's account.

    One statement.

    Raises:
        NotFound: there is no application of this name.
    """
    # The two relations exist in this query only; the type checker's plugin knows the models' own.
    rows: Any = (
        Application.objects.using(write_alias())
        .annotate(
            signing=FilteredRelation(
                "certificates", condition=Q(certificates__purpose="sign", certificates__active_slot=1)
            ),
            calling=FilteredRelation(
                "certificates", condition=Q(certificates__purpose="call", certificates__active_slot=1)
            ),
            own_account=FilteredRelation("accounts", condition=Q(accounts__user=caller.user.pk)),
        )
        .select_related("signing", "calling", "own_account")  # type: ignore[misc]  # made by the annotation above
        .filter(slug=slug)
    )
    found: Application | None = rows.first() if _is_slug_like(slug) else None
    # MariaDB finds "ROOMS " when asked for "rooms".
    if found is None or found.slug != slug:
        msg = "There is no such application."
        raise NotFound(msg)
    # A server's key opens one application; the others look like none.
    if caller.api_key is not None and caller.api_key.application_id != found.pk:
        msg = "There is no such application."
        raise NotFound(msg)
    row: Any = found
    return found, certificate_of(row), getattr(row, "own_account", None)


def certificate_of(row: Any) -> Certificate | None:  # noqa: ANN401  a row with ``signing`` and ``calling``
    """Return what tokens of this application are made with; None where they need nothing, or there is none active."""
    application: Application = row if isinstance(row, Application) else row.application
    provider = providers().get(application.provider)
    purpose = provider.minting_purpose if provider is not None else None
    found: Certificate | None = getattr(row, _RELATIONS[purpose], None) if purpose in _RELATIONS else None
    return found


def understand(caller: Caller, slug: str, body: Mapping[str, object], *, read: Reader | None = None) -> Question:
    """Return the question that a request asks. ``read`` reads a body that is no token's.

    Raises:
        NotAuthenticated: the caller is nobody.
        NotFound: there is no such application.
        ApplicationDisabled: an administrator has switched it off.
        BadGrant: the body does not fit; ``fields`` names every field that does not.
        Unavailable: the application's provider is not installed, or does not take its options.
    """
    caller, body = acting(caller, body)
    caller.require_active()
    application, certificate, account = find_application(caller, slug)
    if application.is_disabled:
        msg = "This application is switched off."
        raise ApplicationDisabled(msg)
    provider, options = configuration_of(application)
    if caller.principal is Principal.API_KEY and not provider.verified_here:
        # A vendor knows people; a server asks for one of them. Before policy is asked about nobody.
        raise BadGrant("on_behalf_of", "must name the user whom the token is for")
    limits = limits_of(application, provider)
    grant, lifetime, slot = (read or _read)(body, provider, application=application, limits=limits)
    limits = limits_of(application, provider, grant=grant)
    provider.check_grant(grant, options)
    refuse_unknown_words(provider, grant)
    if len(grant.resource) > LONGEST_NAME:
        raise BadGrant("resource", f"must be at most {LONGEST_NAME} characters")
    return Question(
        caller=caller,
        application=application,
        certificate=certificate,
        account=account,
        provider=provider,
        options=options,
        limits=limits,
        grant=grant,
        lifetime=lifetime,
        slot=slot,
    )


def acting(caller: Caller, body: Mapping[str, object]) -> tuple[Caller, Mapping[str, object]]:
    """Return who asks once ``on_behalf_of`` is read, and the body without it: a server's key may name a user.

    Raises:
        BadGrant: the key acts as one user already, or there is no such active user.
    """
    if caller.api_key is None or "on_behalf_of" not in body:
        return caller, body
    # Also where the call does not speak for that user: a token of the key's own widens nothing.
    if caller.person is not None or caller.api_key.acts_as_key is not None:
        raise BadGrant("on_behalf_of", "cannot be named: this key acts as one user")
    rest = dict(body)
    user = user_by_key(rest.pop("on_behalf_of"))
    # Unknown and deactivated look the same: a server need not learn which.
    if user is None or not user.is_active:
        raise BadGrant("on_behalf_of", "names no active user")
    return replace(caller, user=user), rest


def user_by_key(value: object) -> AbstractBaseUser | None:
    """Return the user whose primary key this is, as the wire spells it: a whole number or a text; None if nobody's."""
    users = get_user_model()._default_manager.using(write_alias())
    if isinstance(value, bool) or not isinstance(value, int | str) or not _is_slug_like(str(value)):
        return None
    try:
        found = users.filter(pk=value).first()
    except (ValueError, OverflowError, ValidationError):
        return None
    # MariaDB compares texts loosely, and SQL casts: what was sent must be the key's own spelling.
    return found if found is not None and str(found.pk) == str(value) else None


def refuse_unknown_words(provider: Provider, grant: Grant) -> None:
    """Raise BadGrant for a privilege that there is not: a scope's word may be gone from the site's catalogue."""
    unknown = sorted(grant.privileges - privileges_of(provider).keys())
    if unknown:
        raise BadGrant(provider.privileges_field, f"there is no {', '.join(unknown)}")


def configuration_of(application: Application) -> tuple[Provider, Options]:
    """Return the application's provider and its options; Unavailable when it is not set up correctly."""
    # The caller asked for an application that there is; what is wrong with it is the site's trouble, not his.
    try:
        provider = get_provider(application.provider)
        return provider, options_of(application, provider)
    except (NotFound, BadOption) as error:
        msg = "This application is not set up correctly."
        raise Unavailable(msg) from error


def decide(question: Question) -> Decision:
    """Return policy's decision: the site's function first (it may query), then the rules.

    Raises:
        PolicyUnavailable: the site's function failed.
    """
    return policy.decide(facts_of(question))


def facts_of(question: Question) -> Facts:
    """Ask the site's function, and the rules where it leaves it to them; return all that policy decides from.

    Raises:
        PolicyUnavailable: the site's function failed.
    """
    return facts_after(question, *site_answer(question))


def site_answer(question: Question) -> tuple[Allow | Deny | None, str]:
    """Return (what the site's function says, who it is).

    Raises:
        PolicyUnavailable: it failed.
    """
    caller = question.caller
    return asked(
        Ask(
            user=caller.user,
            application=question.application,
            grant=question.grant,
            lifetime=question.lifetime,
            origin=caller.origin,
            actor=caller.api_key,
        )
    )


def facts_after(question: Question, answer: Allow | Deny | None, answered_by: str) -> Facts:
    """Return all that policy decides from once the site's function has answered.

    Raises:
        PolicyUnavailable: the site could not say which groups somebody is in.
    """
    caller, provider = question.caller, question.provider
    # The site's function may have deleted or deactivated this very object, and a name is made from it below.
    caller.require_active()
    if caller.principal is Principal.API_KEY:
        answer, answered_by = _by_key(caller, answer, answered_by)
    facts = Facts(
        resource=question.grant.resource,
        privileges=question.grant.privileges,
        wildcards=provider.wildcards(question.grant),
        server_only=frozenset(name for name, word in privileges_of(provider).items() if word.server_only),
        server_caller=caller.is_server,
        lifetime=question.lifetime,
        limits=question.limits,
        values=question.values,
        answer=answer,
        answer_privileges=provider.implied(answer.privileges) if isinstance(answer, Allow) else frozenset(),
        answered_by=answered_by,
        bound=_bound(caller, provider),
    )
    if answer is None:
        facts = replace(facts, rules=rules_for(caller.user, question.application, provider))
    return facts


def _bound(caller: Caller, provider: Provider) -> frozenset[str] | None:
    """Return the scopes of the credential that speaks for a person, where it asks for scopes; None if it has no bound.

    A key that acts as a user is such a credential. A server that names a user asks for what the user may have; for
    itself, ``_by_key`` is its bound.
    """
    if TOKENS_ISSUE not in privileges_of(provider):
        return None
    key = caller.api_key
    if key is None:
        return caller.scopes
    return None if key.acts_as_key is None else _of_key(caller, key)


def _by_key(caller: Caller, answer: Allow | Deny | None, answered_by: str) -> tuple[Allow | Deny, str]:
    """A server that acts for nobody may have what its key's scopes say; the site's function can only narrow that.

    So can the credential that it came with: an access token of its own may have fewer than the key.
    """
    assert caller.api_key is not None  # noqa: S101  it is the principal
    if isinstance(answer, Deny):
        return answer, answered_by
    scopes = _of_key(caller, caller.api_key)
    if answer is None:
        return Allow(scopes), f"api_key:{caller.api_key.public_id}"
    return Allow(scopes & answer.privileges, answer.lifetime, answer.wildcards), answered_by


def _of_key(caller: Caller, key: ApiKey) -> frozenset[str]:
    """Return what a server's key may do now, as far as what it came with may, too."""
    scopes = frozenset(key.scopes)
    return scopes if caller.scopes is None else scopes & caller.scopes


def options_of(application: Application, provider: Provider) -> Options:
    """Return the application's options as the provider's own value."""
    return fields.parse(provider.options_class, application.options, error=BadOption)


def limits_of(application: Application, provider: Provider, *, grant: Grant | None = None) -> Limits:
    """Return the seconds that provider and application allow together, for this grant's token."""
    lifetimes = provider.lifetimes if grant is None else provider.lifetimes_for(grant)
    if not lifetimes.for_application:
        return Limits(minimum=lifetimes.minimum, default=lifetimes.default, maximum=lifetimes.maximum)
    maximum = min(lifetimes.maximum, application.maximum_lifetime or lifetimes.maximum)
    default = min(application.default_lifetime or lifetimes.default, maximum)
    return Limits(minimum=lifetimes.minimum, default=default, maximum=maximum)


def _read(
    body: Mapping[str, object], provider: Provider, *, application: Application, limits: Limits
) -> tuple[Grant, int | None, int]:
    """Read a body, naming every field that is wrong in one error."""
    rest = dict(body)
    wrong: dict[str, list[str]] = {}
    lifetime, slot = None, 0
    try:
        if "lifetime" in rest and provider.vendor_sets_lifetime:
            rest.pop("lifetime")
            raise BadGrant("lifetime", "cannot be named: the vendor sets it")
        lifetime = read_lifetime(rest.pop("lifetime", None), limits) if "lifetime" in rest else None
    except FieldError as error:
        wrong["lifetime"] = [error.reason]
    try:
        slot = _read_slot(rest.pop("slot", 0), application, provider)
    except FieldError as error:
        wrong["slot"] = [error.reason]
    try:
        grant = fields.parse(provider.grant_class, rest)
    except FieldError as error:
        wrong.update({name: list(texts) for name, texts in error.fields.items()})
    if wrong:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    return grant, lifetime, slot


def read_lifetime(value: object, limits: Limits) -> int:
    """Return a lifetime in seconds; BadGrant("lifetime") for what is no duration or outside the limits."""
    try:
        seconds = fields.parse_duration(value)  # type: ignore[arg-type]  # it refuses every other type itself
    except DurationOutOfRange:
        seconds = 0  # outside these limits, too, which are the ones to tell
    except ValueError as error:
        raise BadGrant("lifetime", str(error)) from error
    if not limits.minimum <= seconds <= limits.maximum:
        raise BadGrant("lifetime", f"must be {limits.minimum} to {limits.maximum} seconds")
    return seconds


def _read_slot(value: object, application: Application, provider: Provider) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadGrant("slot", "must be a whole number")
    if value and not provider.has_slots:
        raise BadGrant("slot", "must be 0: at this vendor a user is one on all devices")
    if not 0 <= value < application.slots:
        raise BadGrant("slot", f"must be 0 to {application.slots - 1}")
    return value


def _is_slug_like(slug: str) -> bool:
    # PostgreSQL refuses a NUL and a lone surrogate in a parameter; no slug has one.
    return slug.isascii() and slug.isprintable()
