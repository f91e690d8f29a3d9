"""A person, as little as Django allows."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class PersonManager(BaseUserManager["Person"]):
    """Makes people."""

    def create_superuser(self, handle: str, password: str) -> Person:
        """Make somebody who may do everything in the admin."""
        person = self.model(handle=handle, is_staff=True)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """Somebody who signs in with a handle. No e-mail, no username, no groups, no permissions mixin."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    handle = models.CharField(max_length=40, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "handle"

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Staff may do everything."""
        return self.is_staff

    def has_perms(self, perms: list[str], obj: Any = None) -> bool:
        """Staff may do everything."""
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """Staff see everything."""
        return self.is_staff
