"""The vendors of the demo: stand-ins on ports of this machine, with keys as the vendors' consoles would show them.

The keys are made at the first run and kept in a file; the addresses are new each time. The site is told of both by that
file, which its setting ``DEMO_VENDORS`` names.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from example_project.standins import agora, voximplant
from example_project.standins.server import StandIn
from example_project.standins.vocalstack import VocalStack

KEYS: Final[Mapping[str, Callable[[], dict[str, str]]]] = {
    "agora": agora.new_credentials,
    "vocalstack": lambda: {"api_key": secrets.token_hex(16)},
    "voximplant": voximplant.new_credentials,
}

SERVERS: Final[Mapping[str, Callable[[Mapping[str, str]], StandIn]]] = {
    "agora": lambda keys: StandIn(agora.Agora(keys).answer),
    "vocalstack": lambda keys: VocalStack(api_key=keys["api_key"]),
    "voximplant": lambda keys: StandIn(voximplant.Voximplant(keys).answer),
}


@contextmanager
def vendors(file: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Let every stand-in listen until the block ends; yields, and keeps in ``file``, each one's address and keys."""
    known = json.loads(file.read_text()) if file.exists() else {}
    told = {name: known.get(name) or new() for name, new in KEYS.items()}
    with ExitStack() as stack:
        for name, serve in SERVERS.items():
            told[name]["address"] = stack.enter_context(serve(told[name])).url
        file.touch(mode=0o600)
        file.write_text(json.dumps(told, indent=2))
        yield told
