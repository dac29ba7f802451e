"""Errors as answers: problem JSON, and for the published client's paths the envelope it reads.

Source: RFC 9457 for the fields of problem JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from cistron.errors import CistronError, OutputError, UnknownContigError, UnknownNameError

GENOS: Final = "/api/aigateway/genos/"
"""What the paths of the published client begin with."""


class RefusedError(CistronError):
    """A request that is refused.

    Args:
        status: HTTP status.
        detail: One line; what was wrong, what was found and what would do. Holds no sequence.
        headers: To send along, such as Retry-After.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status: Final = status
        self.headers: Final = dict(headers or {})


class ProblemDetails(BaseModel):
    """Why a request was refused."""

    type: str = Field("about:blank", description="Kind of problem; the status says which.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What was wrong, what was found and what would do.")


DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "The request was refused.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    },
    "5XX": {
        "description": "The service cannot answer.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    },
}
"""For the routes' OpenAPI."""


def too_busy(what: str, seconds: float) -> RefusedError:
    """Refusal of a request that may come again after so many seconds."""
    again = max(1, round(seconds))
    return RefusedError(429, f"{what}; try again in {again} s", {"Retry-After": str(again)})


def problem_response(
    path: str, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that is refused, in the form that the path's clients read."""
    if path.startswith(GENOS):
        body = {"result": {}, "status": status, "message": detail, "messages": detail}
        return JSONResponse(body, status, dict(headers or {}))
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def status_of(error: CistronError) -> int:
    """HTTP status of an error that a verb or a format raised."""
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, OutputError):
        return 507
    return 404 if isinstance(error, UnknownNameError | UnknownContigError) else 422


def handle_problems(app: FastAPI) -> None:
    """Answer every refusal of the application in one form."""
    app.add_exception_handler(CistronError, _refused)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, CistronError)
    headers = error.headers if isinstance(error, RefusedError) else None
    return problem_response(request.url.path, status_of(error), str(error), headers)


async def _by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(request.url.path, error.status_code, str(error.detail), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    status = 400 if request.url.path.startswith(GENOS) else 422
    return problem_response(request.url.path, status, invalid(error.errors()))


def invalid(errors: Iterable[Mapping[str, Any]], most: int = 5) -> str:
    """What is wrong with a request's fields in one line; what they held is left out."""
    told = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors]
    more = f"; and {len(told) - most} more" if len(told) > most else ""
    return "; ".join(told[:most]) + more


def not_served(what: str, name: str, known: Iterable[str]) -> RefusedError:
    """Refusal of a name that this service does not have; tells those that it has."""
    return RefusedError(404, f"no {what} is called '{name}'; there is {', '.join(known) or 'none'}")
