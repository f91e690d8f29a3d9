"""Names at Voximplant: a user of an application of an account.

    full name    user "@" application "." account [".n" digits] ".voximplant.com"

Sources: the SDKs' references (their methods take the full name), the vendor's page "Authorization: one-time key"
(hashing takes the part before the first ``@``), the Management API's ``AddUser`` (how a new name must look) and
``extended_application_name`` (the node, which newer accounts have in their names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from token_issuer.errors import BadOption

LONGEST_USER: Final = 50  # characters
# Wider than what may be made today: names with capitals and dots are in use.
USER: Final = rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{LONGEST_USER - 1}}}"
NEW_USER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{2,49}")

_LABEL = r"[A-Za-z0-9][A-Za-z0-9-]{0,79}"
_DOMAIN = re.compile(rf"({_LABEL})\.({_LABEL})(?:\.n[0-9]{{1,3}})?\.voximplant\.com")
_USER = re.compile(USER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullName:
    """Who logs in where. ``domain`` is what follows the ``@``."""

    user: str
    application: str
    account: str
    domain: str

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"


def hashed_part(name: str) -> str:
    """Return what of a name, full or short, goes into its hash: the part before the first ``@``."""
    return name.partition("@")[0]


def full_name(user: str, domain: str) -> FullName:
    """Return the name of a user at an application.

    Raises:
        BadOption: ``subject`` or ``public_id`` cannot be one.
    """
    check_user(user)
    application, account = labels(domain)
    return FullName(user=user, application=application, account=account, domain=domain)


def parse_full_name(text: str) -> FullName:
    """Return the parts of a full name.

    Raises:
        BadOption: names what is wrong with it: ``subject`` (the user), ``public_id`` (the rest).
    """
    user, _, domain = text.partition("@")
    return full_name(user, domain)


def check_user(user: str) -> None:
    """Raise BadOption("subject") for a text that is no short user name."""
    if not _USER.fullmatch(user):
        message = f"must be the name before the @: at most {LONGEST_USER} letters, digits, -, _ and ."
        raise BadOption("subject", message)


def labels(domain: str) -> tuple[str, str]:
    """Return application and account of a domain; BadOption("public_id") when it is none."""
    found = _DOMAIN.fullmatch(domain)
    if found is None:
        raise BadOption("public_id", "must look like myapp.myaccount.voximplant.com")
    return found[1], found[2]
