"""What is asked of which picture: inputs in the caller's order become one job for each distinct picture."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instructcir.errors import ImageError, InputError
from instructcir.items import ComposedQuery, ImageLike
from instructcir.model.preparation import PreparedImage
from instructcir.model.prompts import Kind


@dataclass(frozen=True, slots=True)
class Ask:
    """One vector wanted of a picture: its gallery vector or a composed query's; `output` is its place in the result."""

    kind: Kind
    text: str
    output: int


@dataclass(frozen=True, slots=True)
class Job:
    """A picture and everything that is asked about it."""

    image: ImageLike | PreparedImage
    asks: tuple[Ask, ...]


Bad = Callable[[int, ImageError], None]
"""Called with the number of an input whose picture cannot be used, and why."""
OnBad = Callable[[Job, ImageError], None]
"""Called with a job whose picture cannot be used, and why."""


def jobs_of(images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> list[Job]:
    """One job for each distinct picture, in order of first use; queries' places follow the images'.

    Two inputs are the same picture if they are the same path, equal bytes or the same object.
    """
    asked: dict[object, tuple[ImageLike, list[Ask]]] = {}
    for number, image in enumerate(images):
        asked.setdefault(_identity(image), (image, []))[1].append(Ask("gallery", "", number))
    for number, query in enumerate(queries, start=len(images)):
        ask = Ask("query", query.modification, number)
        asked.setdefault(_identity(query.reference), (query.reference, []))[1].append(ask)
    return [Job(image, tuple(asks)) for image, asks in asked.values()]


def _identity(image: ImageLike) -> object:
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    return hashlib.sha256(image).digest() if isinstance(image, bytes) else id(image)


def by_number(on_bad: Bad | None) -> OnBad | None:
    """The same callback for jobs: it is called once for each input that the job's picture serves."""
    if on_bad is None:
        return None

    def report(job: Job, error: ImageError) -> None:
        for ask in job.asks:
            on_bad(ask.output, error)

    return report


def check_text(text: object, what: str) -> None:
    """Refuse what is not a string.

    Raises:
        InputError: naming `what`.
    """
    if not isinstance(text, str):
        raise InputError(f"{what} is {type(text).__name__}, must be a string")
