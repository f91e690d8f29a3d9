"""An encrypted file that several processes of one machine share.

Written to a new file and renamed, so that a reader sees the old pair or the new one, also after a power cut. Comparing
and storing happen under a lock on a second file, because renaming replaces the first.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from token_issuer.client.errors import ConfigurationError, StoreError
from token_issuer.client.hidden import Unpicklable
from token_issuer.client.pairs import Pair
from token_issuer.client.sealing import Sealer

_MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PAUSE = 0.01


class FileStore(Unpicklable):
    """A pair in a file of this user's alone (mode 0600), sealed with a key that is kept elsewhere.

    Args:
        path: the file; its folder exists. Beside it ``<name>.lock`` appears and stays.
        key: from ``new_key()``; a sequence to replace one, newest first.
        patience: seconds to wait for another process that is storing; it takes milliseconds.
    """

    __slots__ = ("_lock_path", "_path", "_patience", "_sealer")

    def __init__(self, path: str | os.PathLike[str], *, key: str | Sequence[str], patience: float = 2.0) -> None:
        if find_spec("fcntl") is None:
            msg = "FileStore needs the file locks of POSIX; write a Store of your own here."
            raise ConfigurationError(msg)
        self._path = Path(path)
        self._lock_path = self._path.with_name(f"{self._path.name}.lock")
        self._patience = patience
        self._sealer = Sealer(key)

    def load(self) -> Pair | None:
        """Return what is stored, or None.

        Raises:
            StoreError: unreadable, not ours alone, damaged, or sealed with another key.
        """
        with _told(f"{self._path} cannot be read"):
            sealed = _read(self._path)
        return None if sealed is None else self._sealer.open(sealed)

    def swap(self, expected_version: str | None, pair: Pair | None, /) -> bool:
        """Store ``pair`` (None removes the file) if the stored version still is the expected one.

        Raises:
            StoreError: see ``load``; or it cannot be written.
        """
        with _told(f"{self._path} cannot be written"), self._locked():
            stored = self.load()
            if (stored.version if stored else None) != expected_version:
                return False
            if pair is None:
                self._path.unlink(missing_ok=True)
            else:
                _replace(self._path, self._sealer.seal(pair))
            return True

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        try:
            _lock(descriptor, until=time.monotonic() + self._patience)
            yield
        finally:
            _unlock(descriptor)
            os.close(descriptor)


def _lock(descriptor: int, *, until: float) -> None:
    import fcntl  # noqa: PLC0415  POSIX only; the rest of the client runs without

    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                msg = "Another process holds the store's lock."
                raise StoreError(msg) from None
            time.sleep(_PAUSE)
        else:
            return


def _unlock(descriptor: int) -> None:
    import fcntl  # noqa: PLC0415  see _lock

    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a process that was forked meanwhile has it open too


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if facts.st_mode & _OTHERS or facts.st_uid != os.geteuid():
            message = f"{path} is not this user's alone: chmod 600."
            raise StoreError(message)
        return file.read()


def _replace(path: Path, content: bytes) -> None:
    """Write a new file and rename it. The lock is held, so the temporary name is ours; a crash may have left one."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # else a power cut brings the old pair back, and the server takes it for a thief's
    finally:
        os.close(folder)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{what}: {error.strerror or type(error).__name__}."
        raise StoreError(message) from error
