"""What a check is here: a generator of sentences with a severity, a number and a hint."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  Django's own names
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

from token_issuer.conf import conf
from token_issuer.services.transactions import write_alias

TAG: Final = "token_issuer"

Problems = Iterator[str]
Severity = type[Error] | type[Warning]


@dataclass(kw_only=True, eq=False)
class Check:
    """One check, callable as Django calls it. Not frozen: Django writes its tags on it."""

    severity: Severity
    number: str
    hint: str
    deploy: bool
    database: bool
    problems: Callable[[], Problems]

    def __call__(self, *, databases: Collection[str] | None = None, **kwargs: object) -> list[CheckMessage]:
        """Return a message for each problem; a value of the wrong kind, which raises, is one and ends the list.

        One that reads rows looks only where Django says that it may (``migrate``, ``check --database``).
        """
        if self.database and write_alias() not in (databases or ()):
            return []
        messages: list[CheckMessage] = []
        try:
            messages.extend(self._message(problem) for problem in self.problems())
        except ImproperlyConfigured as error:
            messages.append(self._message(str(error)))
        except DatabaseError:
            if not self.database:
                raise
            # Before the first migration there is no table, and nothing wrong with its rows.
        return messages

    def _message(self, problem: str) -> CheckMessage:
        return self.severity(problem, hint=self.hint, id=self.number)


CHECKS: Final[list[Check]] = []


def check(
    severity: Severity, number: str, *, hint: str, deploy: bool = False, database: bool = False
) -> Callable[[Callable[[], Problems]], Check]:
    """Make a generator of sentences a check. ``deploy``: only under ``check --deploy``; ``database``: it reads rows."""

    def make(problems: Callable[[], Problems]) -> Check:
        made = Check(severity=severity, number=number, hint=hint, deploy=deploy, database=database, problems=problems)
        CHECKS.append(made)
        return made

    return make


def setting(severity: Severity, number: str, *, hint: str, deploy: bool = False) -> Callable[..., Check]:
    """Make a check of what TOKEN_ISSUER says; it is silent while that is no dict, which E001 says once."""

    def make(problems: Callable[[], Problems]) -> Check:
        def problems_of_a_dict() -> Problems:
            if is_dict():
                yield from problems()

        return check(severity, number, hint=hint, deploy=deploy)(problems_of_a_dict)

    return make


def is_dict() -> bool:
    """Whether the setting as a whole can be read."""
    try:
        return conf.given is not None
    except ImproperlyConfigured:
        return False


def bind() -> None:
    """Register every check with Django; the app does so when it is ready."""
    for made in CHECKS:
        tags = (TAG, Tags.database) if made.database else (TAG,)
        register(made, *tags, deploy=made.deploy)
