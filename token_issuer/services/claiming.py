"""What must still be true when something that works once is claimed, said inside the claim's one UPDATE.

The SELECT before it has looked at all of this; these sub-selects close the gap between the two statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Exists

from token_issuer.models import Application
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def person_stands(user: AbstractBaseUser) -> Exists:
    """Whether the user is there and active, with the password that was read."""
    people = get_user_model()._default_manager.using(write_alias()).filter(pk=user.pk, password=user.password)
    # A user model may say is_active without a column for it.
    if any(field.name == "is_active" for field in people.model._meta.concrete_fields):
        people = people.filter(is_active=True)
    return Exists(people)


def application_stands(application: Application) -> Exists:
    """Whether nobody has switched the application off."""
    return Exists(Application.objects.using(write_alias()).filter(pk=application.pk, disabled_at__isnull=True))
