"""`cistron.connect`: a model on a service."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from cistron.client.refusals import ServiceError

if TYPE_CHECKING:
    from cistron.client.patience import Patience
    from cistron.client.remote import RemoteModel


def connect(
    url: str,
    key: str | None = None,
    *,
    model: str | None = None,
    timeout: float = 300.0,
    patience: Patience | None = None,
) -> RemoteModel:
    """A model on a service.

    Args:
        url: Where it listens, such as `http://127.0.0.1:8080`.
        key: From `cistron keys create`; none is needed on a machine of one's own that has none.
        model: Name of one of its models; its first when None.
        timeout: Seconds that an answer may take.
        patience: How often to try again.

    Raises:
        ServiceError: The URL is none, or httpx is not installed.
    """
    if find_spec("httpx") is None:
        raise ServiceError(
            "connecting to a service needs httpx; install it with: pip install 'cistron[client]'"
        )
    from cistron.client.remote import RemoteModel

    return RemoteModel(url, key, model=model, timeout=timeout, patience=patience)
