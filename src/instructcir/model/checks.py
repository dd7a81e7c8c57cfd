"""Proofs that a loaded model embeds rightly: the cheap ones at every load, all of them for the doctor.

The cheap ones are two short passes of text. They catch what silently ruins embeddings elsewhere: wrong padding or
pooling in batches, half precision that overflows, weights that differ from the ones that were saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from instructcir.errors import ModelError
from instructcir.items import ComposedQuery
from instructcir.model.adapters import AdapterEffect, apply_adapter
from instructcir.model.backbone import Backbone
from instructcir.model.loading import Checkpoint
from instructcir.model.packing import Row
from instructcir.model.placement import computes_in_float32
from instructcir.model.planner import Planner
from instructcir.model.preparation import PreparedImage
from instructcir.model.prompts import Kind, PromptSet
from instructcir.model.rendering import ChatRenderer

PROBE_TEXTS = ("a red dress", "two small dogs run along a beach at dusk while a boat passes far out on the sea")
PROBE_MODIFICATION = "make it blue and add a tree"
_ASKED: tuple[tuple[Kind, str], ...] = (("gallery", ""), ("query", PROBE_MODIFICATION))
Vector = npt.NDArray[np.float32]
_HALF = 0.1
"""How far entries of unit vectors may differ in half precision."""
_CAUSAL = {"llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "idefics3", "smolvlm", "internvl"}
"""Model types on which the test suite proves that prompts may share a prefix; others are tried at load."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: its name, whether it is as it should be, and what was seen."""

    name: str
    passed: bool
    detail: str


class Loaded(Protocol):
    """What is checked: an `Embedder`, seen from below."""

    checkpoint: Checkpoint
    prompts: PromptSet
    adapter: AdapterEffect | None
    backbone: Backbone
    planner: Planner
    renderer: ChatRenderer

    def embed_texts(self, texts: Sequence[str], /) -> Vector:
        """(T, D) vectors."""

    def embed_queries(self, queries: Sequence[ComposedQuery], /) -> Vector:
        """(Q, D) vectors."""


def probe_picture() -> Image.Image:
    """A small picture drawn by formula: the same on every machine."""
    y, x = np.mgrid[0:64, 0:96]
    pixels = np.stack([x * 2, y * 3, (x ^ y) * 2], axis=-1).clip(0, 255).astype(np.uint8)
    pixels[16:48, 24:56] = (220, 30, 40)
    return Image.fromarray(pixels, "RGB")


def settle(embedder: Loaded) -> list[str]:
    """Run the cheap checks, decide whether prompts may share a picture's work, and say what is out of the ordinary.

    Raises:
        ModelError: vectors are not finite, depend on the batch, or differ from the ones saved with the model.
    """
    planner, backbone = embedder.planner, embedder.backbone
    own, limit = embedder.checkpoint.own, tolerance(embedder)
    planner.shares = bool(own.get("shares_prefix", backbone.may_share))
    rows = _text_rows(embedder)
    single = backbone.embed_cold(rows[:1], [])[0]
    if not torch.isfinite(single).all():
        raise ModelError(
            f"{embedder.checkpoint.folder}: vectors are not finite in {backbone.dtype}; load with dtype='float32'"
        )
    try:
        planner.shares = planner.shares and _agree(single, backbone.embed(rows, [])[0], limit)
    except ModelError:  # its last layer cannot be cut short
        planner.shares = False
    if planner.shares and "shares_prefix" not in own and backbone.model.config.model_type not in _CAUSAL:
        planner.shares = prefix_difference(embedder) <= limit
    if not planner.shares:
        batched = backbone.embed_cold(rows, [])[0]
        if not _agree(single, batched, limit):
            raise ModelError(
                f"{embedder.checkpoint.folder}: a text's vector changes with its batch "
                f"(cosine {float(single[0] @ batched[0]):.4f}): padding is broken in this model or transformers version"
            )
    saved = _saved_probes(embedder).get("texts")
    then = torch.tensor(saved[:1], dtype=torch.float32) if saved else single
    if not _agree(single, then, _saved_tolerance(embedder)):
        raise ModelError(
            f"{embedder.checkpoint.folder}: does not reproduce the vector saved with it "
            f"(cosine {float(single[0] @ then[0]):.4f}): files changed, or a library is incompatible"
        )
    return [] if planner.shares else ["prompts on one picture do not share its work: each is computed whole"]


def adapt(embedder: Loaded, folder: Path, under: Path) -> AdapterEffect:
    """Merge an adapter into a loaded model and measure what it does to a vector.

    Raises:
        ModelError: the adapter does not fit, or no vector changes.
    """
    before = _probe(embedder)
    tensors, weight_change = apply_adapter(folder, embedder.checkpoint.model)
    after = _probe(embedder)
    change = max(_one_minus_cosine(b, a) for b, a in zip(before, after, strict=True))
    if change == 0:
        raise ModelError(f"{folder}: the adapter was merged, but no vector changed: it touches nothing that is used")
    if not np.isfinite(change):
        raise ModelError(f"{folder}: with the adapter, vectors are not finite in {embedder.backbone.dtype}")
    return AdapterEffect(folder, under, tensors, weight_change, change)


def _one_minus_cosine(one: Vector, other: Vector) -> float:
    """Of unit vectors, by way of their distance: the difference of 1 and a product loses changes below 1e-7."""
    return 0.5 * float(((one.astype(np.float64) - other) ** 2).sum())


def _probe(embedder: Loaded) -> list[Vector]:
    """A composed query's vector and a text's: between them they run through every part, and through no cache."""
    query = ComposedQuery(probe_picture(), PROBE_MODIFICATION)
    return [embedder.embed_queries([query])[0], embedder.embed_texts(PROBE_TEXTS[:1])[0]]


def probe_vectors(embedder: Loaded) -> dict[str, Any]:
    """Vectors of fixed inputs, to be saved with the model, and whether they were computed in float32."""
    gallery, query = _picture_vectors(embedder)
    placed = embedder.checkpoint.placement
    return {
        "exact": placed.stored == torch.float32 or computes_in_float32(placed.device, placed.stored),
        "texts": [vector.tolist() for vector in embedder.embed_texts(PROBE_TEXTS)],
        "gallery": gallery.tolist(),
        "query": query.tolist(),
    }


def _saved_probes(embedder: Loaded) -> dict[str, Any]:
    """The vectors that were saved with the model; none where it is now asked other prompts."""
    own = embedder.checkpoint.own
    return own.get("probes") or {} if own.get("prompts") == embedder.prompts.to_dict() else {}


def _picture_vectors(embedder: Loaded) -> tuple[torch.Tensor, torch.Tensor]:
    """Cold vectors of the probe picture and of a modification of it."""
    (gallery, query), image = _picture_rows(embedder)
    return embedder.backbone.embed_cold([gallery], [image])[0][0], embedder.backbone.embed_cold([query], [image])[0][0]


def _picture_rows(embedder: Loaded) -> tuple[tuple[Row, Row], PreparedImage]:
    """The probe picture's gallery prompt and a composed query on it, a row each."""
    image = embedder.planner.prepare(probe_picture())
    rows = []
    for number, (kind, text) in enumerate(_ASKED):
        prefix = embedder.renderer.prefix(kind, image.expansion)
        rows.append(Row(prefix.ids, (tuple(embedder.renderer.suffix(kind, prefix, text)),), (number,), 0))
    return (rows[0], rows[1]), image


def prefix_difference(embedder: Loaded) -> float:
    """Largest difference between vectors that share a picture's work and the same ones computed whole."""
    (gallery, query), image = _picture_rows(embedder)
    rows = [query, gallery] if gallery.prefix == query.prefix else [query]  # other system turns share no prefix
    backbone = embedder.backbone
    cold = torch.stack([backbone.embed_cold([row], [image])[0][0] for row in rows])
    suffixes = tuple(row.suffixes[0] for row in rows)
    packed = backbone.embed([Row(query.prefix, suffixes, tuple(range(len(rows))), 0)], [image])[0]
    kept = backbone.go_on(backbone.start(query.prefix, image), suffixes)
    return max(float((packed - cold).abs().max()), float((kept - cold).abs().max()))


def padded_difference(embedder: Loaded) -> float:
    """Largest difference between a text's vector alone and beside a longer text, by the way that is in use."""
    rows = _text_rows(embedder)
    run = embedder.backbone.embed if embedder.planner.shares else embedder.backbone.embed_cold
    return float((run(rows, [])[0] - embedder.backbone.embed_cold(rows[:1], [])[0]).abs().max())


def tolerance(embedder: Loaded) -> float:
    """How far two ways of computing one vector may differ: rounding in float32, much more in half precision."""
    return 1e-4 if embedder.checkpoint.placement.stored == torch.float32 else _HALF


def _saved_tolerance(embedder: Loaded) -> float:
    """How far vectors may differ from the ones saved with the model, which may have been computed in half precision."""
    return tolerance(embedder) if _saved_probes(embedder).get("exact", True) else _HALF


def _agree(one: torch.Tensor, other: torch.Tensor, limit: float) -> bool:
    return float((one - other).abs().max()) <= limit


def _text_rows(embedder: Loaded) -> list[Row]:
    """The probe texts as one batch; without the longer one where its length would change the other's places."""
    suffixes = [tuple(embedder.renderer.text(text)) for text in PROBE_TEXTS]
    limit = embedder.backbone.own_pass_length or embedder.backbone.longest
    kept = [suffix for suffix in suffixes if (len(suffix) > limit) == (len(suffixes[0]) > limit)]
    return [Row((), (suffix,), (number,)) for number, suffix in enumerate(kept)]


def examine(embedder: Loaded) -> list[Check]:
    """All checks of a loaded model, for the doctor; those of `settle` have passed when a model is loaded."""
    limit = tolerance(embedder)
    padded = padded_difference(embedder)
    checks = [
        Check("device", True, embedder.checkpoint.placement.why),
        Check("padded = single", padded <= limit, f"differs by {padded:.1e}"),
    ]
    if embedder.adapter:
        detail = (
            f"{embedder.adapter.tensors} tensors; changes a vector by {embedder.adapter.vector_change:.2g} (1 - cosine)"
        )
        checks.append(Check("adapter applied", True, detail))
    if embedder.planner.shares:
        difference = prefix_difference(embedder)
        checks.append(Check("shared image work = whole", difference <= limit, f"differs by {difference:.1e}"))
    else:
        checks.append(Check("shared image work", True, "not in this family: every prompt is computed whole"))
    saved = _saved_probes(embedder)
    if saved and not embedder.adapter:
        gallery, query = _picture_vectors(embedder)
        texts = torch.from_numpy(embedder.embed_texts(PROBE_TEXTS))
        now = torch.stack([*texts, gallery, query])
        then = torch.tensor([*saved["texts"], saved["gallery"], saved["query"]], dtype=torch.float32)
        difference = float((now - then).abs().max())
        checks.append(
            Check("probe vectors reproduced", difference <= _saved_tolerance(embedder), f"differ by {difference:.1e}")
        )
    else:
        checks.append(Check("probe vectors", True, "none saved with this model"))
    return checks
