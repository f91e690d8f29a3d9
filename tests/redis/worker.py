"""One process of a site: does what it reads, line by line, and answers in a line of JSON.

verify TEXT        {"verdict": "" or why not, "seconds": how long it took, "statements": how many it cost}
revoke ID          ends one token
revoke-user PK     ends everything of one user
"""

from __future__ import annotations

import json
import sys
import time
from uuid import UUID

import django


def main() -> None:
    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from token_issuer.errors import TokenRejected
    from token_issuer.models import Origin
    from token_issuer.services import revoking, verifying
    from token_issuer.services.callers import Caller

    def caller(pk: str | None = None) -> Caller:
        users = get_user_model()._default_manager
        user = users.get(pk=pk) if pk else users.order_by("pk")[0]
        return Caller(user=user, origin=Origin.PYTHON)

    def verify(text: str) -> dict[str, object]:
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as statements:
            try:
                verifying.verify(text, at=timezone.now())
                verdict = ""
            except TokenRejected as error:
                verdict = error.verdict
        return {"verdict": verdict, "seconds": time.perf_counter() - started, "statements": len(statements)}

    def revoke(token_id: str) -> dict[str, object]:
        revoking.revoke_any(caller(), UUID(token_id), reason="lost", at=timezone.now())
        return {}

    def revoke_user(pk: str) -> dict[str, object]:
        revoking.revoke_user(caller(), caller(pk).user, reason="lost", at=timezone.now())
        return {}

    deeds = {"verify": verify, "revoke": revoke, "revoke-user": revoke_user}
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        print(json.dumps(deeds[verb](rest)), flush=True)  # noqa: T201  it talks to the test


if __name__ == "__main__":
    main()
