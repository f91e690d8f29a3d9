"""Voximplant's Management API: who may call it, what makes a user there, and what it answers.

Sources: the requests, tokens and error codes of the vendor's own clients, ``voximplant-apiclient`` 2.12.0 (Python) and
``@voximplant/apiclient-nodejs`` 4.11.0; the reference of ``AddUser`` and ``SetUserInfo``.

A call is ``POST {api_url}/platform_api`` with a multipart form whose ``cmd`` names the method. Its token is a JWT that
a service account's key signs:

    header   alg RS256, typ JWT, kid = key_id
    claims   iss = account_id (a text in the Python client, a number in the Node one), iat, exp <= iat + 3600
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from token_issuer.errors import BadOption, NoActiveCertificate, VendorUnavailable
from token_issuer.formats import jws
from token_issuer.providers.called import CallOrder, Provisioned, VendorRequest, VendorResponse

if TYPE_CHECKING:
    from token_issuer.crypto import SigningKey

PATH: Final = "/platform_api"
LONGEST: Final = 3600  # seconds from iat to exp
NAME_TAKEN: Final = 118  # USER_NAME_ISNT_UNIQUE
ABSENT: Final = frozenset({117, 393})  # INVALID_USER_ID; USER_NOT_BOUND_TO_THE_APPLICATION

_ACCOUNT_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_KEY_ID: Final = re.compile(r"[!-~]{1,128}")
_DONE: Final = 1
_TROUBLED: Final = "The vendor has trouble of its own."
_GARBLED: Final = "The vendor's answer is not one to a call."
# Said without doing what was asked (RFC 9110 section 15.5, RFC 6585). Not so 408 of a gateway whose vendor was slow,
# nor a redirection, which may come after the deed (section 15.4.4).
_UNDONE: Final = frozenset({400, 401, 403, 404, 405, 406, 407, 411, 413, 414, 415, 417, 421, 426, 429, 431, 451})
_TROUBLE: Final = frozenset({1, 2, 4})  # FATAL_ERROR, INTERNAL_ERROR, DB_ERROR
_CLOCK: Final = "its clock and this server's differ, or the key is not this account's"
_MEANINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        100: "the service account's key was not accepted",
        104: "the service account needs the role User manager",
        107: "there is no such application",
        109: "the account has no room for more users",
        112: "the password is too short",
        116: "there is no such application",
        122: "new user names are 3 to 50 of a-z, 0-9, - and _",
        131: "the account is not activated",
        447: "the service account's key was not accepted",
        454: _CLOCK,
        455: _CLOCK,
        456: _CLOCK,
        464: "the password is too weak",
        523: "the password is too weak",
        535: "the password was used before",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a client writes its token: seconds after and before the clock, and the JSON type of ``iss``.

    Raises:
        BadOption: it would live longer than the vendor takes.
    """

    lifetime: int
    backdate: int
    issuer: Literal["text", "number"]

    def __post_init__(self) -> None:
        if self.lifetime < 1 or self.backdate < 0 or self.lifetime + self.backdate > LONGEST:
            raise BadOption("lifetime", f"must be 1 to {LONGEST:,} seconds from iat to exp")


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "python": Profile(lifetime=24, backdate=5, issuer="text"),
        "node": Profile(lifetime=64, backdate=0, issuer="number"),
    }
)


def check_credentials(parts: Mapping[str, str]) -> None:
    """Raise BadOption naming the part that no credentials file has. Whether the key is one, its parser says."""
    if not _ACCOUNT_ID.fullmatch(parts.get("account_id", "")):
        raise BadOption("account_id", "must be a whole number")
    if not _KEY_ID.fullmatch(parts.get("key_id", "")):
        raise BadOption("key_id", "must be printable ASCII without blanks, at most 128 characters")
    if "-----BEGIN " not in parts.get("private_key", ""):
        raise BadOption("private_key", "must be a private key in PEM")


def claims(account_id: str, *, now: int, profile: Profile) -> dict[str, object]:
    """Return the claims of a call's token; ``now`` is whole Unix seconds."""
    issuer: object = int(account_id) if profile.issuer == "number" else account_id
    return {"iss": issuer, "iat": now - profile.backdate, "exp": now + profile.lifetime}


def authorization(account_id: str, *, key: SigningKey, now: int, profile: Profile) -> str:
    """Return the header's value. A new one for each call, as the vendor's clients do."""
    return f"Bearer {jws.encode(claims(account_id, now=now, profile=profile), key=key, typ='JWT')}"


def call(
    order: CallOrder, command: str, values: Mapping[str, object], *, api_url: str, profile: Profile
) -> VendorRequest:
    """Return the request that runs a command.

    Raises:
        NoActiveCertificate: the order came without a key.
    """
    if order.signing_key is None:
        raise NoActiveCertificate("call")
    key = order.signing_key.named(order.secret.part("key_id"))
    header = authorization(order.secret.part("account_id"), key=key, now=int(order.at.timestamp()), profile=profile)
    return VendorRequest(
        method="POST",
        url=api_url + PATH,
        headers={"Authorization": header},
        values={"cmd": command, **values},
        encoding="multipart",
    )


def read_provisioned(response: VendorResponse) -> Provisioned:
    """Return what was said to a user being made or changed.

    Raises:
        VendorUnavailable: neither done, nor there, nor absent: ``refused`` with the vendor's number, ``failed``,
            ``garbled``.
    """
    answer = _answer(response)
    code = _code(answer)
    if code == NAME_TAKEN:
        return Provisioned.EXISTS
    if code in ABSENT:
        return Provisioned.ABSENT
    if code is not None:
        raise _refused(code)
    if answer.get("result") != _DONE:
        raise VendorUnavailable(_GARBLED, reason="garbled")
    return Provisioned.DONE


def _answer(response: VendorResponse) -> Mapping[str, Any]:
    """Return the JSON object of an answer. An error has one whatever the status, says the vendor's own client."""
    try:
        answer = response.json()
    except VendorUnavailable:
        if response.ok:
            raise
        answer = None
    if isinstance(answer, dict) and (response.ok or _code(answer) is not None):
        return answer
    if response.ok:
        raise VendorUnavailable(_GARBLED, reason="garbled")
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise VendorUnavailable(_TROUBLED, reason="failed")
    if response.status not in _UNDONE:
        message = f"The vendor answered with status {response.status}, which leaves open what it has done."
        raise VendorUnavailable(message, reason="failed")
    message = f"The vendor refused the call with status {response.status}."
    raise VendorUnavailable(message, reason="refused", final=response.status != HTTPStatus.TOO_MANY_REQUESTS)


def _code(answer: Mapping[str, Any]) -> int | None:
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _refused(code: int) -> VendorUnavailable:
    # Sentences of our own: the vendor's may quote what was sent.
    if code in _TROUBLE:
        message = f"The vendor has trouble of its own (error {code})."
        return VendorUnavailable(message, reason="failed")
    message = f"The vendor refused the call (error {code}): {_MEANINGS.get(code, 'see its list of errors')}."
    return VendorUnavailable(message, reason="refused", final=True)
