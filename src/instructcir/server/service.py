"""What the endpoints do, without HTTP: each function takes a checked request and gives an answer."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from instructcir.errors import InstructcirError
from instructcir.images import open_rgb
from instructcir.index.reader import Gallery, View
from instructcir.index.table import quoted
from instructcir.items import ImageLike
from instructcir.model.embedder import Embedder
from instructcir.remote import Place
from instructcir.search.answers import Answer
from instructcir.server.asking import SharedModel
from instructcir.server.filters import Facets, checked_condition
from instructcir.server.following import Following, Loads, load_and_check
from instructcir.server.limits import Limits
from instructcir.server.metrics import Metrics
from instructcir.server.pictures import PictureFiles
from instructcir.server.refusals import not_found
from instructcir.server.schemas import (
    About,
    Answered,
    HitOut,
    Options,
    Picture,
    ReferenceIn,
    SearchIn,
)
from instructcir.server.uploads import Upload, Uploads

Result = TypeVar("Result")
_SHOWN_SIDE = 1200
_CARD = ["path", "width", "height"]


class Service:
    """An index, its model and what is kept between requests. `close` it at the end.

    Every function may be called in any thread, and is asked of the newest version of the index.

    Args:
        folder: the index's.
        embedder: the model that made it.
        limits: bounds.
        load: loads the model of an index that is made anew while it is served.
    """

    def __init__(self, folder: Place, embedder: Embedder, limits: Limits, load: Loads | None = None) -> None:
        self.limits = limits
        self.metrics = Metrics()
        self.following = Following(
            folder,
            embedder,
            lambda model: SharedModel(model, limits, self.metrics.batches.observe),
            limits.seconds,
            load or load_and_check(),
        )
        self.uploads = Uploads(limits.kept_bytes, limits.upload_pixels)
        self._facets = Facets()
        self.metrics.watch("instructcir_pictures", "Pictures of the index.", lambda: len(self.newest()))
        self.metrics.watch("instructcir_index_version", "Version of the index.", lambda: self.newest().version)
        self.metrics.watch("instructcir_waiting_questions", "Questions to the model that wait.", lambda: self.waiting)

    @property
    def gallery(self) -> Gallery:
        """The index that is served."""
        return self.following.served.gallery

    @property
    def model(self) -> SharedModel:
        """The model that made it."""
        return self.following.served.model

    @property
    def files(self) -> PictureFiles:
        """Its pictures."""
        return self.following.served.files

    def steadily(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function on the newest index; once more, where the index was made anew meanwhile.

        The function must have changed nothing when it fails.
        """
        before = self.following.newest(), self.following.place()
        try:
            return function(*arguments)
        except InstructcirError:
            if (self.following.newest(), self.following.place()) == before:
                raise
        return function(*arguments)

    @property
    def waiting(self) -> int:
        """Questions to the model that wait."""
        return self.model.waiting

    def newest(self) -> View:
        """The newest version of the index."""
        self.gallery.refresh()
        return self.gallery.view

    def close(self) -> None:
        """Answer what waits, and take nothing more."""
        self.following.close()

    def about(self) -> About:
        """What this server serves."""
        view = self.newest()
        return About(
            name=self.gallery.folder.name,
            pictures=len(view),
            version=view.version,
            model=view.manifest.identity.fingerprint,
            facets=self._facets.of(view),
            upload_bytes=self.limits.upload_bytes,
        )

    def some(self, count: int, seed: int | None) -> list[Picture]:
        """Pictures drawn by chance; the same seed draws the same."""
        view = self.newest()
        chosen = Random(seed).sample(range(len(view)), min(count, len(view)))
        return self._cards([str(view.ids_G[number]) for number in chosen])

    def picture(self, one: str) -> Picture:
        """One picture.

        Raises:
            Refusal: it is not there.
        """
        self._known(one)
        return self._cards([one])[0]

    def count(self) -> int:
        """Pictures of the index."""
        return len(self.newest())

    def thumbnail(self, one: str) -> bytes:
        """A picture's small JPEG; see `PictureFiles.thumbnail`."""
        self.newest()
        return self.files.thumbnail(one)

    def image(self, one: str, side: int | None) -> tuple[bytes, str]:
        """A picture's file, or a JPEG of at most `side` pixels a side, and its media type; see `PictureFiles`."""
        self.newest()
        return self.files.original(one) if side is None else (self.files.resized(one, side), "image/jpeg")

    def id_of(self, image: ImageLike) -> str | None:
        """The id of the picture that lies at a path; None for an upload."""
        if not isinstance(image, str):
            return None
        found = self.gallery.table.select(["id"], f"path = {quoted(image)}")["id"].to_pylist()
        return found[0] if found else None

    def search(self, asked: SearchIn, sent: Sequence[bytes] = ()) -> Answered:
        """Find pictures.

        Args:
            asked: the request.
            sent: files of further references.

        Raises:
            Refusal: a reference is not there, or a filter is not allowed.
            InstructcirError: see `Index.search`.
        """
        begin = time.perf_counter()
        images = [(self.image_of(one), one.weight) for one in asked.references]
        images += [(self.uploads.add(data).data, 1.0) for data in sent]
        self.newest()
        answer = self.following.served.index.search(
            images or None,
            asked.modification,
            more_like=asked.more_like,
            less_like=asked.less_like,
            **self.options(asked),
        )
        return self.told(answer, begin)

    def options(self, asked: Options) -> dict[str, Any]:
        """A ranking's options as the search library takes them.

        Raises:
            Refusal: the filter names what it may not.
        """
        columns = self.newest().table.user_columns
        where = checked_condition(asked.where, columns) if asked.where and asked.where.strip() else None
        return {
            "k": asked.k,
            "where": where,
            "not_": asked.not_,
            "diversity": asked.diversity,
            "exclude_reference": asked.exclude_reference,
            "collapse_duplicates": asked.collapse_duplicates,
        }

    def told(self, answer: Answer, begin: float) -> Answered:
        """A ranking as it is sent; `begin` is when its work began, on the clock of `perf_counter`."""
        cards = {card.id: card for card in self._cards([hit.id for hit in answer])}
        hits = [
            HitOut(
                **cards[hit.id].model_dump(),
                score=hit.score,
                percentile=hit.percentile,
                duplicates=[os.path.basename(path) for path in hit.duplicates],
            )
            for hit in answer
            if hit.id in cards  # else it has been removed since
        ]
        took = (time.perf_counter() - begin) * 1000
        return Answered(hits=hits, matches_well=answer.matches_well, remark=answer.remark, milliseconds=took)

    def image_of(self, reference: ReferenceIn) -> ImageLike:
        """What the search library takes for a reference: an id that is there, or a file that was sent.

        Raises:
            Refusal: it is not there.
        """
        if reference.upload is not None:
            return self.uploads.get(reference.upload).data
        return self._known(reference.id or "")

    def upload(self, data: bytes) -> Upload:
        """Check and keep a picture.

        Raises:
            ImageError: it cannot be used.
        """
        return self.uploads.add(data)

    def uploaded(self, token: str) -> bytes:
        """A JPEG of an upload.

        Raises:
            Refusal: it is no longer kept.
        """
        picture = open_rgb(self.uploads.get(token).data, min_side=_SHOWN_SIDE)
        picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE), reducing_gap=3.0)
        made = io.BytesIO()
        picture.save(made, "JPEG", quality=88)
        return made.getvalue()

    def bytes_of(self, reference: ReferenceIn) -> bytes:
        """A reference's file; raises as `image_of` and `PictureFiles.content`."""
        if reference.upload is not None:
            return self.uploads.get(reference.upload).data
        self._known(reference.id or "")
        return self.files.content(reference.id or "")

    def _known(self, one: str) -> str:
        if not self.newest().numbers_of([one]):
            raise not_found("picture")
        return one

    def _cards(self, ids: Sequence[str]) -> list[Picture]:
        view = self.gallery.view
        rows = view.describe(view.numbers_of(ids), [*_CARD, *view.table.user_columns])
        return [
            Picture(
                id=row["id"],
                name=os.path.basename(row["path"]),
                width=row["width"],
                height=row["height"],
                values={name: _plain(row[name]) for name in view.table.user_columns},
            )
            for row in rows
        ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
