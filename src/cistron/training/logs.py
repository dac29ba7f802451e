"""The log of a run: one row goes to every logger."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cistron.training import LOGGERS, Logger
from cistron.training.loggers.jsonl import JsonLines

_LOG = logging.getLogger(__name__)


class RunLog:
    """`log.jsonl` and the loggers of the run; rows of a rank that is not the main one go nowhere.

    Args:
        folder: The run's folder; None on other ranks.
        names: Loggers beside `log.jsonl`; one whose package is not installed is left out.
        done: Steps done before this start; what is logged of later ones is dropped.
    """

    def __init__(self, folder: Path | None, names: Sequence[str], done: int) -> None:
        self._loggers: list[Logger] = []
        if folder is None:
            return
        self._loggers.append(JsonLines(folder, done))
        for name in names:
            try:
                self._loggers.append(LOGGERS.get(name)(folder, done))
            except ImportError as missing:
                _LOG.info("logger %s left out: %s", name, missing)

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one row, which has at least `step`."""
        for logger in self._loggers:
            logger.write(row)

    def close(self) -> None:
        """Flush and end."""
        for logger in self._loggers:
            logger.close()
