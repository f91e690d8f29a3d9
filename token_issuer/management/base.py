"""What every command of ours does alike: it reads the clock once, says who calls, and turns refusals into one line."""

from __future__ import annotations

import getpass
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.utils import timezone

from token_issuer.errors import FieldError, TokenIssuerError
from token_issuer.models import Application, Origin
from token_issuer.services.callers import Caller
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime


class IssuerCommand(BaseCommand):
    """A command whose refusals are one line and an exit code, never a traceback. Override ``work``."""

    stealth_options = ("at",)  # tests say what time it is

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        """Do the work at one instant."""
        at: datetime = options.pop("at", None) or timezone.now()
        try:
            self.work(options, at=at)
        except FieldError as error:
            raise CommandError(_fields(error)) from error
        except (TokenIssuerError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            # Not there, or without our tables. Its own words may hold values.
            msg = f"The database cannot answer ({type(error).__name__}). `token_issuer_doctor` tells what is wrong."
            raise CommandError(msg) from error

    @abstractmethod
    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Do what the command is for."""

    def caller(self, user: Any = None) -> Caller:  # noqa: ANN401  the site's own user model
        """The user, or nobody, at this command; the audit also keeps which account of the machine ran it."""
        command = type(self).__module__.rpartition(".")[2]
        return Caller(user=user or AnonymousUser(), origin=Origin.COMMAND, user_agent=f"{command} by {_account()}")

    def say(self, *lines: str) -> None:
        """Write lines for people, at once: whoever waits for a long run reads them while it runs."""
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()


def find_application(slug: str) -> Application | None:
    """Return the application of exactly this name, or None."""
    rows = Application.objects.using(write_alias()).filter(slug=slug)
    return next((row for row in rows if row.slug == slug), None)  # MariaDB compares loosely


def application_of(slug: str) -> Application:
    """Return the application of this name; CommandError names those there are."""
    found = find_application(slug)
    if found is None:
        slugs = Application.objects.using(write_alias()).order_by("slug").values_list("slug", flat=True)[:20]
        msg = f"There is no application {slug!r}; there are: {', '.join(slugs) or 'none yet'}."
        raise CommandError(msg)
    return found


def _fields(error: FieldError) -> str:
    return "\n".join(f"{name}: {text}" for name, texts in error.fields.items() for text in texts)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "an account without a name"
