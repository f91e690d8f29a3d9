"""A token server that a Django site installs: vendor tokens and the site's own, policed and audited.

The public surface is ``from token_issuer import issue, deposit, verify, averify, consume, aconsume, revoke, Allow,
Ask, Deny, Kind``. It is loaded when it is used, so that importing the package needs no settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from token_issuer.policy import Allow, Deny
    from token_issuer.services.python_api import aconsume, averify, consume, deposit, issue, revoke, verify
    from token_issuer.services.site_policy import Ask
    from token_issuer.services.verified import Kind

__version__ = "0.1.0"
__all__ = ["Allow", "Ask", "Deny", "Kind", "aconsume", "averify", "consume", "deposit", "issue", "revoke", "verify"]

_HOMES = {
    "Allow": "token_issuer.policy",
    "Ask": "token_issuer.services.site_policy",
    "Deny": "token_issuer.policy",
    "Kind": "token_issuer.services.verified",
    "aconsume": "token_issuer.services.python_api",
    "averify": "token_issuer.services.python_api",
    "consume": "token_issuer.services.python_api",
    "deposit": "token_issuer.services.python_api",
    "issue": "token_issuer.services.python_api",
    "revoke": "token_issuer.services.python_api",
    "verify": "token_issuer.services.python_api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)
