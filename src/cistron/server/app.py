"""The application: middleware, routes, and what happens when it starts and stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.middleware import Middleware
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from cistron import __version__
from cistron.server import ROUTES
from cistron.server.access import Access
from cistron.server.bodies import Bodies
from cistron.server.logs import Logs
from cistron.server.problems import DOCUMENTED, ProblemDetails, handle_problems
from cistron.server.service import Service
from cistron.server.settings import Settings

_HEADERS: Final = ("Authorization", "Content-Type", "Idempotency-Key", "X-API-Key")


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI application.

    Raises:
        CistronError: A genome, its genes, a head or the database cannot be opened.
    """
    service = Service(settings)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(
        title="Cistron",
        version=__version__,
        summary="Genomic foundation models behind one private service. For research use.",
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        middleware=_middleware(service),
        responses=DOCUMENTED,
        separate_input_output_schemas=False,
    )
    app.state.service = service
    handle_problems(app)
    for name in ROUTES.names():
        app.include_router(ROUTES.get(name))
    _document(app)
    page = Path(str(files("cistron.server"))) / "static"
    if (page / "index.html").is_file():
        app.mount("/", StaticFiles(directory=page, html=True), name="page")
    return app


def _middleware(service: Service) -> list[Middleware]:
    """Outermost first."""
    found = [Middleware(Logs, service=service)]
    if service.settings.origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=service.settings.origins,
                allow_headers=_HEADERS,
                allow_methods=("GET", "POST", "DELETE"),
            )
        )
    return [
        *found,
        Middleware(Access, service=service),
        Middleware(Bodies, limits=service.settings.limits),
    ]


def _document(app: FastAPI) -> None:
    """Add what all routes share to the OpenAPI: problems, and how a key is sent."""
    made = app.openapi

    def documented() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = made()
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {})["ProblemDetails"] = ProblemDetails.model_json_schema()
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = documented  # type: ignore[method-assign]
