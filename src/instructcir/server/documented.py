"""The description of the endpoints (OpenAPI) where FastAPI cannot see it: bodies that are JSON or a form, errors."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from instructcir.server.schemas import EmbeddingIn, ErrorOut, ExplainIn, GoOnIn, RefineIn, SearchIn, SessionIn, SignIn

_BODIES: tuple[type[BaseModel], ...] = (SearchIn, SessionIn, RefineIn, GoOnIn, EmbeddingIn, ExplainIn, SignIn)
_REF = "#/components/schemas/{model}"
_IMAGE = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
_ID = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
_TEXT = {"type": "string", "maxLength": 2000}

PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The picture."}}
FORMS: dict[str, dict[str, Any]] = {
    "SearchIn": {
        "image": {"type": "array", "items": _IMAGE, "maxItems": 4},
        "reference": {"type": "array", "items": _ID, "maxItems": 8},
        "modification": _TEXT,
        "k": {"type": "integer", "minimum": 1, "maximum": 200},
        "where": _TEXT,
        "not": _TEXT,
        "diversity": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "SessionIn": {"image": _IMAGE, "reference": _ID},
    "EmbeddingIn": {"image": _IMAGE, "reference": _ID, "text": _TEXT},
    "Upload": {"image": _IMAGE},
}


def body(kind: type[BaseModel] | None, *, form: str = "") -> dict[str, Any]:
    """What FastAPI is told of an endpoint's body.

    Args:
        kind: of JSON, or None where only a form is taken.
        form: the name of a form in `FORMS`, or empty where only JSON is taken.
    """
    content: dict[str, Any] = {}
    if kind is not None:
        content["application/json"] = {"schema": {"$ref": _REF.format(model=kind.__name__)}}
    if form:
        required = ["image"] if form == "Upload" else []
        schema = {"type": "object", "properties": FORMS[form], "required": required}
        content["multipart/form-data"] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of an endpoint that are errors."""
    told = {
        401: "The server's key is needed.",
        403: "Another web site asked.",
        404: "There is no such thing here.",
        408: "The request came in too slowly.",
        410: "It was here, and is no longer.",
        413: "The body is too large.",
        415: "The body is of another media type.",
        421: "Asked for under another name.",
        422: "The request does not fit, or the picture cannot be used.",
        503: "The server has all it can do; see Retry-After.",
        504: "It took too long.",
    }
    return {status: {"model": ErrorOut, "description": told[status]} for status in (400, *statuses) if status in told}


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole description of an app, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made["components"]["schemas"]
        _, bodies = models_json_schema([(kind, "validation") for kind in _BODIES], ref_template=_REF)
        schemas.update(bodies["$defs"])
        made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = made
    return app.openapi_schema
