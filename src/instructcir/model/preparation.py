"""A model's own image preparation, with Pillow alone: its processor assembled from its parts, torchvision or not.

Some processors cannot be constructed without torchvision, for their video part's sake. Pictures never need that part,
so the processor's own class is used with the type check of the video part left out. The Pillow image processors are
used everywhere, also beside torchvision, so that a model gives the same pixels on every machine.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoImageProcessor, PreTrainedTokenizerBase, ProcessorMixin
from transformers.models.auto.auto_mappings import PROCESSOR_MAPPING_NAMES
from transformers.models.auto.configuration_auto import model_type_to_module_name

from instructcir.errors import DependencyError, ImageError, InputError, ModelError
from instructcir.images import source_of
from instructcir.model.reading import first_line, read_json

_NOT_PIXELS = {"input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids", "text_replacement_offsets"}


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A picture as its model wants it.

    Attributes:
        tensors: the processor's outputs for this one picture, with leading dimension 1 or its number of patches.
        expansion: the text that the picture's placeholder becomes.
    """

    tensors: dict[str, torch.Tensor]
    expansion: str

    @property
    def signature(self) -> tuple[Any, ...]:
        """What two pictures must share to be put in one batch: names and all dimensions but the first."""
        return tuple((name, tuple(tensor.shape[1:])) for name, tensor in sorted(self.tensors.items()))

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


def load_processor(folder: Path, config: Any, tokenizer: PreTrainedTokenizerBase) -> ProcessorMixin:
    """The folder's processor, without its video part where torchvision is missing.

    Args:
        folder: a model folder.
        config: its transformers configuration.
        tokenizer: its tokenizer.

    Raises:
        ModelError: the folder has no image processor or an unknown processor class.
    """
    cls = _processor_class(folder, config)
    try:
        image_processor = AutoImageProcessor.from_pretrained(
            folder, backend="pil", local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder}: no usable image processor ({first_line(error)})") from error

    class Pictures(cls):  # type: ignore[misc, valid-type]
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument is None:
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    Pictures.__name__ = Pictures.__qualname__ = cls.__name__
    parts = {"tokenizer": tokenizer, "image_processor": image_processor}
    try:
        settings, _ = cls.get_processor_dict(str(folder), local_files_only=True)
        settings.setdefault("chat_template", None)
        processor = Pictures.from_args_and_dict([parts.get(name) for name in cls.get_attributes()], settings)
    except ImportError as error:
        raise DependencyError(f"{folder}: {first_line(error)}") from error
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder}: cannot assemble {cls.__name__} ({first_line(error)})") from error
    _fill_from_config(processor, config)
    if getattr(processor, "image_token", None) is None:
        raise ModelError(f"{folder}: {cls.__name__} names no image token; this model takes no pictures in a chat")
    return processor  # type: ignore[no-any-return]


def _processor_class(folder: Path, config: Any) -> type[ProcessorMixin]:
    """The class that the folder's files name, or the one of its model type."""
    names = [PROCESSOR_MAPPING_NAMES.get(config.model_type)]
    for file in ("tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        path = folder / file
        if path.exists():
            names.insert(0, read_json(path).get("processor_class"))
    for name in filter(None, names):
        # from its own module: the package's top level hides classes that say they need torchvision
        for package in [
            model_type_to_module_name(kind) for kind, cls in PROCESSOR_MAPPING_NAMES.items() if cls == name
        ]:
            if importlib.util.find_spec(f"transformers.models.{package}.processing_{package}"):
                return _imported(f"transformers.models.{package}.processing_{package}", name)
    raise ModelError(
        f"{folder}: transformers has no processor for pictures and text of model type {config.model_type!r}"
    )


def _imported(module: str, name: str) -> type[ProcessorMixin]:
    try:
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    except ImportError as error:
        raise DependencyError(f"{name} needs a package that is missing ({first_line(error)}): install it") from error


def _fill_from_config(processor: Any, config: Any) -> None:
    """Older LLaVA folders leave to the model's configuration what the processor needs to count image tokens."""
    if not hasattr(processor, "patch_size") or processor.patch_size is not None:
        return
    processor.patch_size = config.vision_config.patch_size
    processor.vision_feature_select_strategy = config.vision_feature_select_strategy
    # towers with a class token give one feature more than patches; "default" drops that one again
    processor.num_additional_image_tokens = int(config.vision_feature_select_strategy == "default")


def limit_pixels(processor: Any, most: int) -> None:
    """Set the pixel budget of a model that takes pictures at their own size; it is saved with the model.

    Args:
        processor: the model's processor, changed in place.
        most: pictures with more pixels are shrunk to about so many, their shape kept.

    Raises:
        InputError: the model takes all pictures at one size, or the budget is below its least.
    """
    images = processor.image_processor
    if "max_pixels" not in getattr(type(images).valid_kwargs, "__annotations__", {}):
        raise InputError(f"{type(images).__name__} has no pixel budget: it brings every picture to sizes of its own")
    least = images.size["shortest_edge"]
    if most < least:
        raise InputError(f"a pixel budget of {most:,} is below the model's least, {least:,}")
    images.size["longest_edge"] = most


def prepare(processor: ProcessorMixin, image: Image.Image) -> PreparedImage:
    """Pixels and placeholder text of one RGB picture.

    Raises:
        ImageError: the processor refuses the picture; Qwen's, for one, takes none of an extreme shape.
        ModelError: the processor does not say what the placeholder becomes.
    """
    token = processor.image_token  # type: ignore[attr-defined]
    try:
        batch = processor(
            images=[image],
            text=[token],
            return_tensors="pt",
            add_special_tokens=False,
            return_text_replacement_offsets=True,
        )
    except ValueError as error:
        said = f"the model's own preparation refuses a picture of {image.width} x {image.height}: {error}"
        raise ImageError(source_of(image), said) from error
    offsets = batch.get("text_replacement_offsets")
    if not offsets:
        raise ModelError(f"{type(processor).__name__} does not say what its image placeholder becomes")
    tensors = {name: value for name, value in batch.items() if name not in _NOT_PIXELS and torch.is_tensor(value)}
    return PreparedImage(tensors, offsets[0][0]["replacement"])
