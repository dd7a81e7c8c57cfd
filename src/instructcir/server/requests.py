"""From bytes to a checked request: JSON, or a form with pictures; within the bounds, within the time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar, get_origin

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile

from instructcir.server.callers import CALLER, Caller, watch
from instructcir.server.limits import Limits
from instructcir.server.metrics import Metrics
from instructcir.server.refusals import Refusal, busy, invalid

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")
_MOST_FIELDS = 300
_FIELD_BYTES = 64 * 2**10


class Doors:
    """How requests come in: how many at once, how large, how long.

    Args:
        limits: bounds.
        metrics: told how many are in flight.
        steadily: calls a function with its arguments; once more, where the index was made anew meanwhile.
    """

    def __init__(self, limits: Limits, metrics: Metrics, steadily: Callable[..., Any]) -> None:
        self._limits = limits
        self._metrics = metrics
        self._steadily = steadily
        self._inside = 0
        self._threads: CapacityLimiter | None = None

    async def work(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function in a thread of its own; one more than are allowed is refused.

        Raises:
            Refusal: there is no room.
        """
        if self._inside >= self._limits.in_flight:
            raise busy()
        if self._threads is None:  # made here: it belongs to the loop that runs
            self._threads = CapacityLimiter(self._limits.in_flight)
        self._inside += 1
        self._metrics.in_flight.set(self._inside)
        try:
            result: Result = await to_thread.run_sync(self._steadily, function, *arguments, limiter=self._threads)
            return result
        finally:
            self._inside -= 1
            self._metrics.in_flight.set(self._inside)

    async def work_while_waited(self, request: Request, function: Callable[..., Result], *arguments: Any) -> Result:
        """As `work`, for what asks the model: it is not begun when the client has gone away by then.

        Args:
            request: that has been read.
            function: what to do.
            arguments: its own.

        Raises:
            Refusal: there is no room, or nobody waits any more.
        """
        caller = Caller()
        watching = asyncio.create_task(watch(request, caller))
        token = CALLER.set(caller)
        try:
            return await self.work(function, *arguments)
        finally:
            CALLER.reset(token)
            watching.cancel()

    async def read(self, request: Request, kind: type[Model]) -> tuple[Model, list[bytes]]:
        """A request's body as what it must be, and the pictures that came with it.

        Raises:
            Refusal: it does not fit (422), is of another media type (415), or comes too slowly (408).
        """
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            async with asyncio.timeout(self._limits.seconds):
                if media == "application/json":
                    return _checked(kind, _json(await request.body())), []
                if media == "multipart/form-data":
                    return await self._form(request, kind)
        except TimeoutError:
            raise Refusal(408, "too_slow", "the request came in too slowly", {"Connection": "close"}) from None
        raise Refusal(415, "media_type", "send JSON, or a form with files (multipart)")

    async def _form(self, request: Request, kind: type[Model]) -> tuple[Model, list[bytes]]:
        async with request.form(
            max_files=self._limits.upload_files, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES
        ) as form:
            sent = [await one.read() for name, one in form.multi_items() if isinstance(one, UploadFile)]
            strange = [name for name, one in form.multi_items() if isinstance(one, UploadFile) and name != "image"]
            if strange:
                raise Refusal(422, "invalid", "files are sent as `image`")
            return _checked(kind, _fields(form, kind)), sent


def _fields(form: FormData, kind: type[BaseModel]) -> dict[str, Any]:
    """A form's fields as JSON would have them; `reference` is an id, a list's field is repeated."""
    values: dict[str, Any] = {}
    by_name = {field.alias or name: field for name, field in kind.model_fields.items()}
    for name in dict.fromkeys(name for name, one in form.multi_items() if not isinstance(one, UploadFile)):
        given = [one for one in form.getlist(name) if not isinstance(one, UploadFile)]
        if name == "reference":
            several = [{"id": one} for one in given]
            values |= {"references": several} if "references" in by_name else {"reference": several[-1]}
        elif name in by_name and get_origin(by_name[name].annotation) is list and name != "references":
            values[name] = given
        elif name == "references":
            values[name] = _json(str(given[-1]).encode())
        else:
            values[name] = given[-1]
    return values


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(422, "invalid", "the body is no JSON") from None


def _checked(kind: type[Model], values: Any) -> Model:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from None
