"""axe-core in a page that lets nothing run but its own files: in a world of its own, which the page does not see."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

SOURCE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
MISSING = "axe-core is missing; run scripts/npm_packages tests/e2e"
# Preloading would write styles into the page, which its policy forbids.
RUN = """axe.run(document, {resultTypes: ["violations"], preload: false, ...%s})
    .then((said) => JSON.stringify(said.violations))"""


@dataclass(frozen=True)
class Known:
    """A finding in a template of Django's own, which is not ours to repair."""

    rule: str
    selector: str  # a part of it
    reason: str


# Never a serious one. Grouped by Django's template.
DJANGOS: tuple[Known, ...] = (
    Known("label-title-only", "#searchbar", "the label of a list's search is a picture, with a text beside it"),
)


def require() -> str:
    """The checker's source; without it the test is skipped, and fails where CI is set."""
    if not SOURCE.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    return SOURCE.read_text(encoding="utf-8")


def findings(page: Page, *, rules: Collection[str] = ()) -> list[str]:
    """What axe-core finds at least moderate, a line each; only what stands in ``DJANGOS`` is passed over."""
    options = {"runOnly": {"type": "rule", "values": sorted(rules)}} if rules else {}
    lines = []
    for finding in _run(page, options):
        nodes = [node for node in finding["nodes"] if not _is_known(finding["id"], node)]
        if nodes and finding["impact"] != "minor":
            where = ", ".join(" ".join(map(str, node["target"])) for node in nodes[:5])
            lines.append(f"{finding['id']} ({finding['impact']}) {len(nodes)} x {where}: {nodes[0]['failureSummary']}")
    return lines


def _is_known(rule: str, node: dict[str, Any]) -> bool:
    return any(known.rule == rule and known.selector in str(node["target"]) for known in DJANGOS)


def _run(page: Page, options: dict[str, Any]) -> list[dict[str, Any]]:
    session = page.context.new_cdp_session(page)
    try:
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})["executionContextId"]
        _evaluate(session, require(), world)
        found: list[dict[str, Any]] = json.loads(_evaluate(session, RUN % json.dumps(options), world))
        return found
    finally:
        session.detach()


def _evaluate(session: CDPSession, source: str, world: int) -> Any:
    asked = {"expression": source, "contextId": world, "awaitPromise": True, "returnByValue": True}
    said = session.send("Runtime.evaluate", asked)
    assert "exceptionDetails" not in said, said["exceptionDetails"]
    return said["result"].get("value")
