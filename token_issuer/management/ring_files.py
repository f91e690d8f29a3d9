"""Putting a key-ring line into a file of settings: readable by its owner alone, and never one that git keeps."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

if TYPE_CHECKING:
    from token_issuer.crypto import TokenText

VARIABLE = "TOKEN_ISSUER_ENCRYPTION_KEYS"

_PRIVATE = 0o600
_ASSIGNED = re.compile(rf"^\s*(?:export\s+)?{VARIABLE}\s*=", re.MULTILINE)


def append(path: Path, entry: TokenText) -> bool:
    """Append the line to the file, or create it, with mode 0600; return whether git would leave the file out.

    Raises:
        CommandError: git tracks it, it names a key ring already, or it cannot be written. Then nothing has changed.
    """
    target = path.resolve()
    for name in {path.absolute(), target}:
        _refuse_tracked(name)
    try:
        with os.fdopen(os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE), "r+", encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                msg = f"{path} is no ordinary file."
                raise CommandError(msg)
            text = file.read()
            _refuse_second_ring(path, text)
            os.fchmod(file.fileno(), _PRIVATE)
            gap = "\n" if text and not text.endswith("\n") else ""
            file.write(f"{gap}{VARIABLE}={entry.reveal()}\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be written: {getattr(error, 'strerror', None) or 'it is no text'}."
        raise CommandError(msg) from error
    return _git(target, "check-ignore", "--quiet") != 1


def _refuse_second_ring(path: Path, text: str) -> None:
    if _ASSIGNED.search(text):
        msg = (
            f"{path} has a line {VARIABLE}= already, and secrets may be sealed with what it names. To add a key, put a"
            " new entry in front of the others there; `token_issuer_init` without --write prints one."
        )
        raise CommandError(msg)


def _refuse_tracked(path: Path) -> None:
    code = _git(path, "ls-files", "--error-unmatch")
    if code == 0:
        msg = f"{path} is tracked by git: the key would be in its history for ever. Choose a file that git ignores."
        raise CommandError(msg)
    if code != 1 and any((parent / ".git").exists() for parent in path.parents):
        msg = f"git cannot say whether it tracks {path}, so nothing was written there."
        raise CommandError(msg)


def _git(path: Path, *arguments: str) -> int:
    """Return git's exit code for the file; 128 where there is no git or no repository."""
    # Variables such as GIT_DIR, which hooks set, would point it at another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(path.parent), *arguments, "--", path.name]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603  git itself
    except OSError:
        return 128
    return done.returncode
