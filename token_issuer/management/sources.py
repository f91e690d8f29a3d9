"""Where a command gets a secret from: never its arguments, which process lists and shell histories keep."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext

from token_issuer.crypto import references

if TYPE_CHECKING:
    from token_issuer.providers.base import Provider, SecretField

LONGEST_INPUT = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A secret as it was handed in: its parts, or where they are kept. Empty when nothing was."""

    parts: Mapping[str, str] = field(default_factory=dict, repr=False)
    reference: str = ""

    def __bool__(self) -> bool:
        return bool(self.parts or self.reference)


def add_arguments(parser: CommandParser) -> None:
    """Add the ways of handing in a secret; without one of them a terminal is asked."""
    ways, one = add_readings(parser)
    ways.add_argument(
        "--algorithm", default="", help="What it signs with, for our own tokens: HS256, ES256, EdDSA or RS256."
    )
    one.add_argument(
        "--reference",
        default="",
        metavar="env:NAME|file:/PATH",
        help="Store only where it is kept; it is read there whenever it is needed.",
    )


def add_readings(parser: CommandParser) -> tuple[Any, Any]:
    """Add the ways of having a secret read now; return their group, and that of which one may be chosen."""
    ways = parser.add_argument_group("the secret (without any of these it is asked for)")
    one = ways.add_mutually_exclusive_group()
    one.add_argument(
        "--secret-from-env",
        action="append",
        default=[],
        metavar="[PART=]NAME",
        help="Read it now from an environment variable; with PART=, one part of it, as often as there are parts.",
    )
    one.add_argument(
        "--secret-stdin",
        action="store_true",
        help="Read it now from standard input: the text, or a JSON object where it has several parts.",
    )
    return ways, one


def given(options: Mapping[str, Any], provider: Provider, purpose: str, *, ask: bool = True) -> Given:
    """Return what was handed in; a terminal is asked if nothing was and ``ask`` says so.

    Raises:
        CommandError: it cannot be read, or there is nobody to ask. Never quotes a value.
        ReferenceBroken: what a name or reference leads to is no such secret.
    """
    parts = _parts(provider, purpose) if provider.secret_fields else ()
    if options["reference"]:
        references.check(options["reference"])
        return Given(reference=options["reference"])
    # What is made here is asked of nobody.
    return Given(parts=read(options, parts, ask=ask and not provider.generates))


def is_handed_in(options: Mapping[str, Any]) -> bool:
    """Whether one of the ways of ``add_readings`` was chosen."""
    return bool(options["secret_from_env"] or options["secret_stdin"])


def read(options: Mapping[str, Any], parts: Sequence[SecretField], *, ask: bool = True) -> dict[str, str]:
    """Return the parts of a secret as they were handed in; a terminal is asked if nothing was.

    Raises:
        CommandError: they cannot be read, or there is nobody to ask. Never quotes a value.
        ReferenceBroken: what a name leads to is no such secret.
    """
    names = [part.name for part in parts]
    if options["secret_from_env"]:
        return _from_environment(options["secret_from_env"], names)
    if options["secret_stdin"]:
        return _read(sys.stdin.read(LONGEST_INPUT + 1), names)
    return _asked(parts) if ask and parts else {}


def _parts(provider: Provider, purpose: str) -> Sequence[SecretField]:
    if purpose not in provider.secret_fields:
        msg = f"{provider.label} has no purpose {purpose!r}; there are: {', '.join(provider.secret_fields)}."
        raise CommandError(msg)
    return provider.secret_fields[purpose]


def _from_environment(arguments: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    pairs = [argument.rpartition("=")[::2] for argument in arguments]
    if len(pairs) == 1 and not pairs[0][0]:
        return _variable(pairs[0][1], names)
    if any(part not in names for part, _ in pairs):
        msg = f"--secret-from-env takes PART=NAME here, where PART is one of: {', '.join(names)}."
        raise CommandError(msg)
    return {part: _variable(variable, [part])[part] for part, variable in pairs}


def _variable(variable: str, names: Sequence[str]) -> dict[str, str]:
    if variable not in os.environ:
        # Not quoted: who mistook the option for the secret's own place would find it in a log.
        msg = "--secret-from-env names a variable that this process does not have. It takes a name, not the secret."
        raise CommandError(msg)
    return dict(references.resolve(f"env:{variable}", names).parts)


def _read(text: str, names: Sequence[str]) -> dict[str, str]:
    if len(text) > LONGEST_INPUT:
        msg = f"The secret on standard input is longer than {LONGEST_INPUT} characters."
        raise CommandError(msg)
    if len(names) == 1:
        return {names[0]: text.removesuffix("\n").removesuffix("\r")}
    try:
        found = json.loads(text)
    except ValueError:
        found = None  # the error itself would hold the text
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        msg = f"The secret on standard input must be a JSON object with exactly these texts: {', '.join(names)}."
        raise CommandError(msg)
    return found


def _asked(parts: Sequence[SecretField]) -> dict[str, str]:
    if not sys.stdin.isatty():
        msg = "There is no terminal to ask for the secret. Use --secret-from-env, --secret-stdin or --reference."
        raise CommandError(msg)
    return {part.name: getpass.getpass(f"{gettext(part.label)}: ") for part in parts}
