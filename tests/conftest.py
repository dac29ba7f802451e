"""What all tests share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Products this small are slower on several threads, and several tests run at a time."""
    torch.set_num_threads(1)
