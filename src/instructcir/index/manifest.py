"""What an index says about itself: which model made it, how it asks and prepares, and vectors to prove it by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from instructcir.errors import StoreError
from instructcir.files import write_atomic
from instructcir.index.table import PictureTable
from instructcir.index.vectors import Storage
from instructcir.remote import Place
from instructcir.version import __version__

if TYPE_CHECKING:
    from instructcir.model.embedder import Embedder

MANIFEST = "manifest.json"
FORMAT = 1
_AGREE = 0.995
"""Cosine from which on a probe counts as reproduced: number types and devices differ by less, other weights by more."""


@dataclass(frozen=True)
class Identity:
    """A model as an index knows it.

    Attributes:
        model: name or folder to load it by.
        fingerprint: hash of all that a vector depends on.
        prompts: what it is asked about each kind of input.
        pixels: how it prepares pictures.
        dimension: D.
        probes: vectors (D,) of fixed inputs: two texts, a gallery image and a composed query.
    """

    model: str
    fingerprint: str
    prompts: dict[str, Any]
    pixels: dict[str, Any]
    dimension: int
    probes: list[list[float]]


@dataclass(frozen=True)
class Manifest:
    """The file `manifest.json` of an index.

    Attributes:
        identity: of the model that made it.
        storage: how its vectors are stored.
        folders: that were indexed, absolute.
        created: when, in UTC.
        version: of this package that made it.
        format: of the index.
        data: the folder below the index's own in which its table lies; empty where it lies in the index's own.
    """

    identity: Identity
    storage: Storage
    folders: tuple[str, ...]
    created: str
    version: str = __version__
    format: int = FORMAT
    data: str = ""

    @classmethod
    def new(cls, identity: Identity, storage: Storage) -> Self:
        """The manifest of an index that holds nothing yet."""
        return cls(identity, storage, (), datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, folder: Place) -> Self:
        """Read an index's manifest.

        Raises:
            StoreError: there is none, or it is not understood.
        """
        path = folder / MANIFEST
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise StoreError(f"{path}: format {values['format']}, this version reads {FORMAT}; index anew")
            return cls(**{**values, "identity": Identity(**values["identity"]), "folders": tuple(values["folders"])})
        except FileNotFoundError:
            raise StoreError(f"{folder}: no index there; make one first, or name another folder") from None
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: is no manifest of an index ({error}); index anew, into another name") from error

    def write(self, folder: Place) -> None:
        """Write it, complete or not at all.

        Raises:
            InputError: the disk refuses.
        """
        write_atomic(folder / MANIFEST, json.dumps(asdict(self), indent=2, default=str) + "\n")

    def home(self, folder: Place) -> Place:
        """Where the table of the index in this folder lies."""
        return folder / self.data if self.data else folder

    def with_folders(self, folders: Sequence[str]) -> Manifest:
        """The same with more folders."""
        return replace(self, folders=tuple(sorted({*self.folders, *folders})))


def exists(folder: Place) -> bool:
    """Whether an index lies in this folder."""
    return (folder / MANIFEST).is_file()


def open_table(folder: Place) -> PictureTable:
    """The newest version of an index's table.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return PictureTable.open(Manifest.read(folder).home(folder))


def identity_of(embedder: Embedder, name: str) -> Identity:
    """What an index must know of a model: all its weights are hashed, and four probes embedded.

    Args:
        embedder: the model.
        name: by which it can be loaded again; made absolute if it is a folder's.
    """
    from instructcir.model.fingerprint import fingerprint

    checkpoint = embedder.checkpoint
    pixels = json.loads(json.dumps(checkpoint.processor.image_processor.to_dict(), default=str))
    again = str(Path(name).expanduser().resolve()) if Path(name).expanduser().is_dir() else name
    prompts = checkpoint.prompts.to_dict()
    return Identity(again, fingerprint(embedder), prompts, pixels, embedder.dimension, probes_of(embedder))


def probes_of(embedder: Embedder) -> list[list[float]]:
    """Vectors of fixed inputs: two texts, a gallery image, a composed query."""
    from instructcir.model.checks import probe_vectors

    made = probe_vectors(embedder)
    return [*made["texts"], made["gallery"], made["query"]]


def check_same_model(folder: Place, kept: Identity, model: str, probes: Sequence[Sequence[float]]) -> None:
    """Refuse a model that does not reproduce the vectors of the one that made an index.

    Raises:
        StoreError: naming both models and what to do.
    """
    then, now = _matrix(kept.probes), _matrix(probes)
    remedy = "use the model that made it, or index anew with `instructcir reindex`"
    if then.shape != now.shape:
        raise StoreError(
            f"{folder}: made by {kept.model} with {then.shape[1]} dimensions, {model} has {now.shape[1]}; {remedy}"
        )
    lowest = float((then * now).sum(axis=1).min())
    if not lowest >= _AGREE:  # NaN too
        raise StoreError(
            f"{folder}: made by {kept.model}; {model} does not reproduce its vectors (cosine {lowest:.4f}): "
            f"other weights, prompts or pixels; {remedy}"
        )


def _matrix(probes: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    made = np.atleast_2d(np.asarray(probes, dtype=np.float64))
    lengths = np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)
    unit: npt.NDArray[np.float64] = made / lengths
    return unit
