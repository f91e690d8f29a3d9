"""What people need to know about VideoSDK. Source: the vendor's documentation and the errors of its js-sdk 1.1.1."""

from __future__ import annotations

from token_issuer.providers.base import VendorError, VendorFacts
from token_issuer.providers.base import gettext_noop as _

VENDOR = VendorFacts(
    name="VideoSDK",
    console_url="https://app.videosdk.live/api-keys",
    rotation_steps=(
        _("In the console, create a second API key with its secret."),
        _("Add an application with the new key here, and let clients use it."),
        _("Wait until the longest lifetime of the old application has passed."),
        _("In the console, deactivate the old key, then disable its application here."),
    ),
    rotation_moments=("stage", "stage", "wait", "retire"),
    leak_steps=(
        _("In the console, deactivate the API key: its tokens stop at the next join."),
        _("Create a new key, and replace application and certificate here."),
        _("End running meetings with the vendor's server API (deactivate the rooms)."),
    ),
    revocation_sentence=_(
        "VideoSDK checks a token once, when its holder joins. A revoked one can join until it expires, and whoever is "
        "in a meeting stays until the vendor's server API removes them. Its user can get another one unless policy "
        "forbids it."
    ),
    errors=(
        VendorError(code="4001", meaning=_("Invalid API key"), cure=_("Compare the API key with the console.")),
        VendorError(
            code="4002", meaning=_("Token empty, invalid or expired"), cure=_("Fetch a token just before joining.")
        ),
        VendorError(code="4003", meaning=_("Invalid meeting id"), cure=_("Join with the meetingId of the answer.")),
        VendorError(
            code="4004", meaning=_("Invalid participant id"), cure=_("Join with the participantId of the answer.")
        ),
        VendorError(
            code="4005", meaning=_("Participant is already there"), cure=_("Use another slot for a second device.")
        ),
        VendorError(code="4006", meaning=_("Account deactivated"), cure=_("Ask the vendor.")),
        VendorError(code="4007", meaning=_("Account discontinued"), cure=_("Ask the vendor.")),
        VendorError(
            code="4008", meaning=_("Invalid permissions"), cure=_("Ask for allow_join, ask_join or allow_mod.")
        ),
        VendorError(code="4022", meaning=_("Token is not for this meeting"), cure=_("Ask for a token with this room.")),
        VendorError(
            code="4023",
            meaning=_("Token is not for this participant"),
            cure=_("Join with the participantId of the answer."),
        ),
        VendorError(code="4024", meaning=_("Role may not join"), cure=_("Ask for the role rtc.")),
        VendorError(
            code="4025",
            meaning=_("Request does not match the security configuration"),
            cure=_("Compare the console's allowed origins with your site."),
        ),
        VendorError(code="4052", meaning=_("Meeting is disabled"), cure=_("Use another room.")),
        VendorError(
            code="4053", meaning=_("API key deactivated"), cure=_("Rotate to an active key; see the steps above.")
        ),
    ),
)
