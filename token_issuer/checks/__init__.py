"""System checks, each with its own number; ``docs/checks.md`` lists them.

They read the settings and what those name; a few read rows too, where Django lets them. Run them alone with
``manage.py check --tag token_issuer``; ``--deploy`` adds what matters in production only.
"""

from __future__ import annotations

from token_issuer.checks import caches, code, databases, families, key_ring, providers, rules, values
from token_issuer.checks.numbered import CHECKS, TAG, Check, bind

__all__ = [
    "CHECKS",
    "TAG",
    "Check",
    "bind",
    "caches",
    "code",
    "databases",
    "families",
    "key_ring",
    "providers",
    "rules",
    "values",
]
