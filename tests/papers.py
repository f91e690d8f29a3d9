"""Reads the papers: their code blocks and their tables."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = sorted((CHECKOUT / "docs").glob("*.md"))
PAPERS = [CHECKOUT / "README.md", *DOCS]


def read(name: str) -> str:
    """The text of a paper, named by its path in the checkout."""
    return (CHECKOUT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """Every row of every table, as its cells without back-quotes."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)]
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
