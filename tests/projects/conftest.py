"""A project's own tests belong to a run on that project's settings."""

from __future__ import annotations

import os
from pathlib import Path

_HERE = Path(__file__).parent
_CHOSEN = os.environ["DJANGO_SETTINGS_MODULE"]

collect_ignore = [
    folder.name
    for folder in _HERE.iterdir()
    if (folder / "settings.py").exists() and f"tests.projects.{folder.name}.settings" != _CHOSEN
]
