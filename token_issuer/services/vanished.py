"""What a row refers to may be deleted between the look at it and the writing: a refusal, never a defect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError

from token_issuer.errors import NotAuthenticated, NotFound
from token_issuer.models import ApiKey, Application
from token_issuer.services.transactions import in_transaction, write_alias

if TYPE_CHECKING:
    from django.db.models import Model

    from token_issuer.models import IssuedToken, OneTimeKey, VendorAccount, VendorPair


@contextmanager
def refusing_the_vanished(row: IssuedToken | OneTimeKey | VendorAccount | VendorPair) -> Iterator[None]:
    """Refuse where the row cannot be written in the block because what it refers to is gone.

    Raises:
        NotAuthenticated: its user is, or the server that asked.
        NotFound: its application is.
    """
    try:
        yield
    except IntegrityError as error:
        if in_transaction():
            raise  # a host's, which has failed: nothing can be asked any more
        if _is_gone(get_user_model(), row.user_id) or _is_gone(ApiKey, getattr(row, "api_key_id", None)):
            msg = "This account is gone."
            raise NotAuthenticated(msg) from error
        if _is_gone(Application, row.application_id):
            msg = "There is no such application."
            raise NotFound(msg) from error
        raise


def _is_gone(model: type[Model], pk: Any) -> bool:  # noqa: ANN401  whatever the site's user model uses as its key
    return pk is not None and not model._default_manager.using(write_alias()).filter(pk=pk).exists()
