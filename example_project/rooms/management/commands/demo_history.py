"""Gives the example project a week of history, for looking at the admin. Once, after ``demo_data``."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from example_project import demo_history
from token_issuer.models import Application


class Command(BaseCommand):
    """Demo history, for a developer's own machine."""

    help = "Gives the example project a week of history. Run demo_data first; DEMO_PASSWORD is also the staff's."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        """Let the week happen, unless it has."""
        if not settings.DEBUG:
            msg = "Demo people have a password that is printed; this site is not in DEBUG."
            raise CommandError(msg)
        if Application.objects.filter(slug="webinars").exists():
            return
        demo_history.add_people(os.environ.get("DEMO_PASSWORD") or secrets.token_urlsafe(9))
        demo_history.tell(User.objects.get(username="admin"), now=timezone.now())
        call_command("token_issuer_count", stdout=self.stdout)
