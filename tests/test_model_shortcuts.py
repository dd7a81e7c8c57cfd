"""Work that is left out changes no vector: the last layer where it is read only, the vision layers nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText

from instructcir.errors import ModelError
from instructcir.model.embedder import Embedder
from instructcir.model.packing import Row
from instructcir.model.shortcuts import LastLayer, by_products, skip_unused_vision_layers
from tiny_models import FAMILIES, pictures

NAMES = [*(name for name in FAMILIES if name != "mistral3"), "released"]
CLOSE = {"atol": 1e-5, "rtol": 0}


def decoder_inputs(embedder: Embedder) -> dict[str, Any]:
    """Two rows of random states with a causal mask, one padded: what any decoder of transformers takes."""
    backbone = embedder.backbone
    noise = torch.randn(2, 9, backbone.dimension, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(2, 1, 9, 9).masked_fill(~torch.ones(9, 9, dtype=torch.bool).tril(), torch.finfo().min)
    mask[1, :, :, 7:] = torch.finfo().min
    places = torch.arange(9).expand(2, -1)
    return {"inputs_embeds": noise, "attention_mask": mask, "position_ids": places, "use_cache": False}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("read", [[[8], [6]], [[0, 4, 8], [6, 6, 1]]], ids=["one", "several"])
@torch.inference_mode()
def test_states_read_equal_those_of_the_whole_layer(
    name: str, read: list[list[int]], loaded: Callable[..., Embedder]
) -> None:
    backbone = loaded(name).backbone
    inputs = decoder_inputs(loaded(name))
    places = torch.tensor(read)
    whole = backbone.decoder(**inputs).last_hidden_state
    with backbone._last_layer.reading(places):
        states = backbone.decoder(**inputs).last_hidden_state
    assert states.shape == (*places.shape, backbone.dimension)
    expected = torch.stack([whole[row, places[row]] for row in range(2)])
    torch.testing.assert_close(states, expected, **CLOSE)
    torch.testing.assert_close(backbone.decoder(**inputs).last_hidden_state, whole, atol=0, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_reading_nothing_gives_no_states(name: str, loaded: Callable[..., Embedder]) -> None:
    backbone = loaded(name).backbone
    with backbone._last_layer.reading(torch.zeros(2, 0, dtype=torch.long)):
        states = backbone.decoder(**decoder_inputs(loaded(name))).last_hidden_state
    assert states.shape == (2, 0, backbone.dimension)


@torch.inference_mode()
def test_a_prefix_keeps_the_keys_and_values_that_the_models_own_pass_keeps(loaded: Callable[..., Embedder]) -> None:
    embedder = loaded("llava-clip-llama")
    backbone, image = embedder.backbone, embedder.planner.prepare(pictures()[0])
    prefix = embedder.renderer.prefix("query", image.expansion).ids
    state = backbone.start(prefix, image)
    own = backbone.base(input_ids=torch.tensor([prefix]), use_cache=True, **image.tensors).past_key_values
    for kept, layer in zip(state.layers, own.layers, strict=True):
        torch.testing.assert_close(kept[0], layer.keys, **CLOSE)
        torch.testing.assert_close(kept[1], layer.values, **CLOSE)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "released"])  # whose names are not transformers'
def test_weights_and_their_names_stay_as_they_were_saved(
    name: str, loaded: Callable[..., Embedder], built: Callable[..., Path]
) -> None:
    loaded(name).embed_images(pictures()[:2])
    plain = AutoModelForImageTextToText.from_pretrained(built(name)).state_dict()
    ours = loaded(name).checkpoint.model.state_dict()
    assert ours.keys() == plain.keys()
    assert all(torch.equal(ours[key], plain[key]) for key in plain)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("released", "gemma3")])
@torch.inference_mode()
def test_the_models_own_forward_pass_is_as_before(
    name: str, loaded: Callable[..., Embedder], built: Callable[..., Path]
) -> None:
    embedder = loaded(name)
    plain = AutoModelForImageTextToText.from_pretrained(built(name)).eval()
    image = embedder.planner.prepare(pictures()[0])
    ids = torch.tensor([embedder.renderer.prefix("query", image.expansion).ids])
    inputs = {name: image.tensors[name] for name in image.tensors.keys() & embedder.backbone._takes}
    if "mm_token_type_ids" in embedder.backbone._takes:
        inputs["mm_token_type_ids"] = torch.isin(ids, embedder.backbone.image_token_ids).int()
    ours, theirs = (model(input_ids=ids, **inputs).logits for model in (embedder.checkpoint.model, plain))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)  # logits are some twenty times a vector's entries


def test_after_an_error_inside_the_model_is_whole_again(loaded: Callable[..., Embedder]) -> None:
    embedder = loaded("llava-clip-llama")
    before = embedder.embed_texts(["a"])
    with pytest.raises(IndexError), embedder.backbone._last_layer.reading(torch.tensor([[3]])):
        raise IndexError
    inputs = decoder_inputs(embedder)
    with torch.inference_mode():
        assert embedder.backbone.decoder(**inputs).last_hidden_state.shape[1] == 9
    assert (embedder.embed_texts(["a"]) == before).all()


def test_a_last_layer_with_attention_of_its_own_is_refused_in_words(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(built("llava-clip-llama")).eval()
    decoder = model.base_model.get_decoder()
    last = LastLayer(decoder)
    monkeypatch.setattr(decoder.layers[-1].self_attn, "forward", lambda hidden_states, **_: (hidden_states, None))
    with (
        torch.inference_mode(),
        last.reading(torch.tensor([[1]])),
        pytest.raises(ModelError, match="attention interface"),
    ):
        decoder(input_ids=torch.tensor([[1, 2, 3]]), use_cache=False)


@pytest.mark.parametrize("layers", [-1, -2, 1, 2, 3, [-2, -1], [1, -2], [0, 1]], ids=str)
@pytest.mark.parametrize("name", ["llava-clip-llama", "llava-siglip-qwen2"])
@torch.inference_mode()
def test_only_vision_layers_after_the_last_one_read_are_skipped(
    name: str, layers: int | list[int], built: Callable[..., Path]
) -> None:
    folder = built(name, vision={"num_hidden_layers": 3}, vision_feature_layer=layers)
    base = AutoModelForImageTextToText.from_pretrained(folder).eval().base_model
    pixels = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    whole = base.get_image_features(pixels, return_dict=True).pooler_output
    read = {-1: 3, -2: 2, 1: 1, 2: 2, 3: 3, 0: 0}
    expected = 3 - (read[layers] if isinstance(layers, int) else max(read[layer] for layer in layers))
    assert skip_unused_vision_layers(base) == expected
    ran: list[int] = []
    for number, layer in enumerate(base.vision_tower.encoder.layers):
        layer.mlp.register_forward_hook(lambda *_, number=number: ran.append(number))
    torch.testing.assert_close(base.get_image_features(pixels, return_dict=True).pooler_output, whole, **CLOSE)
    assert ran == list(range(3 - expected))


@pytest.mark.parametrize("name", [name for name in NAMES if "llava" not in name and name != "released"])
def test_towers_that_are_read_at_their_end_lose_no_layer(name: str, loaded: Callable[..., Embedder]) -> None:
    assert loaded(name).backbone.skipped_vision_layers == 0


def test_several_reads_of_one_row_equal_rows_of_their_own(loaded: Callable[..., Embedder]) -> None:
    backbone = loaded("qwen2-vl").backbone
    suffixes = ((5, 6, 7), (8,), (9, 10))
    together = backbone.embed([Row((1, 2, 3), suffixes, (0, 1, 2))], [])[0]
    apart = torch.cat([backbone.embed_cold([Row((1, 2, 3), (suffix,), (0,))], [])[0] for suffix in suffixes])
    torch.testing.assert_close(together, apart, **CLOSE)


@pytest.mark.parametrize("heads", [6, 2])
def test_attention_by_products_is_torchs_with_its_gradients(heads: int) -> None:
    rng = torch.Generator().manual_seed(0)
    mask = torch.zeros(2, 1, 9, 9).masked_fill(~torch.ones(9, 9, dtype=torch.bool).tril(), torch.finfo().min)
    drawn = [torch.randn(2, count, 9, 8, generator=rng) for count in (6, heads, heads)]
    ours, theirs = ([tensor.clone().requires_grad_() for tensor in drawn] for _ in range(2))
    found = by_products(*ours, mask)
    expected = torch.nn.functional.scaled_dot_product_attention(*theirs, attn_mask=mask, enable_gqa=True)
    torch.testing.assert_close(found, expected.transpose(1, 2), **CLOSE)
    for states in (found, expected.transpose(1, 2)):
        states.pow(2).sum().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, **CLOSE)


@pytest.mark.parametrize("count", [9, 32])  # torch's softmax is taken by way of float32, and as it is
def test_attention_by_products_in_bfloat16_is_near_and_finite_where_a_row_has_no_keys(count: int) -> None:
    rng = torch.Generator().manual_seed(1)
    mask = torch.zeros(2, 1, count, count)
    mask[:, :, :2] = torch.finfo().min  # these two attend to nothing
    mask[:, :, 2:, 5:] = torch.finfo().min
    drawn = [torch.randn(2, 6, count, 8, generator=rng) for _ in range(3)]
    exact, mixed = ([tensor.clone().requires_grad_() for tensor in drawn] for _ in range(2))
    expected = by_products(*exact, mask)
    with torch.autocast("cpu", torch.bfloat16):
        found = by_products(*mixed, mask)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.02)
    for states in (found.float(), expected):
        states.pow(2).sum().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(mixed, exact, strict=True):
        assert one.grad is not None
        assert one.grad.dtype == torch.float32
        torch.testing.assert_close(one.grad, other.grad, atol=0.1, rtol=0.05)


@pytest.fixture
def by_products_used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of scores each time that attention is computed by products."""
    used: list[int] = []

    def watched(query: torch.Tensor, key: torch.Tensor, *args: Any) -> torch.Tensor:
        used.append(query.shape[:-1].numel() * key.shape[-2])
        return by_products(query, key, *args)

    monkeypatch.setattr("instructcir.model.shortcuts.by_products", watched)
    return used


def test_attention_by_products_is_for_bfloat16_alone(
    loaded: Callable[..., Embedder], monkeypatch: pytest.MonkeyPatch, by_products_used: list[int]
) -> None:
    backbone = loaded(NAMES[0]).backbone
    inputs = decoder_inputs(loaded(NAMES[0]))
    exact = backbone.decoder(**inputs).last_hidden_state
    with torch.no_grad():
        backbone.decoder(**inputs)
    assert not by_products_used
    monkeypatch.setattr("instructcir.model.shortcuts._SHORT", 0)  # then for gradients alone
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        backbone.decoder(**inputs)
    assert not by_products_used
    with torch.autocast("cpu", torch.bfloat16):
        mixed = backbone.decoder(**inputs).last_hidden_state
    assert by_products_used
    torch.testing.assert_close(mixed.float(), exact, atol=0.1, rtol=0)


def test_short_rows_in_bfloat16_take_products_and_long_ones_do_not(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, by_products_used: list[int]
) -> None:
    monkeypatch.setattr("instructcir.model.placement.processor_multiplies_bfloat16", lambda: True)
    embedder = Embedder.load(built(NAMES[0]), "cpu", "bfloat16")
    decoder, inputs = embedder.backbone.decoder, decoder_inputs(embedder)
    inputs |= {name: inputs[name].bfloat16() for name in ("inputs_embeds", "attention_mask")}
    del by_products_used[:]
    with torch.inference_mode():
        short = decoder(**inputs).last_hidden_state
        assert by_products_used
        monkeypatch.setattr("instructcir.model.shortcuts._SHORT", max(by_products_used) - 1)
        del by_products_used[:]
        long = decoder(**inputs).last_hidden_state
    assert not by_products_used
    torch.testing.assert_close(short.float(), long.float(), atol=0.1, rtol=0)
