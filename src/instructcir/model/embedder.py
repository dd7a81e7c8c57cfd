"""The embedder: gallery images, composed queries and plain texts become unit vectors in one space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from instructcir.errors import ImageError
from instructcir.images import image_digest
from instructcir.items import ComposedQuery, ImageLike
from instructcir.model import checks
from instructcir.model.adapters import AdapterEffect, base_folder, is_adapter
from instructcir.model.backbone import Backbone
from instructcir.model.jobs import Ask, Bad, Job, by_number, check_text, jobs_of
from instructcir.model.loading import Checkpoint, find_folder, load_checkpoint
from instructcir.model.placement import prefix_bytes, token_budget
from instructcir.model.planner import Planner
from instructcir.model.prefix import PrefixCache, Reference
from instructcir.model.preparation import PreparedImage, limit_pixels
from instructcir.model.prompts import PromptSet, named
from instructcir.model.rendering import ChatRenderer
from instructcir.model.saving import save_folder
from instructcir.model.shrinking import Preparation

# shapes: N images, Q queries, T texts, D dimensions

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int | None], None]
"""Called with how many inputs are done and how many there are (None while that is not known)."""


class Embedder:
    """A multimodal LLM as an embedder. Make one with `Embedder.load`.

    Attributes:
        dimension: D, the length of a vector.
        prompts: what the model is asked about each kind of input.
        checkpoint: the loaded model and where it came from.
        adapter: what a LoRA adapter changed, if one was loaded.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.adapter: AdapterEffect | None = None
        self.prompts = checkpoint.prompts
        tokenizer, processor = checkpoint.tokenizer, checkpoint.processor
        image_ids = [number for number in processor.image_token_ids if number is not None]
        self.backbone = Backbone(checkpoint.model, image_ids, tokenizer.pad_token_id or tokenizer.eos_token_id or 0)
        self.dimension = self.backbone.dimension
        token: str = processor.image_token  # type: ignore[attr-defined]
        self.renderer = ChatRenderer(tokenizer, checkpoint.chat_template, token, self.prompts)
        preparation = Preparation(processor)
        self.planner = Planner(
            self.backbone,
            self.renderer,
            preparation,
            budget=token_budget(self.backbone.device),
            shares=True,
            longest=self.backbone.longest,
            own_pass=self.backbone.own_pass_length,
            min_side=preparation.min_side,
        )
        self._prefixes = PrefixCache(max_bytes=prefix_bytes(self.backbone.device))
        self.warnings = checks.settle(self)

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str],
        device: str = "auto",
        dtype: str = "auto",
        *,
        prompts: str | PromptSet | None = None,
        base: str | os.PathLike[str] | None = None,
        max_pixels: int | None = None,
    ) -> Self:
        """Load a model: a folder, or the name of a hub repository.

        Args:
            name_or_path: any image-text chat model of transformers, the released InstructCIR weights, a folder that
                `save` wrote, a ready sentence-transformers embedder, or a LoRA adapter on one of these.
            device: "auto", "cpu", "cuda", ...
            dtype: "auto", "float32", "bfloat16" or "float16".
            prompts: a prompt set or its name, instead of the folder's own; `save` stores it with the model.
            base: the model under a LoRA adapter, instead of the one that the adapter names.
            max_pixels: pixel budget of models that take pictures at their own size (Qwen-VL); `save` stores it.

        Raises:
            ModelError: the model cannot be loaded, or fails its checks.
            PromptError: the chat template cannot express the prompts.
            InputError: an unknown device or dtype.
        """
        chosen = named(prompts) if isinstance(prompts, str) else prompts
        folder = find_folder(os.fspath(name_or_path))
        under = base_folder(folder, base) if is_adapter(folder) else folder
        checkpoint = load_checkpoint(under, device, dtype, chosen)
        if max_pixels is not None:
            limit_pixels(checkpoint.processor, max_pixels)
        embedder = cls(checkpoint)
        if under != folder:
            embedder.adapter = checks.adapt(embedder, folder, under)
        return embedder

    @property
    def min_side(self) -> int | None:
        """Pixels a side that the model needs of a JPEG file, for callers who open pictures themselves; None for all.

        `open_rgb(file, min_side=embedder.min_side)` is how the embedder opens a file: a picture that was opened so has
        the very vector of its file.
        """
        return self.planner.min_side

    def embed_images(
        self, images: Sequence[ImageLike], *, progress: Progress | None = None, on_bad: Bad | None = None
    ) -> Vectors:
        """Gallery vectors.

        Args:
            images: N paths, encoded files as bytes, PIL images or arrays.
            progress: called with (done, N) as work goes on.
            on_bad: called with (number, error) for a picture that cannot be used; its row is then left out.

        Returns:
            (N, D) float32, unit length, in order; fewer rows only where `on_bad` was called.

        Raises:
            ImageError: a picture cannot be used and there is no `on_bad`.
        """
        return self.embed_mixed(images, [], progress=progress, on_bad=on_bad)[0]

    def prepare(self, image: ImageLike) -> PreparedImage:
        """A picture as the model wants it, for `iter_images`: lets callers do this part in threads of their own.

        Raises:
            ImageError: the picture cannot be used.
            InputError: its prompt is longer than the model takes.
        """
        prepared = self.planner.open(image)
        self.planner.check_gallery(prepared)
        return prepared

    def iter_images(
        self, images: Iterable[ImageLike | PreparedImage], *, window: int = 64, on_bad: Bad | None = None
    ) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        """Gallery vectors of a stream, for galleries that do not fit in memory.

        Args:
            images: pictures, or what `prepare` made of them; read lazily; at most two windows of them are held.
            window: pictures that are batched together.
            on_bad: called with (number, error) for a picture that cannot be used; its row is then left out.

        Yields:
            Ascending numbers of the pictures (n,) and their vectors (n, D) float32, window by window in order.

        Raises:
            ImageError: a picture cannot be used and there is no `on_bad`.
        """
        jobs = (Job(image, (Ask("gallery", "", number),)) for number, image in enumerate(images))
        for batches in self.planner.images(jobs, by_number(on_bad), window):
            vectors = sorted((pair for batch in batches for pair in batch), key=lambda pair: pair[0])
            if vectors:
                numbers = np.array([number for number, _ in vectors], dtype=np.int64)
                yield numbers, np.stack([vector.numpy() for _, vector in vectors])

    def embed_queries(
        self, queries: Sequence[ComposedQuery], *, progress: Progress | None = None, on_bad: Bad | None = None
    ) -> Vectors:
        """Vectors of composed queries; queries on one image (the same path or object) share the work on it.

        Args:
            queries: Q queries.
            progress: called with (done, Q) as work goes on.
            on_bad: called with (number, error) for a query whose picture cannot be used; its row is then left out.

        Returns:
            (Q, D) float32, unit length, in order; fewer rows only where `on_bad` was called.

        Raises:
            ImageError: a picture cannot be used and there is no `on_bad`.
            InputError: a modification is longer than the model takes.
        """
        return self.embed_mixed([], queries, progress=progress, on_bad=on_bad)[1]

    def embed_texts(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Vectors of plain texts.

        Args:
            texts: T texts, any characters, may be empty.
            progress: called with (done, T) as work goes on.

        Returns:
            (T, D) float32, unit length, in order.

        Raises:
            InputError: a text is longer than the model takes.
        """
        for number, text in enumerate(texts):
            check_text(text, f"text {number}")
        result = np.empty((len(texts), self.dimension), dtype=np.float32)
        for done, (number, vector) in enumerate(self.planner.texts(texts), start=1):
            result[number] = vector.numpy()
            if progress:
                progress(done, len(texts))
        return result

    def embed_mixed(
        self,
        images: Sequence[ImageLike],
        queries: Sequence[ComposedQuery],
        *,
        progress: Progress | None = None,
        on_bad: Bad | None = None,
    ) -> tuple[Vectors, Vectors]:
        """Gallery vectors and composed queries together: every distinct picture is encoded once for both.

        Two inputs are the same picture if they are the same path, equal bytes or the same object.

        Args:
            images: N gallery pictures.
            queries: Q queries, over these or other pictures.
            progress: called with (done, N + Q).
            on_bad: called with (number, error) for each input whose picture cannot be used, queries numbered from N on;
                their rows are then left out.

        Returns:
            (N, D) and (Q, D) float32, unit length, in order; fewer rows only where `on_bad` was called.

        Raises:
            ImageError: a picture cannot be used and there is no `on_bad`.
            InputError: a modification is longer than the model takes; the message numbers queries from N on.
        """
        for number, query in enumerate(queries, start=len(images)):
            check_text(query.modification, f"query {number}")
        total = len(images) + len(queries)
        result = np.empty((total, self.dimension), dtype=np.float32)
        left_out: list[int] = []

        def leave_out(number: int, error: ImageError) -> None:
            left_out.append(number)
            if on_bad:
                on_bad(number, error)

        done = 0
        for batches in self.planner.images(jobs_of(images, queries), by_number(leave_out if on_bad else None)):
            for vectors in batches:
                for number, vector in vectors:
                    result[number] = vector.numpy()
                done += len(vectors)
                if progress:
                    progress(done + len(left_out), total)
        if progress and left_out:
            progress(total, total)
        kept = np.ones(total, dtype=bool)
        kept[left_out] = False
        return result[: len(images)][kept[: len(images)]], result[len(images) :][kept[len(images) :]]

    def reference(self, image: ImageLike) -> Reference:
        """Open a reference image: each later modification of it costs its text's tokens only.

        Raises:
            ImageError: the picture cannot be used.
        """
        opened = self.planner.opened(image)
        return Reference(self.planner, self._prefixes, self.planner.prepare(opened), image_digest(opened))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a sentence-transformers model folder that gives the same vectors there, and probes to prove it.

        An adapter that was loaded is merged into the weights.

        Raises:
            InputError: the folder exists and holds other files.
        """
        save_folder(Path(folder), self.checkpoint, checks.probe_vectors(self), self.planner.shares)
