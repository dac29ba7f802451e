from __future__ import annotations

import sys

import pytest

from cistron.cli.command_line import command_line


def test_the_recorded_command_does_not_tell_resumed_runs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/cistron", "score", "my file.vcf", "--resume", "-r", "a.fa"])
    assert command_line() == "cistron score 'my file.vcf' -r a.fa"
