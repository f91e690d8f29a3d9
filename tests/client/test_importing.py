"""The client stands alone: no Django, no settings, and a clear word when httpx is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import token_issuer.client

ROOT = Path(__file__).resolve().parent.parent.parent


def python(program):
    environment = {"PATH": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)


def test_importing_needs_neither_django_nor_its_settings():
    program = """
import sys
import token_issuer.client
print(sorted(name for name in sys.modules if name.partition(".")[0] in {"django", "rest_framework", "jwt"}))
"""
    assert python(program).stdout == "[]\n"


def test_only_an_encrypted_store_needs_cryptography():
    program = """
import sys
import token_issuer.client
print("cryptography" in sys.modules)
token_issuer.client.Sealer(token_issuer.client.new_key())
print("cryptography" in sys.modules)
"""
    assert python(program).stdout == "False\nTrue\n"


def test_a_missing_httpx_is_named_with_the_extra_that_brings_it():
    program = """
import importlib.machinery, sys
real = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, path=None, target=None: None if name == "httpx" else real(name, path, target))
import token_issuer.client
"""
    error = python(program).stderr.splitlines()[-1]
    assert error == ("ModuleNotFoundError: token_issuer.client needs httpx: pip install 'django-token-issuer[client]'")


def test_a_missing_cryptography_is_named():
    program = """
import sys
sys.modules["cryptography"] = None
from token_issuer.client import Sealer, new_key
Sealer(new_key())
"""
    assert python(program).stderr.splitlines()[-1].endswith("An encrypted store needs the package cryptography.")


def test_every_public_name_is_there():
    assert [name for name in token_issuer.client.__all__ if not hasattr(token_issuer.client, name)] == []
    assert token_issuer.client.__all__ == sorted(token_issuer.client.__all__)
