"""Requests made up from the committed OpenAPI, valid and not: none is the service's fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis makes the requests up")

OPENAPI = json.loads((Path(__file__).parents[3] / "docs" / "server" / "openapi.json").read_text())
OPERATIONS = [(path, method) for path, methods in OPENAPI["paths"].items() for method in methods]
NOT_INSTALLED = {"/ask": 503}
"""What the original answers without a model; elsewhere that is 501."""


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_is_answered_5xx(bounded: Any, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(OPENAPI)[path][method.upper()]
    modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(modes))
    def ask(case: Any) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{bounded.port}")
        assert answer.status_code < 500 or answer.status_code == NOT_INSTALLED.get(path, 501), answer.text

    ask()
