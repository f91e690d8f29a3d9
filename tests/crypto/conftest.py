"""Key rings for the tests of sealing. The keys are random bytes made for these tests and used nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

K1 = "k1:nF3GmQ0yWzDXoTcZ1bq4Ff8yC2l5vR7uAhJ9sKpE6tM="
K2 = "k2:R8vYc1d0Qm5xZp3LwTn7Jk2sHb9fGa4eUi6oXy1DqVc="


@pytest.fixture
def use_ring(settings: Settings) -> Callable[..., None]:
    """Return a function that makes its arguments the key ring."""

    def use(*entries: str) -> None:
        settings.TOKEN_ISSUER = {**getattr(settings, "TOKEN_ISSUER", {}), "ENCRYPTION_KEYS": list(entries)}

    return use


@pytest.fixture
def ring(use_ring: Callable[..., None]) -> None:
    """A ring of one key, ``k1``."""
    use_ring(K1)
