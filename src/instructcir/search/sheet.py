"""A contact sheet of an answer: the hits as small pictures, each with its rank, score and name."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from PIL import Image, ImageOps

from instructcir.index.reader import Gallery
from instructcir.search.answers import Answer
from instructcir.worlds.sheet import contact_sheet

_SIDE = 176


def hits_sheet(gallery: Gallery, answer: Answer, title: str, references: Sequence[Image.Image] = ()) -> Image.Image:
    """Draw the references and the hits, from the thumbnails that the index holds.

    Args:
        gallery: the index.
        answer: with one hit at least, if there are no references.
        title: what was asked.
        references: pictures that were asked with.
    """
    pictures = [_square(one) for one in (*references, *thumbnails(gallery, answer))]
    captions = ["reference" for _ in references]
    captions += [f"{rank}. {hit.score:.3f}  {os.path.basename(hit.path)}" for rank, hit in enumerate(answer, start=1)]
    return contact_sheet(pictures, captions, title=title, remark=answer.remark)


def thumbnails(gallery: Gallery, answer: Answer) -> list[Image.Image]:
    """The hits' small pictures, in their order."""
    rows = gallery.table.rows([hit.id for hit in answer], ["id", "thumbnail"]).to_pylist()
    files = {row["id"]: row["thumbnail"] for row in rows}
    found = []
    for hit in answer:
        with Image.open(io.BytesIO(files[hit.id])) as small:
            found.append(small.convert("RGB"))
    return found


def _square(picture: Image.Image) -> Image.Image:
    return ImageOps.pad(picture, (_SIDE, _SIDE), color=(255, 255, 255))
