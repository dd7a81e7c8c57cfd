"""The application: endpoints, and around them the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from instructcir.errors import InstructcirError
from instructcir.server.access import Access
from instructcir.server.documented import describe
from instructcir.server.guard import Guard
from instructcir.server.picture_routes import own_routes, picture_routes
from instructcir.server.refusals import Refusal, as_response, invalid, refusal_of
from instructcir.server.requests import Doors
from instructcir.server.routes import search_routes
from instructcir.server.service import Service
from instructcir.server.session_routes import session_routes
from instructcir.version import __version__

_WHAT = "Composed image search over one index: pictures are found with a picture and a sentence."

_SAID = {404: ("not_found", "there is nothing here"), 405: ("method_not_allowed", "not with this method")}


def create_app(service: Service, access: Access) -> FastAPI:
    """Build the application; it closes the service when it is stopped.

    Args:
        service: the index and its model.
        access: who may ask.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="instructcir",
        version=__version__,
        description=_WHAT,
        lifespan=lifespan,
        docs_url=None,  # its page would ask another server for scripts
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    doors = Doors(service.limits, service.metrics, service.steadily)
    app.include_router(search_routes(service, doors))
    app.include_router(session_routes(service, doors))
    app.include_router(picture_routes(service, doors))
    app.include_router(own_routes(service, doors, access))
    app.add_exception_handler(InstructcirError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_middleware(Guard, access=access, metrics=service.metrics, most_bytes=service.limits.upload_bytes)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


async def _refuse(request: Request, error: Any) -> JSONResponse:
    if isinstance(error, RequestValidationError):
        return as_response(invalid(error.errors()))
    if isinstance(error, HTTPException):
        code, said = _SAID.get(error.status_code, ("bad_request", "the request is broken"))
        return as_response(Refusal(error.status_code, code, said, error.headers))
    return as_response(refusal_of(error))
