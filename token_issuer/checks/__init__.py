"""System checks, each with its own number; ``docs/checks.md`` lists them.

They read the settings and what those name; none touches a database. Run them alone with
``manage.py check --tag token_issuer``; ``--deploy`` adds what matters in production only.
"""

from __future__ import annotations

from token_issuer.checks import code, databases, key_ring, providers, values
from token_issuer.checks.numbered import CHECKS, TAG, Check, bind

__all__ = ["CHECKS", "TAG", "Check", "bind", "code", "databases", "key_ring", "providers", "values"]
