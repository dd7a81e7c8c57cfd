"""The endpoints of pictures, of the server itself, and the page."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from instructcir.server.access import COOKIE, Access
from instructcir.server.documented import PICTURE, body, refusals
from instructcir.server.limits import MOST_RANDOM
from instructcir.server.refusals import not_found
from instructcir.server.requests import Doors
from instructcir.server.schemas import About, Health, Picture, PictureList, SignIn
from instructcir.server.service import Service

OneId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_COMMON = refusals(401, 403, 421, 422, 503)
_KEPT = "private, max-age=3600"
_PAGE = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def picture_routes(service: Service, doors: Doors) -> APIRouter:
    """Endpoints that show what is indexed."""
    router = APIRouter(prefix="/v1", tags=["pictures"], responses=_COMMON)

    @router.get("/index")
    async def about() -> About:
        """What this server serves, and what can be filtered by."""
        return await doors.work(service.about)

    @router.get("/pictures")
    async def some(
        count: Annotated[int, Query(ge=1, le=MOST_RANDOM)] = 12,
        seed: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    ) -> PictureList:
        """Pictures drawn by chance; the same seed draws the same."""
        return PictureList(pictures=await doors.work(service.some, count, seed))

    @router.get("/pictures/{one}", responses=refusals(404))
    async def picture(one: OneId) -> Picture:
        """What is known of a picture."""
        return await doors.work(service.picture, one)

    @router.get("/thumbnails/{one}", response_class=Response, responses={**refusals(404), **PICTURE})
    async def thumbnail(one: OneId) -> Response:
        """A small JPEG."""
        data = await doors.work(service.thumbnail, one)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": _KEPT})

    @router.get("/images/{one}", response_class=Response, responses={**refusals(404, 410), **PICTURE})
    async def image(one: OneId, side: Annotated[int | None, Query(ge=32, le=4096)] = None) -> Response:
        """A picture's file as it was indexed; with `side` a JPEG of at most so many pixels a side."""
        data, kind = await doors.work(service.image, one, side)
        return Response(data, media_type=kind, headers={"Cache-Control": _KEPT, "Content-Disposition": "inline"})

    return router


def own_routes(service: Service, doors: Doors, access: Access) -> APIRouter:
    """Endpoints about the server, and the files of the page."""
    router = APIRouter()

    @router.get("/healthz", tags=["server"], responses=refusals(421, 503))
    async def healthz() -> Health:
        """Whether the server answers and can read its index."""
        return Health(pictures=await doors.work(service.count))

    @router.get("/metrics", tags=["server"], response_class=Response, responses=refusals(401, 421))
    async def metrics() -> Response:
        """Counts in Prometheus' text format."""
        return Response(await doors.work(service.metrics.text), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.post("/v1/sign-in", tags=["server"], status_code=204, openapi_extra=body(SignIn), responses=_COMMON)
    async def sign_in(request: Request) -> Response:
        """Give a browser a cookie for the server's key."""
        asked, _ = await doors.read(request, SignIn)
        answer = Response(status_code=204)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, access.sign_in(asked.key), httponly=True, samesite="strict", secure=secure)
        return answer

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return _page_file("index.html")

    @router.get("/page/{name}", include_in_schema=False)
    async def page_file(name: Annotated[str, Path(pattern=r"^[a-z_]+\.(css|js|svg)$")]) -> Response:
        return _page_file(name)

    return router


def _page_file(name: str) -> Response:
    file = files("instructcir.server").joinpath("page", name)
    if not file.is_file():
        raise not_found("file")
    kind = _PAGE["." + name.rpartition(".")[2]]
    kept = _KEPT if name.endswith(".svg") else "no-cache"  # browsers ask for the icon again and again
    return Response(file.read_bytes(), media_type=kind, headers={"Cache-Control": kept})
