"""What a diagnosis is made of."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Severity(enum.Enum):
    """How a finding counts: only a failed one makes the whole unhealthy."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``application`` is a slug, empty for what concerns the whole site."""

    name: str
    severity: Severity
    message: str
    hint: str = ""
    application: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found at one instant."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return all(finding.severity is not Severity.FAILED for finding in self.findings)


def ok(name: str, message: str, *, application: str = "") -> Finding:
    """A thing that is as it should be."""
    return Finding(name=name, severity=Severity.OK, message=message, application=application)


def failed(name: str, message: str, *, hint: str = "", application: str = "") -> Finding:
    """A thing that keeps tokens from being issued or verified."""
    return Finding(name=name, severity=Severity.FAILED, message=message, hint=hint, application=application)


def warning(name: str, message: str, *, hint: str = "", application: str = "") -> Finding:
    """A thing that somebody should look at, though tokens are issued."""
    return Finding(name=name, severity=Severity.WARNING, message=message, hint=hint, application=application)
