"""The OpenAPI of the service as it is committed."""

import json
import tempfile
from pathlib import Path

from cistron.server.app import create_app
from cistron.server.settings import Settings


def openapi() -> str:
    """What `docs/server/openapi.json` has to be."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app(Settings(Path(home)))
        app.state.service.stop()
        return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
