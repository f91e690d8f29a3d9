"""Who may get a token for which room: the site's own table decides."""

from __future__ import annotations

from example_project.rooms.models import Membership
from token_issuer import Allow, Ask, Deny


def rooms(ask: Ask) -> Allow | Deny:
    """Members may listen in their room; its hosts may also speak."""
    membership = Membership.objects.filter(room__slug=ask.grant.channel, user=ask.user).first()
    if membership is None:
        return Deny("not_a_member")
    return Allow(["publisher"] if membership.role == "host" else ["subscriber"])
