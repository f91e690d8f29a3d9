"""Commands as people run them: arguments in, lines and an exit code out."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command wrote, and how it ended."""

    out: str
    err: str = ""
    code: int = 0


class Terminal(io.StringIO):
    """Standard input with a person at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run() -> Callable[..., Ended]:
    """Run a command at ``AT``."""

    def run(name: str, *arguments: str, **options: Any) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        at = {} if name == "token_issuer_init" else {"at": AT, **options}
        try:
            call_command(name, *arguments, stdout=out, stderr=err, **at)
        except CommandError as error:
            return Ended(out=out.getvalue(), err=f"{err.getvalue()}{error}", code=error.returncode)
        return Ended(out=out.getvalue(), err=err.getvalue())

    return run


@pytest.fixture
def typed(monkeypatch):
    """Put a text on standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def at_terminal(monkeypatch):
    """Sit at a terminal and answer what is asked for; returns the questions."""
    questions: list[str] = []

    def at_terminal(*answers: str) -> list[str]:
        left = list(answers)

        def answer(question: str) -> str:
            questions.append(question)
            return left.pop(0)

        monkeypatch.setattr("sys.stdin", Terminal())
        monkeypatch.setattr("getpass.getpass", answer)
        return questions

    return at_terminal


@pytest.fixture
def user(db):
    return UserFactory(username="ada")


@pytest.fixture
def rooms(db):
    """A VideoSDK application that everyone signed in may join rooms of."""
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.fixture
def calls(db):
    """An Agora application whose channels everyone signed in may listen to."""
    return RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True)).application
