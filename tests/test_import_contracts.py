"""import-linter refuses a contract that names a missing room, so each new room is asked for here."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import token_issuer

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(token_issuer.__file__).parent
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
ROOMS = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}

# Whom each contract binds, as far as they exist.
BOUND = {
    "Formats, providers, policy and the client are plain Python": {
        "formats", "providers", "policy", "errors", "ids", "client",
    },
    "Only the API speaks REST": {
        "services", "models", "registry", "transport", "crypto", "admin", "web", "management", "templatetags",
        "checks", "conf", "signals", "providers", "policy",
    },
    "Only crypto encrypts": {
        "services", "models", "registry", "transport", "providers", "formats", "policy", "api", "web", "admin",
        "management", "checks", "conf",
    },
    "Only the transport and the client call with httpx": ROOMS - {"transport", "client", "migrations", "__init__"},
}  # fmt: skip


@pytest.mark.parametrize("name", BOUND)
def test_contract_binds_every_room_that_exists(name):
    bound = {module.removeprefix("token_issuer.") for module in CONTRACTS[name]["source_modules"]}
    assert bound == BOUND[name] & ROOMS


def test_crypto_may_reach_for_formats_once_it_exists():
    allowed = CONTRACTS["Only providers and crypto reach for formats"]["allowed_importers"]
    assert {module.removeprefix("token_issuer.") for module in allowed} == {"providers", "crypto"} & ROOMS


def test_client_is_protected_as_a_whole_once_it_exists():
    protected = CONTRACTS["Nothing of the app imports the client"]["protected_modules"]
    assert ("token_issuer.client" in protected) == ("client" in ROOMS)
