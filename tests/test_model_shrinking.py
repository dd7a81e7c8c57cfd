"""Large pictures are prepared with fewer copies, to the very pixels that the model's own processor makes of them."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.encoding.bulk import encode_files
from instructcir.errors import ModelError
from instructcir.items import ComposedQuery
from instructcir.model import shrinking
from instructcir.model.embedder import Embedder
from instructcir.model.fingerprint import fingerprint
from instructcir.model.lookup import try_lookup
from instructcir.model.preparation import PreparedImage, prepare
from instructcir.model.shrinking import Preparation

SIZES = ((301, 200), (199, 333), (240, 240), (640, 97), (33, 21))


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(("name", "shrinks"), [("llava-clip-llama", True), ("qwen2-vl", False)])
def test_the_pixels_are_the_processors(loaded: Callable[..., Embedder], name: str, shrinks: bool) -> None:
    processor = loaded(name).checkpoint.processor
    ours = Preparation(processor)
    for size in SIZES:
        expected, found = prepare(processor, noise(*size)), ours(noise(*size))
        assert found.expansion == expected.expansion
        assert found.tensors.keys() == expected.tensors.keys()
        for one, tensor in expected.tensors.items():
            assert torch.equal(found.tensors[one], tensor), (size, one)
    assert list(ours._proved.values()) == ([True] if shrinks else [])


@pytest.mark.parametrize("size", [{"height": 24, "width": 24}, {"shortest_edge": 24}])
def test_both_plain_sizes_are_proved(loaded: Callable[..., Embedder], size: dict[str, int]) -> None:
    processor = copy.deepcopy(loaded("llava-clip-llama").checkpoint.processor)
    images: Any = processor.image_processor  # type: ignore[attr-defined]
    images.size = type(images.size)(**size) if not isinstance(images.size, dict) else size
    ours = Preparation(processor)
    for width, height in SIZES:
        expected, found = prepare(processor, noise(width, height)), ours(noise(width, height))
        assert torch.equal(found.tensors["pixel_values"], expected.tensors["pixel_values"])
    assert list(ours._proved.values()) == [True]


def test_a_processor_that_tells_the_original_size_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def told(_: Any, image: Image.Image) -> PreparedImage:
        seen.append(image.size)
        small = torch.from_numpy(np.array(image.resize((8, 8), Image.Resampling.BICUBIC)))
        return PreparedImage({"pixel_values": small[None], "image_sizes": torch.tensor([image.size])}, "<image>")

    monkeypatch.setattr(shrinking, "prepare", told)
    settings = SimpleNamespace(size={"height": 8, "width": 8}, do_resize=True, resample=3)
    ours = Preparation(SimpleNamespace(image_processor=settings))  # type: ignore[arg-type]
    assert ours(noise(90, 70)).tensors["image_sizes"].tolist() == [[90, 70]]
    assert list(ours._proved.values()) == [False]
    assert seen[-1] == (90, 70)


def with_gap(loaded: Callable[..., Embedder], gap: Any, **size: int) -> Any:
    processor: Any = copy.deepcopy(loaded("llava-clip-llama").checkpoint.processor)
    processor.image_processor.reducing_gap = gap
    if size:
        processor.image_processor.size = size
    return processor


def smooth(width: int, height: int) -> Image.Image:
    return noise(width // 16, height // 16).resize((width, height), Image.Resampling.BICUBIC)


def test_a_table_gives_the_processors_very_numbers() -> None:
    wanted = np.random.default_rng(3).normal(size=(3, 256)).astype(np.float32)

    def own(image: Image.Image) -> PreparedImage:
        values = np.stack([wanted[c][np.asarray(image)[:, :, c]] for c in range(3)])
        return PreparedImage({"pixel_values": torch.from_numpy(values)[None]}, "<image>" * 4)

    lookup = try_lookup(own, (21, 17))
    assert lookup is not None
    found, expected = lookup(noise(21, 17)), own(noise(21, 17))
    assert found.expansion == expected.expansion
    assert torch.equal(found.tensors["pixel_values"], expected.tensors["pixel_values"])


def test_what_is_no_table_is_left_to_the_processor() -> None:
    def by_place(image: Image.Image) -> PreparedImage:
        values = torch.from_numpy(np.asarray(image).astype(np.float32)).permute(2, 0, 1)[None].clone()
        values[..., -1] += values[..., 0]
        return PreparedImage({"pixel_values": values}, "<image>")

    def told(image: Image.Image) -> PreparedImage:
        values = torch.from_numpy(np.asarray(image).astype(np.float32)).permute(2, 0, 1)[None]
        return PreparedImage({"pixel_values": values, "image_sizes": torch.tensor([image.size])}, "<image>")

    assert try_lookup(by_place, (20, 20)) is None
    assert try_lookup(told, (20, 20)) is None
    assert try_lookup(told, (15, 17)) is None  # 255 pixels


def test_a_gap_says_how_many_pixels_are_needed(loaded: Callable[..., Embedder]) -> None:
    assert Preparation(with_gap(loaded, None)).min_side is None
    assert Preparation(with_gap(loaded, 2.0, height=24, width=24)).min_side == 48
    assert Preparation(with_gap(loaded, 1.7, height=24, width=30)).min_side == 51
    assert Preparation(with_gap(loaded, 2.5, shortest_edge=25)).min_side == 63
    free: Any = copy.deepcopy(loaded("qwen2-vl").checkpoint.processor)
    free.image_processor.reducing_gap = 2.0
    assert Preparation(free).min_side is None


@pytest.mark.parametrize("gap", [True, 0.9, "2", float("nan"), float("inf")])
def test_a_gap_that_is_no_gap_is_refused(loaded: Callable[..., Embedder], gap: Any) -> None:
    with pytest.raises(ModelError, match="reducing_gap"):
        Preparation(with_gap(loaded, gap))


def test_with_a_gap_large_pictures_are_reduced_first_and_others_are_within_one_level_of_their_exact_values(
    loaded: Callable[..., Embedder],
) -> None:
    processor = with_gap(loaded, 2.0, height=24, width=24)
    ours = Preparation(processor)
    large, small = smooth(480, 336), smooth(90, 80)
    resample = Image.Resampling(int(processor.image_processor.resample))
    expected = prepare(processor, large.resize((24, 24), resample, reducing_gap=2.0)).tensors["pixel_values"]
    exact = prepare(processor, large).tensors["pixel_values"]
    found = ours(large).tensors["pixel_values"]
    assert torch.equal(found, expected)
    assert 0 < float((found - exact).abs().mean()) < 0.02
    one_level = 1.001 / 255 / min(processor.image_processor.image_std)
    off = (ours(small).tensors["pixel_values"] - prepare(processor, small).tensors["pixel_values"]).abs()
    assert float(off.max()) <= one_level
    assert float((off > 0).float().mean()) < 0.03


def test_a_file_has_one_vector_whatever_the_entrance(
    built: Callable[..., Path], loaded: Callable[..., Embedder], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(built("llava-clip-llama"), folder)
    settings = folder / "preprocessor_config.json"
    kept = json.loads(settings.read_text(encoding="utf-8"))
    settings.write_text(json.dumps(kept | {"reducing_gap": 2.0}), encoding="utf-8")
    embedder = Embedder.load(folder, "cpu")
    least = embedder.min_side
    assert least is not None
    photo, turned = tmp_path / "photo.jpg", Image.Exif()
    turned[0x0112] = 6
    smooth(16 * least, 12 * least).save(photo, quality=90, exif=turned)
    assert embedder.planner.opened(photo).size == (-(-12 * least // 8), 2 * least)
    query = ComposedQuery(photo, "make it blue")
    [indexed] = encode_files(embedder, [str(photo)], on_bad=pytest.fail)
    assert (indexed.facts.width, indexed.facts.height) == (12 * least, 16 * least)
    by_path, by_query = embedder.embed_images([photo])[0], embedder.embed_queries([query])[0]
    reference = embedder.reference(photo)
    np.testing.assert_allclose(indexed.vector, by_path, atol=1e-6)
    np.testing.assert_allclose(embedder.embed_images([photo.read_bytes()])[0], by_path, atol=1e-6)
    np.testing.assert_allclose(reference.gallery(), by_path, atol=1e-5)
    np.testing.assert_allclose(reference.embed(["make it blue"])[0], by_query, atol=1e-5)
    exact = loaded("llava-clip-llama")
    assert np.abs(exact.embed_images([photo])[0] - by_path).max() > 1e-6  # it was not decoded whole
    assert fingerprint(embedder) != fingerprint(exact)
    embedder.save(tmp_path / "saved")
    assert Embedder.load(tmp_path / "saved", "cpu").min_side == least
