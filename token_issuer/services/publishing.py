"""The public halves of what signs: for whoever verifies this site's tokens without asking it."""

from __future__ import annotations

from token_issuer.models import Certificate
from token_issuer.services.transactions import write_alias


def public_keys() -> list[dict[str, object]]:
    """Return the public keys of every enabled application that sign, will sign or did until lately, oldest first.

    A staged one is among them: whoever fetches the keys now and then knows it before the first token names it.
    """
    rows = (
        Certificate.objects.using(write_alias())
        .filter(public_jwk__isnull=False, application__disabled_at__isnull=True)
        .filter(retired_at__isnull=True, revoked_at__isnull=True)
        .order_by("pk")
    )
    return [dict(key) for key in rows.values_list("public_jwk", flat=True) if isinstance(key, dict)]
