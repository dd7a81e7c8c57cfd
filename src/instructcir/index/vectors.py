"""Vectors as they are stored: half precision, or eight bits a number with one scale a vector.

Shape letters: N vectors, D dimensions.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instructcir.errors import InputError

Storage: TypeAlias = Literal["float16", "int8"]
Floats = npt.NDArray[np.float32]
_STEPS = 127


def checked_storage(name: str) -> Storage:
    """The name as a `Storage`.

    Raises:
        InputError: it is none.
    """
    for storage in get_args(Storage):
        if name == storage:
            return storage  # type: ignore[no-any-return]
    raise InputError(f"{name}: no way to store vectors; choose {' or '.join(get_args(Storage))}")


def vector_type(storage: Storage, dimension: int) -> Any:
    """The column type of stored vectors."""
    return pa.list_(pa.float16() if storage == "float16" else pa.int8(), dimension)


def pack(vectors_ND: Floats, storage: Storage) -> tuple[Any, Any]:
    """Unit vectors as two columns: the numbers, and each vector's scale (1 in half precision)."""
    scales_N = np.ones(len(vectors_ND), dtype=np.float32)
    if storage == "float16":
        numbers_ND: npt.NDArray[Any] = vectors_ND.astype(np.float16)
    else:
        scales_N = np.maximum(np.abs(vectors_ND).max(axis=1), 1e-12).astype(np.float32) / _STEPS
        numbers_ND = np.rint(vectors_ND / scales_N[:, None]).astype(np.int8)
    flat = pa.array(numbers_ND.reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors_ND.shape[1]), pa.array(scales_N)


def unpack(vectors: Any, scales: Any) -> Floats:
    """Stored columns (chunked arrays) as unit vectors (N, D) float32; rounding of the length is taken back."""
    dimension = vectors.type.list_size
    flat = np.concatenate([chunk.flatten().to_numpy(zero_copy_only=False) for chunk in vectors.chunks] or [[]])
    made_ND: Floats = flat.reshape(-1, dimension).astype(np.float32) * scales.to_numpy()[:, None]
    lengths_N = np.linalg.norm(made_ND, axis=1, keepdims=True)
    np.divide(made_ND, lengths_N, out=made_ND, where=lengths_N > 0)
    return made_ND
