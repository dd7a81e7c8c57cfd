"""The endpoints of search: questions with pictures and words, and vectors."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from instructcir.server.documented import PICTURE, body, refusals
from instructcir.server.refusals import Refusal
from instructcir.server.requests import Doors
from instructcir.server.schemas import (
    Answered,
    Attention,
    EmbeddingIn,
    EmbeddingOut,
    ExplainIn,
    Options,
    SearchIn,
    UploadOut,
)
from instructcir.server.service import Service
from instructcir.server.vectors import VectorDesk

_COMMON = refusals(401, 403, 404, 408, 410, 413, 415, 421, 422, 503, 504)


def search_routes(service: Service, doors: Doors) -> APIRouter:
    """Endpoints that ask the model."""
    router = APIRouter(prefix="/v1", tags=["search"], responses=_COMMON)
    desk = VectorDesk(service)

    @router.post("/search", openapi_extra=body(SearchIn, form="SearchIn"))
    async def search(request: Request) -> Answered:
        """Find pictures with references, a modification, or both; `more_like` alone also will do."""
        asked, sent = await doors.read(request, SearchIn)
        return await doors.work_while_waited(request, service.search, asked, sent)

    @router.post("/embeddings", openapi_extra=body(EmbeddingIn, form="EmbeddingIn"))
    async def embeddings(request: Request) -> EmbeddingOut:
        """One unit vector of a picture, a text, or both as a composed query."""
        asked, sent = await doors.read(request, EmbeddingIn)
        return await doors.work_while_waited(request, desk.embed, asked, sent)

    @router.post("/explain", openapi_extra=body(ExplainIn))
    async def explain(request: Request) -> Attention:
        """Where the model looks in a picture, with an instruction and without."""
        asked, _ = await doors.read(request, ExplainIn)
        return await doors.work_while_waited(request, desk.explain, asked)

    @router.post("/uploads", openapi_extra=body(None, form="Upload"))
    async def uploads(request: Request) -> UploadOut:
        """Send a picture once; its token can be used as a reference for a while."""
        _, sent = await doors.read(request, Options)
        if len(sent) != 1:
            raise Refusal(422, "invalid", "send one picture, as `image`")
        kept = await doors.work(service.upload, sent[0])
        return UploadOut(upload=kept.token, width=kept.width, height=kept.height)

    @router.get("/uploads/{token}", response_class=Response, responses=PICTURE)
    async def uploaded(token: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]) -> Response:
        """A JPEG of an upload, for who knows its token; it cannot be guessed, only its content gives it."""
        data = await doors.work(service.uploaded, token)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    return router
