"""An index open for questions: a picture and a sentence in, hits out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from instructcir.errors import InputError
from instructcir.files import PathLike
from instructcir.index.lance import uncollected
from instructcir.index.manifest import Manifest, check_same_model, identity_of, probes_of
from instructcir.index.metadata import read_metadata
from instructcir.index.places import index_folder
from instructcir.index.reader import Gallery, View
from instructcir.index.tuning import build as build_graph
from instructcir.index.tuning import is_due
from instructcir.index.update import update_index
from instructcir.index.vectors import Storage
from instructcir.items import ImageLike
from instructcir.search.answers import Answer
from instructcir.search.levels import Floats, Judge, Numbers
from instructcir.search.marks import SAMPLE, moved
from instructcir.search.queries import AsksModel, OpenReference, query_vector
from instructcir.search.ranked import ranked
from instructcir.search.references import Resolved, Weighted, resolve
from instructcir.search.session import Session

if TYPE_CHECKING:
    from instructcir.model.embedder import Embedder


class Index:
    """A stored gallery and the model that made it. Make one with `Index.build`, open one with `Index.open`.

    Attributes:
        gallery: what is stored.
    """

    def __init__(self, gallery: Gallery, embedder: AsksModel) -> None:
        self.gallery = gallery
        self.embedder = embedder
        self._judge = Judge(embedder)

    @classmethod
    def open(
        cls,
        name: PathLike,
        *,
        embedder: Embedder | None = None,
        model: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
    ) -> Self:
        """Open an index, and load the model that made it.

        Args:
            name: a path, or a bare name in the user's data folder.
            embedder: a model that is loaded already.
            model: where the model lies now, if not where it was when the index was made.
            device: where to run the model.
            dtype: its number type.

        Raises:
            StoreError: there is no such index, or the model does not reproduce its probe vectors.
            ModelError: the model cannot be loaded.
        """
        with uncollected():
            from instructcir.model.embedder import Embedder

        folder = index_folder(name)
        kept = Manifest.read(folder).identity
        loaded = embedder or Embedder.load(model or kept.model, device, dtype)
        check_same_model(folder, kept, str(loaded.checkpoint.folder), probes_of(loaded))
        return cls(Gallery(folder), loaded)

    @classmethod
    def build(
        cls,
        name: PathLike,
        folders: Sequence[PathLike],
        *,
        embedder: Embedder | None = None,
        model: str = "tiny",
        device: str = "auto",
        dtype: str = "auto",
        metadata: PathLike | None = None,
        storage: Storage | None = None,
        on_bad: Callable[[str, str], None] | None = None,
    ) -> Self:
        """Make an index of all pictures in some folders, or bring one up to date, and open it.

        Args:
            name: a path, or a bare name in the user's data folder.
            folders: searched with all folders below.
            embedder: a model that is loaded already.
            model: else the folder or name of the model to load.
            device: where to run it.
            dtype: its number type.
            metadata: a CSV or JSONL file with values of the pictures.
            storage: how a new index stores vectors: "float16", the default, or "int8".
            on_bad: called with the path of what is left out, and the reason.

        Raises:
            StoreError: a folder is missing, another run writes, another model made the index, or the disk refuses.
            InputError: metadata cannot be used.
            ModelError: the model cannot be loaded.
        """
        from instructcir.model.embedder import Embedder

        folder, told = index_folder(name), read_metadata(Path(metadata)) if metadata else None
        loaded = embedder or Embedder.load(model, device, dtype)
        identity = identity_of(loaded, str(loaded.checkpoint.folder))
        report = update_index(folder, folders, loaded, identity, storage=storage, metadata=told)
        for path, reason in report.problems:
            if on_bad:
                on_bad(path, reason)
        if is_due(folder):
            build_graph(folder)
        return cls(Gallery(folder), loaded)

    def __len__(self) -> int:
        return len(self.gallery)

    def search(
        self,
        reference: ImageLike | Sequence[ImageLike | Weighted] | None = None,
        modification: str = "",
        *,
        k: int = 10,
        where: str | None = None,
        exclude_reference: bool = True,
        collapse_duplicates: bool = True,
        diversity: float = 0.0,
        not_: str = "",
        more_like: Sequence[str] = (),
        less_like: Sequence[str] = (),
        exact: bool = False,
    ) -> Answer:
        """Find pictures; the newest version of the index is asked.

        Args:
            reference: a path, an id of the index, a picture, or several of these, each alone or as (it, weight). None
                searches by words alone.
            modification: what to change about the reference; empty searches for pictures like it.
            k: hits at most.
            where: a condition on columns in SQL words: "price < 50 and brand = 'x'".
            exclude_reference: leave out pictures whose file is byte for byte a reference's.
            collapse_duplicates: show near-duplicates once.
            diversity: from 0, the plain ranking, to 1: vary the hits (MMR).
            not_: what the hits should not show, as plain words.
            more_like: ids of pictures that were marked as near to what is meant; they are moved towards.
            less_like: ids of pictures that were marked as wrong.
            exact: score every picture, also where a large index has a graph to propose the best.

        Raises:
            InputError: neither reference nor words nor a liked picture, or a reference that does not exist.
            ImageError: a reference cannot be used.
            StoreError: the condition cannot be understood, or the index cannot be read.
        """
        self.gallery.refresh()
        view = self.gallery.view
        references = resolve(reference, view)
        liked_ND, disliked_ND = (view.vectors_of(ids) for ids in (more_like, less_like))
        if not (references or modification.strip() or len(liked_ND)):
            raise InputError("nothing to search for: give a reference, a modification, or both")
        query_D, opened = None, []
        if references or modification.strip():
            opened = [self.embedder.reference(one.image) for one in references]
            weights = [one.weight for one in references]
            query_D = query_vector(self.embedder, opened, weights, modification, not_)
        is_moved = bool(len(liked_ND) or not_.strip())
        if len(liked_ND) or len(disliked_ND) or query_D is None:
            query_D = moved(query_D, liked_ND, disliked_ND, view.sample(SAMPLE))
        excluded = [row for one in references for row in one.ids] if exclude_reference else []
        return ranked(
            view,
            query_D,
            k,
            where=where,
            excluded=excluded,
            collapse_duplicates=collapse_duplicates,
            diversity=diversity,
            judged=partial(self._matches, view, references, opened, modification, query_D, is_moved),
            exact=exact,
        )

    def _matches(
        self,
        view: View,
        references: Sequence[Resolved],
        opened: Sequence[OpenReference],
        modification: str,
        query_D: Floats,
        is_moved: bool,
        hits_L: Numbers,
        scores_L: Floats,
    ) -> bool:
        """Whether the first hits match well. A query that was moved by marks or negatives has no level of its own."""
        if is_moved:
            return True
        if not references:
            return self._judge.of_words(view, float(scores_L[0]), query_D)
        if not modification.strip():
            return self._judge.of_pictures(view, float(scores_L[0]))
        return self._judge.of_composed(view, float(scores_L[0]), () if any(one.ids for one in references) else opened)

    def session(self, reference: ImageLike) -> Session:
        """Start from a picture and refine step by step; the work on the picture is done once.

        Raises:
            InputError: there is no such file or id.
            ImageError: the picture cannot be used.
        """
        return Session.start(self.gallery, self.embedder, reference, self._judge)
