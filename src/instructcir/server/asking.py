"""A model that many threads ask at once: their questions meet in a batcher and share its passes.

Shape letters: K texts, D dimensions.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from instructcir.items import ImageLike
from instructcir.model.embedder import Embedder
from instructcir.model.jobs import Ask, Job
from instructcir.model.prefix import MOST_KEPT, Reference
from instructcir.model.prompts import Kind
from instructcir.model.together import embed_together
from instructcir.server.batching import Batcher
from instructcir.server.limits import Limits

Floats = npt.NDArray[np.float32]
_OPENED_BYTES = 128 * 2**20
"""Prepared pixels of references that are kept open, so that their pictures need not be decoded again; no more of them
than prefixes are kept (`MOST_KEPT`)."""
_SEEN = 1024
"""Pictures that are known to have been asked about."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureQuestion:
    """What is asked of an open reference: its own vector ("gallery"), or composed queries."""

    reference: Reference
    kind: Kind
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Anything else that needs the model for itself."""

    function: Callable[[], Any]


Question: TypeAlias = PictureQuestion | tuple[str, ...] | Call
"""A question to the model; a tuple is of plain texts."""


class SharedModel:
    """An embedder for many threads; what `Index` and `Session` ask of a model, and batched.

    Args:
        embedder: the model; only the batcher's thread runs it.
        limits: how much may wait, and how long.
        on_batch: told how many questions each pass answers.
    """

    def __init__(self, embedder: Embedder, limits: Limits, on_batch: Callable[[int], None] = lambda size: None) -> None:
        self.embedder = embedder
        self._limits = limits
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._opened: OrderedDict[object, Reference] = OrderedDict()
        self._opened_bytes = 0
        self._lock = threading.Lock()
        self._batcher: Batcher[Question, Any] = Batcher(
            self._answer, most=limits.batch, capacity=limits.queue, on_batch=on_batch
        )

    @property
    def waiting(self) -> int:
        """Questions that wait."""
        return len(self._batcher)

    def reference(self, image: ImageLike, /) -> SharedReference:
        """Open a picture; it is decoded and prepared in the calling thread.

        Raises:
            ImageError: the picture cannot be used.
        """
        key = _identity(image)
        with self._lock:
            opened = self._opened.get(key)
            if opened is not None:
                self._opened.move_to_end(key)
                return SharedReference(self, opened)
        opened = self.embedder.reference(image)
        with self._lock:
            if key not in self._opened:
                self._opened[key] = opened
                self._opened_bytes += opened.image.nbytes
            while self._opened_bytes > _OPENED_BYTES or len(self._opened) > MOST_KEPT:
                self._opened_bytes -= self._opened.popitem(last=False)[1].image.nbytes
        return SharedReference(self, opened)

    def embed_texts(self, texts: Sequence[str], /) -> Floats:
        """(K, D) unit vectors of texts.

        Raises:
            InputError: a text is longer than the model takes.
            Refusal: there is no room, or it takes too long.
        """
        found: Floats = self.ask(tuple(texts))
        return found

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function that uses the model, when it is its turn.

        Raises:
            Refusal: there is no room, or it takes too long.
        """
        return self.ask(Call(function))

    def ask(self, question: Question) -> Any:
        """Have a question answered together with those that wait."""
        return self._batcher.do(question, self._limits.seconds)

    def close(self) -> None:
        """Answer what waits, and take nothing more."""
        self._batcher.close()

    def _answer(self, questions: Sequence[Question]) -> list[Any]:
        """All questions' answers, in as few passes as can be: one for texts, one for pictures seen for the first time.

        A picture that is asked about again is kept open instead, so that further questions cost their words only.
        """
        results: list[Any] = [None] * len(questions)
        texts = [(number, text) for number, one in enumerate(questions) if isinstance(one, tuple) for text in one]
        if texts:
            _deal(self.embedder.embed_texts([text for _, text in texts]), [number for number, _ in texts], results)
        self._answer_pictures(questions, results)
        for number, one in enumerate(questions):
            if isinstance(one, Call):
                results[number] = one.function()
        return [np.zeros((0, self.embedder.dimension), np.float32) if one is None else one for one in results]

    def _answer_pictures(self, questions: Sequence[Question], results: list[Any]) -> None:
        by_picture: dict[str, list[int]] = {}
        for number, one in enumerate(questions):
            if isinstance(one, PictureQuestion):
                by_picture.setdefault(one.reference.digest, []).append(number)
        new: list[list[int]] = []
        open_ones: list[int] = []
        for digest, numbers in by_picture.items():
            is_new = len(by_picture) > 1 and digest not in self._seen
            if is_new:
                new.append(numbers)
            else:
                open_ones.extend(numbers)
            self._remember(digest)
        if open_ones:
            self._of_open(open_ones, questions, results)
        if new:
            self._in_one_pass(new, questions, results)

    def _of_open(self, numbers: list[int], questions: Sequence[Question], results: list[Any]) -> None:
        asked = [questions[number] for number in numbers]
        found = embed_together([(q.reference, q.kind, q.texts) for q in asked if isinstance(q, PictureQuestion)])
        for number, vectors in zip(numbers, found, strict=True):
            results[number] = vectors

    def _in_one_pass(self, groups: list[list[int]], questions: Sequence[Question], results: list[Any]) -> None:
        owners: list[int] = []
        jobs = []
        for numbers in groups:
            asks = []
            for number in numbers:
                one = questions[number]
                assert isinstance(one, PictureQuestion)
                for text in one.texts:
                    asks.append(Ask(one.kind, text, len(owners)))
                    owners.append(number)
                    image = one.reference.image
            jobs.append(Job(image, tuple(asks)))
        vectors = np.empty((len(owners), self.embedder.dimension), dtype=np.float32)
        for batches in self.embedder.planner.images(jobs, window=len(jobs)):
            for batch in batches:
                for place, vector in batch:
                    vectors[place] = vector.numpy()
        _deal(vectors, owners, results)

    def _remember(self, digest: str) -> None:
        self._seen[digest] = None
        self._seen.move_to_end(digest)
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)


class SharedReference:
    """An open picture of a `SharedModel`."""

    def __init__(self, model: SharedModel, reference: Reference) -> None:
        self._model = model
        self._reference = reference

    def embed(self, modifications: Sequence[str], /) -> Floats:
        """(K, D) unit vectors of composed queries; raises as `SharedModel.embed_texts`."""
        found: Floats = self._model.ask(PictureQuestion(self._reference, "query", tuple(modifications)))
        return found

    def gallery(self) -> Floats:
        """(D,) the picture's own vector; raises as `SharedModel.embed_texts`."""
        found: Floats = self._model.ask(PictureQuestion(self._reference, "gallery", ("",)))[0]
        return found


def _deal(vectors: Floats, owners: Sequence[int], results: list[Any]) -> None:
    """Give each question the rows that are its own; they stand together."""
    places = np.asarray(owners)
    for owner in dict.fromkeys(owners):
        results[owner] = vectors[places == owner]


def _identity(image: ImageLike) -> object:
    if isinstance(image, bytes):
        return hashlib.sha256(image).digest()
    if isinstance(image, str | os.PathLike):
        found = os.stat(image) if os.path.exists(image) else None
        return os.fspath(image), found and (found.st_mtime_ns, found.st_size)
    return id(image)
