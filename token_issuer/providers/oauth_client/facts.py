"""What people need to know about a vendor of OAuth 2.0."""

from __future__ import annotations

from typing import Final

from token_issuer.providers.base import VendorError, VendorFacts
from token_issuer.providers.base import gettext_noop as _

VENDOR: Final = VendorFacts(
    name="An OAuth 2.0 vendor",
    console_url="",
    rotation_steps=(
        _("Make a second client secret at the vendor, rotate it in here, and delete the first one there."),
        _("A vendor with one secret for each client replaces it at once: rotate here in the same minute."),
    ),
    leak_steps=(
        _("Replace the client secret at the vendor and here."),
        _("Delete the pairs here and have the vendor revoke them: their users connect again."),
    ),
    revocation_sentence=_(
        "The vendor knows nothing of it: an access token that was handed out works there until it expires. Deleting the"
        " pair keeps further ones from being handed out."
    ),
    errors=(
        VendorError(
            code="invalid_grant",
            meaning=_("The refresh token is expired, revoked, used already, or another client's."),
            cure=_("The user connects again."),
        ),
        VendorError(
            code="invalid_client",
            meaning=_("The client id or secret is wrong, or is wanted in another way."),
            cure=_("Compare the secret and the option for client authentication with the vendor's pages."),
        ),
        VendorError(
            code="invalid_scope",
            meaning=_("The scope is unknown, or wider than what the user agreed to."),
            cure=_("Leave the option empty: the vendor then renews what the user agreed to."),
        ),
    ),
)
