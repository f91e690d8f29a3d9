"""Notes of people."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.db import models

LONGEST_TEXT: Final = 500  # characters


class Note(models.Model):
    """What somebody wrote down for himself."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes")
    text = models.CharField(max_length=LONGEST_TEXT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]

    def __str__(self) -> str:
        return f"note {self.pk} of {self.owner}"
