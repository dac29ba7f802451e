"""Starts a command again and again and kills it at random moments: a program for `test_kills.py`, no test.

Everything is imported once; each run is a fork. So a run takes as long as its work, and many fit into a test.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Kill(NamedTuple):
    """What lay there when a run had been killed.

    Attributes:
        journal: Bytes of the journal.
        files: Names of whatever else can be seen.
    """

    journal: int
    files: list[str]


@dataclass
class Command:
    """A command whose outputs lie in one folder.

    Attributes:
        words: Behind `cistron`, without --resume.
        folder: Of the outputs.
        journal: Name of its journal there.
        seconds: That a whole run takes.
        most: Bytes of the journal at the end of one.
    """

    words: list[str]
    folder: Path
    journal: str
    seconds: float = 0.0
    most: int = 0
    expected: dict[str, bytes] = field(default_factory=dict)

    def size(self) -> int:
        """Bytes of the journal now."""
        with suppress(FileNotFoundError):
            return (self.folder / self.journal).stat().st_size
        return 0

    def content(self) -> dict[str, bytes]:
        """Every file that has its name; what is being written has a hidden one."""
        return {path.name: path.read_bytes() for path in self.folder.glob("[!.]*")}

    def clear(self) -> None:
        """Empty the folder."""
        for path in self.folder.iterdir():
            path.unlink()

    def start(self, *more: str) -> int:
        """Start a run in a process of its own and return its id."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            sys.argv = ["cistron", *self.words, *more]
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            importlib.import_module("cistron.cli.main").main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        finally:
            os._exit(code)

    def rehearse(self) -> None:
        """Run once without a kill, and keep what came of it."""
        begun, child = time.monotonic(), self.start()
        for _ in alive(child):
            self.most = max(self.most, self.size())
        self.seconds, self.expected = time.monotonic() - begun, self.content()
        self.clear()

    def killed(self, moments: random.Random) -> Kill | None:
        """Resume, and kill at a random moment or behind random many blocks; None if it ended before."""
        target, wait = float(self.most), moments.uniform(0, self.seconds)
        if moments.random() < 0.5:
            target, wait = moments.uniform(self.size(), self.most), math.inf
        deadline = time.monotonic() + wait
        child = self.start("--resume")
        for _ in alive(child):
            if time.monotonic() > deadline or self.size() > target:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Kill(self.size(), sorted(set(self.content()) - {self.journal}))
        return None


def alive(child: int) -> Iterator[None]:
    """Go round as long as a process runs; it must end well."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)
            return
        yield
        time.sleep(0.001)


def whole(command: Command) -> None:
    """What has a name is complete."""
    found = command.content()
    found.pop(command.journal, None)
    wrong = [name for name, content in found.items() if command.expected[name] != content]
    assert not wrong, wrong


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Kill so many runs, each going on from where the last one was, and let one end.

    A run that ends before its moment must have written the same bytes; then everything begins anew.
    """
    command = Command(plan["words"], Path(plan["folder"]), plan["journal"])
    command.rehearse()
    moments, kills = random.Random(plan["seed"]), []
    while len(kills) < plan["kills"]:
        kill = command.killed(moments)
        whole(command)
        if kill is not None:
            kills.append(kill)
            continue
        assert command.content() == command.expected
        command.clear()
    for _ in alive(command.start("--resume")):
        pass
    assert command.content() == command.expected
    return {"kills": kills, "most": command.most, "files": sorted(command.expected)}


def prepare(plan: dict[str, Any]) -> None:
    """Import what runs need, and make their blocks small, so that there are many."""
    import cistron

    cistron.load(plan["model"], device="cpu")
    for name in ("cistron.cli.main", *plan["modules"]):
        importlib.import_module(name)
    for path, value in plan["sizes"].items():
        module, _, name = path.rpartition(".")
        setattr(importlib.import_module(module), name, value)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    prepare(given)
    sys.stdout.write(json.dumps(run(given)))
