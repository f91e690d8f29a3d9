"""The whole life of our own tokens, in any order that Hypothesis thinks of, against ``model.py``."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.factories import AT, ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, caller
from tests.lifecycle import model
from token_issuer.crypto import TokenText
from token_issuer.errors import TokenIssuerError
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    Certificate,
    IssuedToken,
    Origin,
    RevocationEpoch,
    Rule,
    TokenFamily,
)
from token_issuer.services import (
    consuming,
    issuing,
    purging,
    refreshing,
    revoking,
    revoking_presented,
    rotating,
    switching,
    verification_keys,
    verifying,
)
from token_issuer.services.presenting import Presenter

EXAMPLES = int(os.environ.get("LIFECYCLE_EXAMPLES", "20"))
STEPS = int(os.environ.get("LIFECYCLE_STEPS", "40"))
JUDGED = 10  # tokens after each step, chosen by chance, beside the two youngest
HOUR, IDLE, ABSOLUTE = timedelta(hours=1), timedelta(days=14), timedelta(days=30)

TROUBLES = (
    "revoke_a_token",
    "give_up_a_pair",
    "log_out_everywhere",
    "revoke_an_application",
    "switch_an_application",
    "deactivate_or_reactivate",
    "change_the_password",
    "rotate_the_certificate",
    "give_up_an_old_certificate",
    "purge",
    "lose_the_cache",
    "restart",
)

some = st.integers(min_value=0, max_value=10_000)


def given(work: Callable[[], Any]) -> list[Any]:
    """Return what it gives; nothing when a word of ours refuses it. Anything else that is raised is a defect."""
    try:
        return [work()]
    except TokenIssuerError:
        return []


def refused(work: Callable[[], object]) -> bool:
    """Whether a word of ours refuses it."""
    return not given(work)


class Lifecycle(RuleBasedStateMachine):
    """Two people, one application for pairs, one for one-time tokens."""

    @initialize(seed=some)
    def site(self, seed: int) -> None:
        self.chance = random.Random(seed)
        for rows in (AuditEvent, IssuedToken, TokenFamily, Rule, Certificate, Application, RevocationEpoch):
            rows.objects.all()._raw_delete("default")
        self.at = AT
        self.users: list[Any] = [UserFactory(), UserFactory()]
        self.people = [model.Person(), model.Person()]
        self.api = ApplicationFactory(provider="own")
        self.uploads = ApplicationFactory(provider="own-once")
        for application, words in ((self.api, ["read"]), (self.uploads, ["readonly", "readwrite"])):
            RuleFactory(application=application, privileges=words)
        self.key = model.Key()
        self.keys: list[tuple[Any, model.Key]] = [(self._certificate(), self.key)]
        self.enabled = {self.api.pk: True, self.uploads.pk: True}
        self.families: list[model.Family] = []
        self.tokens: list[model.Token] = []

    def _certificate(self) -> Any:
        return CertificateFactory(
            application=self.api, active=True, algorithm="HS256", secret={"key": os.urandom(32).hex()}
        )

    # Issuing

    @rule(who=some)
    def issue_a_pair(self, who: int) -> None:
        user, person = self._somebody(who)
        asker = caller(user, origin=Origin.PYTHON)
        made = given(partial(issuing.issue, asker, self.api.slug, body={"scope": "read"}, at=self.at))
        assert bool(made) == (person.may and self.enabled[self.api.pk])
        for issuance in made:
            family = model.Family(person, person.password, self.at + IDLE, self.at + ABSOLUTE)
            family.texts.append(issuance.pair.refresh_token.reveal())
            self.families.append(family)
            self._keep(issuance, person, key=self.key, family=family)

    @rule(who=some, one_time=st.booleans(), lifetime=st.integers(1, 120))
    def issue_a_short_one(self, who: int, one_time: bool, lifetime: int) -> None:
        user, person = self._somebody(who)
        RuleFactory._meta.model.objects.filter(application=self.uploads).update(
            privileges=["readonly", "readwrite", "reusable"]
        )
        body = {"access": "readwrite", "one_time": one_time, "lifetime": lifetime}
        made = given(partial(issuing.issue, caller(user), self.uploads.slug, body=body, at=self.at))
        assert bool(made) == (person.may and self.enabled[self.uploads.pk])
        for issuance in made:
            self._keep(issuance, person, one_time=one_time)

    def _keep(self, issuance: Any, person: model.Person, **facts: Any) -> None:
        token = model.Token(issuance.token.reveal(), person, person.password, issuance.expires_at, **facts)
        self.tokens.append(token)

    def _somebody(self, who: int) -> tuple[Any, model.Person]:
        number = who % 2
        self.users[number].refresh_from_db()
        return self.users[number], self.people[number]

    # Refreshing

    @precondition(lambda self: self.families)
    @rule(which=some, generation=some)
    def refresh_with_any_text(self, which: int, generation: int) -> None:
        family = self.families[which % len(self.families)]
        self._refresh(family, generation % len(family.texts))

    @precondition(lambda self: self.families)
    @rule(back=st.sampled_from([0, 0, 0, 1, 1, 2]), late=st.sampled_from([0, 5, 9, 10, 11]))
    def refresh_the_youngest(self, back: int, late: int) -> None:
        """Its head, or what came before, at a moment near the end of the grace."""
        if not self.families[-1].good(self.at):
            self.issue_a_pair(late)
        family = self.families[-1]
        if back and family.rotated_at is not None:
            self.at = max(self.at, family.rotated_at + timedelta(seconds=late))
        self._refresh(family, max(0, family.head - back))

    def _refresh(self, family: model.Family, number: int) -> None:
        alive = family.good(self.at) and self.enabled[self.api.pk]
        verdict = family.verdict(number, self.at) if alive else "refuse"
        events = self._reuses()
        made = given(partial(refreshing.refresh, family.texts[number], at=self.at))
        assert bool(made) == (verdict not in {"refuse", "reuse"}), verdict
        assert self._reuses() - events == (verdict == "reuse")
        if not family.person.may or family.person.password != family.password:
            family.ended = True
        if verdict == "reuse":
            family.ended = True
        if verdict == "rotate":
            family.head, family.rotated_at = number + 1, self.at
            family.idle_ends = min(self.at + IDLE, family.ends)
            family.texts.append(made[0].pair.refresh_token.reveal())
        if made:
            assert made[0].pair.refresh_token.reveal() == family.texts[family.head]
            self._keep(made[0], family.person, key=self.key, family=family)

    @staticmethod
    def _reuses() -> int:
        return AuditEvent.objects.filter(kind=AuditKind.REFRESH_REUSED).count()

    # Using

    @precondition(lambda self: self.tokens)
    @rule(which=some)
    def consume_any(self, which: int) -> None:
        self._consume(self.tokens[which % len(self.tokens)])

    @precondition(lambda self: any(token.key is None for token in self.tokens))
    @rule()
    def consume_the_youngest(self) -> None:
        self._consume([token for token in self.tokens if token.key is None][-1])

    def _consume(self, token: model.Token) -> None:
        good = self._is_good(token) and token.key is None
        assert refused(partial(consuming.consume, token.text, at=self.at, safe=False)) == (not good)
        if good and token.one_time:
            token.consumed = True

    # Ending

    def _revoke_a_token(self, which: int) -> None:
        token = self.tokens[which % len(self.tokens)] if self.tokens else None
        row = verifying.find(token.text) if token is not None else None
        assert token is None or (row is None) == token.purged
        if token is None or row is None:
            return
        revoking.revoke_any(caller(self.users[0]), row.pk, reason="", at=self.at)
        token.ended = True
        if token.family is not None:
            token.family.ended = True

    def _give_up_a_pair(self, which: int) -> None:
        """Whoever holds a refresh token, however old, ends its family with it."""
        if self.families:
            family = self.families[which % len(self.families)]
            text = TokenText(family.texts[which % len(family.texts)])
            revoking_presented.revoke_presented(text, by=Presenter(), at=self.at)
            family.ended = True

    def _log_out_everywhere(self, which: int) -> None:
        user, person = self._somebody(which)
        revoking.revoke_user(caller(user), user, reason="", at=self.at)
        self._end(lambda each: each.person is person)

    def _revoke_an_application(self, which: int) -> None:
        own = which % 2 == 0
        application = self.api if own else self.uploads
        revoking.revoke_application(caller(self.users[0]), application, reason="", at=self.at)
        self._end(lambda each: isinstance(each, model.Family) or (each.key is not None) == own, families=own)

    def _end(self, belongs: Callable[[Any], bool], *, families: bool = True) -> None:
        everything: list[Any] = [*self.tokens, *(self.families if families else [])]
        for each in everything:
            if belongs(each):
                each.ended = True

    def _switch_an_application(self, which: int) -> None:
        application = [self.api, self.uploads][which % 2]
        switch = switching.disable if self.enabled[application.pk] else switching.enable
        switch(caller(self.users[0]), application, at=self.at)
        self.enabled[application.pk] = not self.enabled[application.pk]

    def _deactivate_or_reactivate(self, which: int) -> None:
        user, person = self._somebody(which)
        user.is_active = person.active = not person.active
        user.save()
        cache.clear()  # the site's own deed, which a cache learns of within a second: the clock here is another one

    def _change_the_password(self, which: int) -> None:
        user, person = self._somebody(which)
        user.set_password("another")
        user.save()
        cache.clear()
        person.password += 1

    # Rotating

    def _rotate_the_certificate(self, which: int) -> None:
        old = self.keys[-1][0]
        fresh = rotating.stage(caller(self.users[0]), self.api, secret={}, at=self.at)
        rotating.activate(caller(self.users[0]), fresh, at=self.at)
        old.refresh_from_db()
        self.key = model.Key()
        self.keys.append((fresh, self.key))

    def _give_up_an_old_certificate(self, which: int) -> None:
        certificate, key = self.keys[which % len(self.keys)]
        if not key.honoured or key is self.key:
            return
        if which % 3 == 0:
            rotating.revoke(caller(self.users[0]), certificate, reason="", at=self.at)
        else:
            rotating.retire(caller(self.users[0]), certificate, at=self.at)
        key.honoured = False

    # Time, and whatever else may happen

    @rule(what=st.sampled_from(TROUBLES), which=some)
    def trouble(self, what: str, which: int) -> None:
        """One rule for all of it, or nobody would live long enough to refresh anything."""
        getattr(self, f"_{what}")(which)

    @rule(seconds=st.sampled_from([0, 1, 9, 10, 11, 60, 119, 3599, 3600, 3601, 7201, 1_209_600]))
    def time_passes(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    @precondition(lambda self: self.tokens)
    @rule(late=st.sampled_from([0, 1, 1800, 3599, 3600, 3601]))
    def purge_when_the_youngest_has_ended(self, late: int) -> None:
        """At its end, or at a moment near that of its retention."""
        self.at = max(self.at, self.tokens[-1].ends + timedelta(seconds=late))
        self._purge(0)

    def _purge(self, which: int) -> None:
        purging.purge(at=self.at)
        model.purge(self.tokens, self.families, self.at)
        assert IssuedToken.objects.count() == sum(not token.purged for token in self.tokens)
        assert TokenFamily.objects.count() == sum(not family.purged for family in self.families)
        assert not AuditEvent.objects.filter(at__lt=self.at - model.RETENTION).exists()

    def _lose_the_cache(self, which: int) -> None:
        cache.clear()

    def _restart(self, which: int) -> None:
        """What a process knows by heart is gone."""
        verification_keys.keys.forget()

    # What must hold after every step

    def _is_good(self, token: model.Token) -> bool:
        application = self.uploads if token.key is None else self.api
        return token.good(self.at) and self.enabled[application.pk]

    @invariant()
    def every_token_is_as_good_as_it_should_be(self) -> None:
        tokens = getattr(self, "tokens", [])
        chosen = self.chance.sample(tokens[:-2], min(JUDGED, len(tokens[:-2]))) if tokens else []
        for token in [*chosen, *tokens[-2:]]:
            assert refused(partial(verifying.verify, token.text, at=self.at)) == (not self._is_good(token)), token


@pytest.mark.django_db(transaction=True)  # what is done on commit must be done
@pytest.mark.parametrize("check", ["database", "cache"])
def test_any_life_goes_as_the_model_says(settings_of_issuer: Callable[[str], Any], check: str) -> None:
    with settings_of_issuer(check):
        run_state_machine_as_test(
            Lifecycle,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.fixture
def settings_of_issuer() -> Callable[[str], Any]:
    from django.conf import settings as site

    def chosen(check: str) -> Any:
        return override_settings(
            TOKEN_ISSUER={
                **site.TOKEN_ISSUER,
                "ISSUER": "https://issuer.test",
                "SCOPES": {"read": "Read."},
                "REVOCATION_CHECK": check,
                "RETENTION": model.RETENTION,
            }
        )

    return chosen
