"""Putting secrets into a file of settings: readable by its owner alone, and never one that git keeps."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from django.core.management.base import CommandError

if TYPE_CHECKING:
    from token_issuer.crypto import TokenText

Write = Callable[[Mapping[str, "TokenText"]], None]

_PRIVATE = 0o600


@contextmanager
def appending(path: Path, *, absent: Mapping[str, str]) -> Iterator[Write]:
    """Open the file, or create it, with mode 0600, and hand out what appends ``NAME=value`` lines to it.

    All that can be wrong with the file is found before the block runs, so that nothing is made that cannot be kept.

    Args:
        absent: variables that the file must not have yet, each with a sentence for whoever it has.

    Raises:
        CommandError: git tracks the file, it has one of the variables, or it cannot be written. Then it is as it was.
    """
    target = path.resolve()
    for name in {path.absolute(), target}:
        _refuse_tracked(name)
    existed = target.exists()
    try:
        with os.fdopen(os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE), "r+", encoding="utf-8") as file:
            text = _readable(path, file)
            _refuse_assigned(path, text, absent)
            os.fchmod(file.fileno(), _PRIVATE)
            gap = "\n" if text and not text.endswith("\n") else ""
            yield lambda lines: _write(file, lines, gap=gap)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be written: {getattr(error, 'strerror', None) or 'it is no text'}."
        raise CommandError(msg) from error
    finally:
        if not existed and target.is_file() and target.stat().st_size == 0:
            target.unlink()


def is_ignored(path: Path) -> bool:
    """Whether git would leave the file out, or there is no git."""
    return _git(path.resolve(), "check-ignore", "--quiet") != 1


def _readable(path: Path, file: TextIO) -> str:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        msg = f"{path} is no ordinary file."
        raise CommandError(msg)
    return file.read()


def _write(file: TextIO, lines: Mapping[str, TokenText], *, gap: str) -> None:
    file.write(gap)
    for name, value in lines.items():
        file.write(f"{name}={value.reveal()}\n")
    # On the disk before anybody relies on it.
    file.flush()


def _refuse_assigned(path: Path, text: str, absent: Mapping[str, str]) -> None:
    for name, sentence in absent.items():
        if re.search(rf"^\s*(?:export\s+)?{name}\s*=", text, re.MULTILINE):
            msg = f"{path} has a line {name}= already{sentence}"
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
