"""What people need to know about Agora. Source: the vendor's documentation (``AgoraIO/Docs-Source``, July 2026)."""

from __future__ import annotations

from token_issuer.providers.base import VendorError, VendorFacts
from token_issuer.providers.base import gettext_noop as _

VENDOR = VendorFacts(
    name="Agora",
    console_url="https://console.agora.io",
    rotation_steps=(
        _("In the console, enable the project's secondary certificate."),
        _("Add it here as a staged certificate, then rotate: new tokens are made with it."),
        _("Wait until the longest lifetime of this application has passed."),
        _("In the console, make the secondary certificate primary, disable the old one, and delete it."),
    ),
    rotation_moments=("stage", "activate", "wait", "retire"),
    leak_steps=(
        _("Replace the certificate here at once with the project's other certificate."),
        _("In the console, disable and delete the leaked one. All its tokens stop working; nobody can renew with one."),
        _("Check that the project does not run in App ID only mode, in which tokens protect nothing."),
        _("Remove strangers from running channels with the console's banning rules (at most 24 hours)."),
    ),
    revocation_sentence=_(
        "Agora checks tokens offline, so a revoked token works until it expires. Its user can get another one unless "
        "policy forbids it. Whoever is in a channel can be removed with Agora's banning rules."
    ),
    errors=(
        VendorError(code="101", meaning=_("Invalid App ID"), cure=_("Compare the App ID with the console.")),
        VendorError(
            code="102", meaning=_("Invalid channel name"), cure=_("Join with the channel of the answer, as it is.")
        ),
        VendorError(code="109", meaning=_("The token has expired"), cure=_("Fetch a new token, then join again.")),
        VendorError(
            code="110",
            meaning=_("Invalid token"),
            cure=_("Join with the channel and uid that the token was made for, and check the certificate."),
        ),
        VendorError(
            code="CAN_NOT_GET_GATEWAY_SERVER: dynamic key or token timeout",
            meaning=_("The token has expired"),
            cure=_("Fetch a new token, then join again."),
        ),
        VendorError(
            code="CAN_NOT_GET_GATEWAY_SERVER: invalid token, authorized failed",
            meaning=_("Channel, uid or App ID is not the token's"),
            cure=_("Join with exactly what the answer's sdk object holds."),
        ),
        VendorError(
            code="CAN_NOT_GET_GATEWAY_SERVER: dynamic use static key",
            meaning=_("No token was passed"),
            cure=_("Pass the token when joining."),
        ),
    ),
)
