"""What people need to know about Voximplant.

Source: the references of its SDKs (``AuthResult``, ``RefreshTokenResult``) and its page "Authorization: one-time key".
"""

from __future__ import annotations

from typing import Final

from token_issuer.providers.base import Retry, VendorError, VendorFacts
from token_issuer.providers.base import gettext_noop as _

_WAIT: Final = _("Wait, longer each time, and try again.")


def _login(code: int, meaning: str, cure: str, *, retry: Retry = "") -> VendorError:
    return VendorError(code=f"AuthResult: {code}", meaning=meaning, cure=cure, retry=retry)


def _refresh(code: int, meaning: str, cure: str, *, retry: Retry = "") -> VendorError:
    return VendorError(code=f"RefreshTokenResult: {code}", meaning=meaning, cure=cure, retry=retry)


VENDOR = VendorFacts(
    name="Voximplant",
    console_url="https://manage.voximplant.com",
    rotation_steps=(
        _("Give the user a new password: provision the account here, or set one in the console and enter it here."),
        _("What was kept of the old password stops working with it; nothing has to be waited for."),
        _("For the Management API, make a second key for the service account, rotate to it here, delete the first."),
    ),
    leak_steps=(
        _("What is kept for an account is as good as its password: provision every account of the application anew."),
        _("Delete the service account's key in the console, make a new one, and replace it here."),
        _("Who is logged in stays so until the vendor's own tokens end; deactivate the user in the console to end it."),
    ),
    revocation_sentence=_(
        "Voximplant takes a login hash until its key ends, five minutes after the client asked for it. Who has logged "
        "in renews with tokens of the vendor's own; giving the user a new password or deactivating him there ends that."
    ),
    errors=(
        _login(301, _("The second step of a login by code has begun"), _("Nothing: it is part of that login.")),
        _login(
            302,
            _("A login key is there; this is no error"),
            _("Post the key as login_key, and log in with the hash of the answer."),
        ),
        _login(
            401,
            _("Hash, password or token is wrong"),
            _("Ask for a new login key, once: another device may have asked meanwhile. Then provision the account."),
            retry="start_over",
        ),
        _login(
            402,
            _("No monthly active users left; payment is required"),
            _("Stop, and tell an administrator."),
            retry="stop",
        ),
        _login(403, _("The account is frozen"), _("Stop, and tell an administrator."), retry="stop"),
        _login(404, _("There is no such user"), _("Stop; an administrator provisions the account."), retry="stop"),
        _login(408, _("It took too long (mobile)"), _WAIT, retry="back_off"),
        _login(409, _("The connection is closed"), _WAIT, retry="back_off"),
        _login(491, _("The client is logged in already, or logging in"), _("Nothing: wait for that login.")),
        _login(500, _("Trouble at the vendor"), _WAIT, retry="back_off"),
        _login(503, _("Trouble with the network (mobile)"), _WAIT, retry="back_off"),
        _login(
            701, _("The access token has expired"), _("Refresh it once, then log in with the new one."), retry="refresh"
        ),
        _refresh(401, _("The refresh token is not accepted"), _("Log in with a new login key."), retry="start_over"),
        _refresh(404, _("There is no such user"), _("Stop; an administrator provisions the account."), retry="stop"),
        _refresh(500, _("Trouble at the vendor"), _WAIT, retry="back_off"),
        _refresh(701, _("The refresh token has expired"), _("Log in with a new login key."), retry="start_over"),
    ),
)
