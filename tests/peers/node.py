"""Ask a vendor's own package: JSON lines in, JSON lines out, one process for all questions of a test."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"


def missing() -> str:
    """What keeps these tests from running; empty when nothing does."""
    if shutil.which("node") is None:
        return "Node.js is missing; on Debian, as root: apt-get install nodejs npm"
    if not (MODULES / ".package-lock.json").exists():
        return "The vendors' packages are missing; run scripts/npm_packages"
    return ""


def ask(script: str, questions: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return one answer per question; a package that throws answers ``{"error": text}``."""
    asked = [json.dumps(question) for question in questions]
    run = subprocess.run(
        ["node", str(FOLDER / script)],
        input="\n".join(asked),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(asked), run.stderr
    return answers


def version(package: str) -> str:
    """The version that is installed."""
    return str(json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))["version"])
