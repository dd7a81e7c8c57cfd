"""Maps of attention equal what the stock model reports of itself, and lie where its patches lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from instructcir.errors import ImageError, InputError
from instructcir.model.attention import _prompt_ids, attention_of_last, default_layers, explain, last_row
from instructcir.model.attention_picture import draw_explanation
from instructcir.model.image_grid import PatchGrid, _by_ratio, patch_grid
from tiny_models import pictures

LLAVA = ["llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2"]
FREE = ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"]
TILED = ["idefics3", "smolvlm", "internvl"]
Named = Callable[..., Any]
TEXT = 'make it "blue", 更短'


def stock_attention(folder: Path, ids: tuple[int, ...], embedder: Any, image: Any) -> np.ndarray[Any, Any]:
    """(layers, T) of the last token, from the model's own eager attention, averaged over heads."""
    model = AutoModelForImageTextToText.from_pretrained(folder, attn_implementation="eager").eval()
    inputs = dict(image.tensors)
    names = {"mm_token_type_ids"} if "qwen" in folder.name and "vl" in folder.name else set()
    kinds = torch.isin(torch.tensor([ids]), embedder.backbone.image_token_ids).long()
    with torch.inference_mode():
        output = model(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            output_attentions=True,
            **dict.fromkeys(names, kinds),
            **inputs,
        )
    return torch.stack([layer[0, :, -1].mean(dim=0) for layer in output.attentions]).numpy()


@pytest.mark.parametrize("kind", ["query", "gallery"])
@pytest.mark.parametrize("family", ["llava-clip-llama", "llava-siglip-qwen2", "qwen2-vl", "idefics3", "internvl"])
def test_attention_is_the_stock_models(family: str, kind: Any, built: Named, loaded: Named) -> None:
    embedder = loaded(family)
    for picture in (pictures()[4], pictures()[8]):
        image = embedder.planner.prepare(picture)
        ids = _prompt_ids(embedder, image, kind, TEXT if kind == "query" else "")
        wanted = stock_attention(built(family), ids, embedder, image)
        for layers in ([0], [2], [0, 1, 2]):
            found = attention_of_last(embedder, ids, image, layers)
            assert np.abs(found - wanted[layers].mean(axis=0)).max() < 1e-5
            assert found.sum() == pytest.approx(1, abs=1e-5)


def test_the_maps_are_the_patches_attention(loaded: Named) -> None:
    embedder = loaded("qwen2-vl")
    picture = pictures()[8]
    found = explain(embedder, picture, TEXT, layers=[0, -1])
    image = embedder.planner.prepare(picture)
    ids = _prompt_ids(embedder, image, "query", TEXT)
    attention_T = attention_of_last(embedder, ids, image, [0, 2])
    on_picture = torch.isin(torch.tensor(ids), embedder.backbone.image_token_ids).numpy()
    assert found.layers == (0, 2)
    np.testing.assert_allclose(found.query_map_HW.ravel(), attention_T[on_picture])
    np.testing.assert_allclose(found.difference_HW, found.query_map_HW - found.gallery_map_HW)


@pytest.mark.parametrize("family", [*LLAVA, *FREE, *TILED])
@pytest.mark.parametrize("number", [0, 5, 6, 8])
def test_every_family_gives_maps(family: str, number: int, loaded: Named) -> None:
    found = explain(loaded(family), pictures()[number], TEXT)
    assert found.query_map_HW.shape == found.gallery_map_HW.shape
    assert found.query_map_HW.dtype == np.float32
    for values_HW, share in (
        (found.query_map_HW, found.query_share),
        (found.gallery_map_HW, found.gallery_share),
    ):
        assert (values_HW >= 0).all()
        assert 0 < share < 1
        # what an overview tile lacks, the detail tiles have
        assert values_HW.sum() == pytest.approx(share, abs=1e-5) if found.whole else values_HW.sum() < share
    assert found.layers == default_layers(3) == (1,)


def test_the_grid_follows_the_picture(loaded: Named) -> None:
    wide = explain(loaded("qwen2-vl"), Image.new("RGB", (240, 80)), "x").query_map_HW
    assert wide.shape[1] > 2 * wide.shape[0]
    assert explain(loaded("llava-clip-llama"), Image.new("RGB", (240, 80)), "x").query_map_HW.shape == (4, 4)


def test_tokens_lie_row_by_row(loaded: Named) -> None:
    # the pixels behind token 3 of row 1 are the ones at that place of the picture
    embedder = loaded("qwen2-vl")
    plain = Image.new("RGB", (140, 84), (90, 90, 90))
    before = embedder.planner.prepare(plain)
    rows, columns = patch_grid(
        _prompt_ids(embedder, before, "gallery", ""), embedder.checkpoint.processor, before
    ).shape
    assert (rows, columns) == (3, 5)
    marked = plain.copy()
    marked.paste((250, 20, 20), (3 * 28 + 6, 28 + 6, 4 * 28 - 6, 2 * 28 - 6))
    after = embedder.planner.prepare(marked)
    change = (after.tensors["pixel_values"] - before.tensors["pixel_values"]).abs().reshape(rows * columns, -1).sum(1)
    assert divmod(int(change.argmax()), columns) == (1, 3)
    assert (change > 0).sum() == 1


def test_the_picture_shown_is_the_one_seen(loaded: Named) -> None:
    halves = Image.new("RGB", (200, 100), (200, 30, 30))
    halves.paste((30, 30, 200), (100, 0, 200, 100))
    crop = explain(loaded("llava-clip-llama"), halves, "x").picture
    assert crop.size == (56, 56)
    for x, colour in ((4, (200, 30, 30)), (51, (30, 30, 200))):
        assert np.abs(np.subtract(crop.getpixel((x, 20)), colour)).max() <= 2
    assert explain(loaded("qwen2-vl"), halves, "x").picture.size == (200, 100)


def test_bad_input_is_refused(loaded: Named, tmp_path: Path) -> None:
    embedder = loaded("qwen2-vl")
    for layers in ([3], [-4], []):
        with pytest.raises(InputError, match="layers 0 to 2"):
            explain(embedder, pictures()[0], "x", layers)
    with pytest.raises(ImageError):
        explain(embedder, tmp_path / "none.png", "x")
    with pytest.raises(InputError, match="shorten it"):
        explain(embedder, pictures()[0], "word " * embedder.backbone.longest)


def test_nothing_is_watched_afterwards(loaded: Named) -> None:
    embedder = loaded("qwen2-vl")
    before = embedder.embed_texts(["a"])
    explain(embedder, pictures()[0], "x")
    np.testing.assert_array_equal(embedder.embed_texts(["a"]), before)


@pytest.mark.parametrize("mask", ["none", "additive", "boolean"])
def test_last_row_is_plain_attention(mask: str) -> None:
    generator = torch.Generator().manual_seed(3)
    query = torch.randn(1, 6, 7, 5, generator=generator)
    key = torch.randn(1, 2, 7, 5, generator=generator)
    seen = torch.ones(1, 1, 7, 7, dtype=torch.bool).tril()
    seen[..., -1, 2] = mask == "none"
    given = {"none": None, "additive": torch.zeros(seen.shape).masked_fill(~seen, -1e30), "boolean": seen}[mask]
    wanted = torch.zeros(7)
    for head in range(6):
        scores = torch.tensor([float(query[0, head, -1] @ key[0, head // 3, t]) * 0.3 for t in range(7)])
        scores[~seen[0, 0, -1]] = float("-inf")
        wanted += scores.softmax(dim=0) / 6
    torch.testing.assert_close(last_row(query, key, given, 0.3), wanted)
    torch.testing.assert_close(last_row(query, key, given, None), last_row(query, key, given, 5**-0.5))


@pytest.mark.parametrize(
    ("count", "size", "shape"), [(12, (300, 400), (3, 4)), (7, (10, 70), (1, 7)), (9, (5, 5), (3, 3))]
)
def test_rows_and_columns_by_ratio(count: int, size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert _by_ratio(count, *size) == shape


def test_a_class_token_is_no_patch() -> None:
    class Processor:
        image_token_ids = (9,)

    class Prepared:
        tensors: dict[str, torch.Tensor] = {}  # noqa: RUF012

    ids = [1, *[9] * 5, 2]
    assert patch_grid(ids, Processor, Prepared) == PatchGrid((2, 3, 4, 5), (2, 2), 5, True)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [4, 5, 6, 8])
@pytest.mark.parametrize("modification", ["", "更短 🎉 \x07\n\t ‫שלום", "word " * 200, "x" * 900])
def test_any_explanation_can_be_drawn(number: int, modification: str, loaded: Named) -> None:
    found = explain(loaded("qwen2-vl"), pictures()[number], modification)
    drawn = draw_explanation(found)
    assert drawn.mode == "RGB"
    assert 700 < drawn.width < 1400
    assert drawn.height < 800
    margins = np.concatenate([np.asarray(drawn)[:, :20].ravel(), np.asarray(drawn)[:, -20:].ravel()])
    assert (margins == 255).all()  # nothing runs over the edge
