"""The databases that our rows are written to. Looks at their settings and never connects."""

from __future__ import annotations

from django.apps import apps
from django.core.checks import Warning  # noqa: A004  Django's own name
from django.db import DEFAULT_DB_ALIAS, connections, router

from token_issuer.checks.numbered import Problems, check


@check(
    Warning,
    "token_issuer.W004",
    hint='Set CONN_MAX_AGE, or OPTIONS["pool"] where requests run asynchronously.',
    deploy=True,
)
def check_connections_last() -> Problems:
    for alias in _written("postgresql"):
        config = connections.settings[alias]
        if config["CONN_MAX_AGE"] == 0 and not config["OPTIONS"].get("pool"):
            yield f"The database {alias!r} is connected to anew for every request, which costs more than the token."


@check(Warning, "token_issuer.W005", hint='Set OPTIONS = {"transaction_mode": "IMMEDIATE"} for it.')
def check_sqlite_writers_wait() -> Problems:
    for alias in _written("sqlite"):
        if connections.settings[alias]["OPTIONS"].get("transaction_mode") not in {"IMMEDIATE", "EXCLUSIVE"}:
            yield f"Two writers at once make SQLite refuse one of them (database {alias!r}: `database is locked`)."


def _written(vendor: str) -> list[str]:
    models = apps.get_app_config("token_issuer").get_models()
    aliases = {router.db_for_write(model) for model in models} or {DEFAULT_DB_ALIAS}
    return sorted(alias for alias in aliases if connections[alias].vendor == vendor)
