"""One reference, several refinements: edits accumulate, can be taken back, and a hit can be gone on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from instructcir.errors import InputError
from instructcir.index.reader import Gallery
from instructcir.items import ImageLike
from instructcir.search.answers import Answer, Hit
from instructcir.search.levels import Floats, Judge, Numbers
from instructcir.search.queries import AsksModel, OpenReference, query_vector
from instructcir.search.ranked import ranked
from instructcir.search.references import Resolved, resolve


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Where a session stands: an open reference and what has been asked of it so far."""

    reference: Resolved
    opened: OpenReference
    edits: tuple[str, ...] = ()

    @property
    def modification(self) -> str:
        """All edits as one instruction."""
        return ", ".join(self.edits)


class Session:
    """Refinements of one reference; made by `Index.session`.

    A session keeps every step, so that undoing costs nothing. Steps are never changed: branches share them.
    """

    def __init__(self, gallery: Gallery, model: AsksModel, steps: tuple[Step, ...], judge: Judge | None = None) -> None:
        self._gallery = gallery
        self._model = model
        self._steps = steps
        self._judge = judge or Judge(model)

    @classmethod
    def start(cls, gallery: Gallery, model: AsksModel, reference: ImageLike, judge: Judge | None = None) -> Self:
        """Open a reference.

        Raises:
            InputError: there is no such file or id.
            ImageError: the picture cannot be used.
        """
        return cls(gallery, model, (_opened(gallery, model, reference),), judge)

    @property
    def gallery(self) -> Gallery:
        """What is searched."""
        return self._gallery

    @property
    def edits(self) -> tuple[str, ...]:
        """The refinements of the present reference, in order."""
        return self._steps[-1].edits

    @property
    def modification(self) -> str:
        """The refinements as the one instruction that the model reads."""
        return self._steps[-1].modification

    @property
    def reference(self) -> ImageLike:
        """The present reference: what was given, or a hit's path."""
        return self._steps[-1].reference.image

    def refine(self, edit: str, **options: Any) -> Answer:
        """Ask for one more change, and search.

        Args:
            edit: plain words; they are added to the edits before.
            options: those of `search`.

        Raises:
            InputError: the edit is empty.
        """
        if not edit.strip():
            raise InputError("the refinement is empty; say what to change")
        last = self._steps[-1]
        step = Step(last.reference, last.opened, (*last.edits, edit.strip().rstrip(",.; ")))
        answer = self._search(step, **options)
        self._steps = (*self._steps, step)  # a step that failed is not taken
        return answer

    def search(self, **options: Any) -> Answer:
        """Search again as the session stands.

        Args:
            options: `k`, `where`, `exclude_reference`, `collapse_duplicates`, `diversity` and `not_` of `Index.search`.
        """
        return self._search(self._steps[-1], **options)

    def undo(self) -> None:
        """Go back to before the last refinement, or before the last hit that was gone on from.

        Raises:
            InputError: nothing has been done yet.
        """
        if len(self._steps) == 1:
            raise InputError("nothing to undo: the session stands at its reference")
        self._steps = self._steps[:-1]

    def branch(self) -> Session:
        """A session that stands where this one does, and goes on by itself."""
        return Session(self._gallery, self._model, self._steps, self._judge)

    def moved(self, gallery: Gallery, model: AsksModel) -> Session:
        """The same steps in an index that was made anew, perhaps by another model; references are opened again.

        Raises:
            InputError: a reference is no longer there.
            ImageError: it cannot be used any more.
        """
        opened: dict[int, Step] = {}
        for step in self._steps:
            if id(step.reference) not in opened:
                opened[id(step.reference)] = _opened(gallery, model, step.reference.image)
        steps = tuple(replace(opened[id(step.reference)], edits=step.edits) for step in self._steps)
        return Session(gallery, model, steps)

    def go_on_from(self, hit: Hit | ImageLike) -> None:
        """Take a hit, or another picture, as the next reference; the edits so far are fulfilled and fall away.

        Raises:
            InputError: there is no such file or id.
            ImageError: the picture cannot be used.
        """
        step = _opened(self._gallery, self._model, hit.id if isinstance(hit, Hit) else hit)
        self._steps = (*self._steps, step)

    def _search(
        self, step: Step, *, k: int = 10, not_: str = "", exclude_reference: bool = True, **kept: Any
    ) -> Answer:
        self._gallery.refresh()
        query_D = query_vector(self._model, [step.opened], [1.0], step.modification, not_)
        excluded = step.reference.ids if exclude_reference else ()
        view = self._gallery.view

        def judged(hits_L: Numbers, scores_L: Floats) -> bool:
            if not_.strip():  # a query that was moved has no level of its own
                return True
            if not step.modification:
                return self._judge.of_pictures(view, float(scores_L[0]))
            return self._judge.of_composed(view, float(scores_L[0]), () if step.reference.ids else [step.opened])

        return ranked(view, query_D, k, excluded=excluded, judged=judged, **kept)


def _opened(gallery: Gallery, model: AsksModel, reference: ImageLike) -> Step:
    [resolved] = resolve([reference], gallery)
    return Step(resolved, model.reference(resolved.image))
