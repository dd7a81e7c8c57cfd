"""The endpoints of sessions: one reference, several refinements."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from instructcir.errors import InstructcirError
from instructcir.search.session import Session
from instructcir.server.documented import body, refusals
from instructcir.server.following import Served
from instructcir.server.refusals import Refusal
from instructcir.server.requests import Doors
from instructcir.server.schemas import GoOnIn, RefineIn, SessionIn, SessionOut
from instructcir.server.schemas import Refined as RefinedOut
from instructcir.server.service import Service
from instructcir.server.sessions import OpenSession, Sessions

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{24}$")]
_COMMON = refusals(401, 403, 404, 408, 410, 413, 415, 421, 422, 503, 504)


class SessionDesk:
    """What the endpoints do with sessions, each in a thread of its own.

    Args:
        service: the index and its model.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions = Sessions(service.limits.kept_sessions, service.limits.session_seconds)
        service.following.on_switch = self._move_all
        service.metrics.watch("instructcir_sessions", "Open sessions.", lambda: len(self._sessions))

    def start(self, asked: SessionIn, sent: list[bytes]) -> SessionOut:
        """Open a session on a reference."""
        if (asked.reference is None) != (len(sent) == 1):
            raise Refusal(422, "invalid", "give one reference: its id, its upload, or the picture itself")
        image = self._service.image_of(asked.reference) if asked.reference else self._service.upload(sent[0]).data
        return self._where(self._sessions.add(self._service.following.served.index.session(image)))

    def look(self, name: str) -> SessionOut:
        """Where a session stands."""
        return self._with(name, lambda session: None)

    def refine(self, name: str, asked: RefineIn) -> RefinedOut:
        """Ask for one more change."""
        begin, options = time.perf_counter(), self._service.options(asked)
        opened = self._sessions.get(name)
        with opened.lock:
            self._move(opened)
            answer = opened.session.refine(asked.edit, **options)
            told = self._service.steadily(self._service.told, answer, begin)  # the step is taken: not twice
            return RefinedOut(**self._where(opened).model_dump(), **told.model_dump())

    def undo(self, name: str) -> SessionOut:
        """Take the last step back."""
        return self._with(name, lambda session: session.undo())

    def go_on(self, name: str, one: str) -> SessionOut:
        """Take a hit as the next reference."""
        self._service.picture(one)
        return self._with(name, lambda session: session.go_on_from(one))

    def branch(self, name: str) -> SessionOut:
        """A second session that stands where this one does."""
        opened = self._sessions.get(name)
        with opened.lock:
            self._move(opened)
            copy = opened.session.branch()
        return self._where(self._sessions.add(copy))

    def close(self, name: str) -> None:
        """Drop a session."""
        self._sessions.close(name)

    def _with(self, name: str, change: Callable[[Session], Any]) -> SessionOut:
        self._service.newest()
        opened = self._sessions.get(name)
        with opened.lock:
            self._move(opened)
            change(opened.session)
            return self._where(opened)

    def _move(self, opened: OpenSession) -> None:
        """Take a session over to the index as another model has made it anew."""
        served = self._service.following.served
        if opened.session.gallery is not served.gallery:
            opened.session = opened.session.moved(served.gallery, served.model)

    def _move_all(self, served: Served) -> None:
        for opened in self._sessions.all():
            with opened.lock:
                try:
                    self._move(opened)
                except InstructcirError:  # its picture is gone
                    self._sessions.drop(opened.name)

    def _where(self, opened: OpenSession) -> SessionOut:
        session = opened.session
        return SessionOut(
            session=opened.name,
            reference=self._service.steadily(self._service.id_of, session.reference),
            edits=list(session.edits),
            modification=session.modification,
        )


def session_routes(service: Service, doors: Doors) -> APIRouter:
    """Endpoints of sessions."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"], responses=_COMMON)
    desk = SessionDesk(service)

    @router.post("", status_code=201, openapi_extra=body(SessionIn, form="SessionIn"))
    async def start(request: Request) -> SessionOut:
        """Open a session on a reference; the work on its picture is done once."""
        asked, sent = await doors.read(request, SessionIn)
        return await doors.work_while_waited(request, desk.start, asked, sent)

    @router.get("/{name}")
    async def look(name: Name) -> SessionOut:
        """Where a session stands."""
        return await doors.work(desk.look, name)

    @router.post("/{name}/refine", openapi_extra=body(RefineIn))
    async def refine(name: Name, request: Request) -> RefinedOut:
        """Ask for one more change; edits add up to one instruction."""
        asked, _ = await doors.read(request, RefineIn)
        return await doors.work_while_waited(request, desk.refine, name, asked)

    @router.post("/{name}/undo")
    async def undo(name: Name) -> SessionOut:
        """Go back to before the last refinement, or before the last hit that was gone on from."""
        return await doors.work(desk.undo, name)

    @router.post("/{name}/go-on", openapi_extra=body(GoOnIn))
    async def go_on(name: Name, request: Request) -> SessionOut:
        """Take a hit as the next reference; the edits so far are fulfilled and fall away."""
        asked, _ = await doors.read(request, GoOnIn)
        return await doors.work(desk.go_on, name, asked.id)

    @router.post("/{name}/branch", status_code=201)
    async def branch(name: Name) -> SessionOut:
        """A second session that stands where this one does, and goes on by itself."""
        return await doors.work(desk.branch, name)

    @router.delete("/{name}", status_code=204, response_class=Response)
    async def close(name: Name) -> None:
        """Drop a session."""
        await doors.work(desk.close, name)

    return router
