"""Vectors of a benchmark's pictures and queries: checked, of unit length, found by id; read from files made elsewhere.

Shape letters: N pictures, R query vectors, Q queries, D dimensions.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.reading import plain_id
from instructcir.errors import InputError
from instructcir.files import PathLike

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

COMBINED = ""
"""The variant of query vectors that stand for the official wording as a whole."""
_ROWS_AT_ONCE = 16384
_NEEDED = ("gallery_ids", "gallery_vectors", "query_ids", "query_vectors")


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkVectors:
    """Unit vectors by id.

    Attributes:
        gallery: name -> row of `gallery_ND`.
        gallery_ND: vectors of pictures.
        queries: (query id, variant) -> row of `queries_RD`.
        queries_RD: vectors of queries.
        official_wording: the variants that COMBINED stands for.
    """

    gallery: Mapping[str, int]
    gallery_ND: Floats
    queries: Mapping[tuple[str, str], int]
    queries_RD: Floats
    official_wording: tuple[str, ...]

    def rows(self, names: Sequence[str]) -> Indices:
        """Where pictures stand in `gallery_ND`; -1 for one that has no vector."""
        return np.array([self.gallery.get(name, -1) for name in names], dtype=np.int64)

    def has(self, query: str, wording: tuple[str, ...]) -> bool:
        """Whether there is a vector of a query in this wording."""
        return bool(self._rows_of(query, wording))

    def worded(self, queries: Sequence[str], wording: tuple[str, ...]) -> Floats:
        """Vectors (Q, D) of queries in a wording: the mean of its variants' unit vectors, made unit length again.

        Raises:
            InputError: a query has none (`has`), or the vectors of a query cancel each other out.
        """
        found = np.zeros((len(queries), self.queries_RD.shape[1]), dtype=np.float32)
        for vector_D, query in zip(found, queries, strict=True):
            rows = self._rows_of(query, wording)
            if not rows:
                raise InputError(f"query {query} has no vector of {' and '.join(wording)}")
            vector_D += self.queries_RD[rows].mean(axis=0)
        return unit(found, queries, "query")

    def asked(self, queries: Sequence[str], queries_QD: Floats) -> BenchmarkVectors:
        """The same pictures, with other vectors of queries for the official wording.

        Args:
            queries: ids.
            queries_QD: their unit vectors.
        """
        keys = {(query, COMBINED): row for row, query in enumerate(queries)}
        return BenchmarkVectors(self.gallery, self.gallery_ND, keys, queries_QD, self.official_wording)

    def _rows_of(self, query: str, wording: tuple[str, ...]) -> list[int]:
        rows = [self.queries.get((query, variant), -1) for variant in wording]
        if wording == self.official_wording and min(rows) < 0:
            rows = [self.queries.get((query, COMBINED), -1)]
        return rows if min(rows) >= 0 else []


def read_vectors(path: PathLike, benchmark: Benchmark) -> BenchmarkVectors:
    """Vectors from an .npz file; docs/formats.md describes it.

    Args:
        path: the file.
        benchmark: whose ids the file uses; they may be numbers or text.

    Returns:
        The vectors, divided by their lengths. What is missing is found out when it is needed.

    Raises:
        InputError: the file cannot be read or lacks an array; shapes or dimensions do not match; an id is unknown or
            comes twice; a vector holds NaN or infinity, or is zero.
    """
    arrays = _arrays(Path(path))
    gallery_ND, queries_RD = (_matrix(arrays, f"{kind}_vectors", path) for kind in ("gallery", "query"))
    if gallery_ND.shape[1] != queries_RD.shape[1]:
        raise InputError(
            f"{path}: gallery_vectors have {gallery_ND.shape[1]} dimensions and query_vectors {queries_RD.shape[1]}; "
            "make both with one model"
        )
    names = _ids(arrays, "gallery_ids", len(gallery_ND), path, benchmark.pictures, f"a picture of {_of(benchmark)}")
    gallery = _distinct(names, "gallery_ids", path)
    known = {query.id: query for part in benchmark.parts for query in part.queries}
    queries = _ids(arrays, "query_ids", len(queries_RD), path, known, f"a query of {_of(benchmark)}")
    unit(gallery_ND, names, f"{path}: gallery", in_place=True)
    unit(queries_RD, queries, f"{path}: query", in_place=True)
    wording = benchmark.official_wording
    if "query_variants" not in arrays:
        keys, queries_RD = _combined(queries, queries_RD, len(wording), path)
        return BenchmarkVectors(gallery, gallery_ND, keys, queries_RD, wording)
    variants = [str(variant) for variant in arrays["query_variants"]]
    if len(variants) != len(queries):
        raise InputError(f"{path}: {len(variants)} query_variants for {len(queries)} query_ids; give one each")
    keyed: dict[tuple[str, str], int] = {}
    for row, (query, variant) in enumerate(zip(queries, variants, strict=True)):
        if variant not in known[query].modifications:
            there = ", ".join(known[query].modifications)
            raise InputError(f"{path}: query_variants[{row}] is {variant!r}; {benchmark.title} has {there}")
        if (query, variant) in keyed:
            raise InputError(f"{path}: query {query}, variant {variant}, comes twice (row {row}); keep one")
        keyed[query, variant] = row
    return BenchmarkVectors(gallery, gallery_ND, keyed, queries_RD, wording)


def unit(vectors: Floats, ids: Sequence[str], what: str, *, in_place: bool = False) -> Floats:
    """Vectors divided by their lengths.

    Args:
        vectors: (N, D).
        ids: of the rows, for messages.
        what: they are of, for messages.
        in_place: overwrite the argument.

    Raises:
        InputError: one holds NaN or infinity, or is zero.
    """
    result = vectors if in_place else np.empty_like(vectors)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        piece = slice(start, start + _ROWS_AT_ONCE)
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors[piece], vectors[piece], dtype=np.float64))
        bad = ~np.isfinite(lengths) | (lengths == 0)
        if bad.any():
            row = start + int(np.argmax(bad))
            why = "is zero" if lengths[row - start] == 0 else "holds NaN or infinity"
            raise InputError(f"{what} vector {row} ({ids[row]}) {why}; encode it again")
        np.divide(vectors[piece], lengths[:, None], out=result[piece], casting="same_kind")
    return result


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as stream:  # opened here: numpy leaves a broken archive open
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InputError(f"{path}: one array, not an .npz archive of several; docs/formats.md says which")
            missing = [name for name in _NEEDED if name not in file.files]
            if missing:
                raise InputError(f"{path}: holds no array {missing[0]}; docs/formats.md says what belongs in it")
            return {name: file[name] for name in (*_NEEDED, "query_variants") if name in file.files}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path}: no .npz archive of plain arrays ({error}); write it with numpy.savez") from None


def _matrix(arrays: Mapping[str, npt.NDArray[Any]], name: str, path: PathLike) -> Floats:
    array = arrays[name]
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{path}: {name} is of shape {array.shape} and type {array.dtype}; give (rows, D) floats")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which `unit` refuses by its id
        return np.ascontiguousarray(array, dtype=np.float32)


def _ids(
    arrays: Mapping[str, npt.NDArray[Any]],
    name: str,
    count: int,
    path: PathLike,
    known: Mapping[str, object],
    what: str,
) -> list[str]:
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in "iuUS":
        raise InputError(f"{path}: {name} is of shape {array.shape} and type {array.dtype}; give a list of ids")
    if len(array) != count:
        raise InputError(f"{path}: {len(array)} {name} for {count} vectors; give one each")
    texts = [item.decode() if isinstance(item, bytes) else str(item) for item in array.tolist()]
    found = [text if text in known else plain_id(text) for text in texts]
    for row, text in enumerate(found):
        if text not in known:
            raise InputError(f"{path}: {name}[{row}] is {texts[row]!r}, not {what}; leave it out, or name its split")
    return found


def _distinct(names: Sequence[str], what: str, path: PathLike) -> dict[str, int]:
    found: dict[str, int] = {}
    for row, name in enumerate(names):
        if name in found:
            raise InputError(f"{path}: {what}[{row}] is {name!r}, which row {found[name]} is already; keep one")
        found[name] = row
    return found


def _combined(
    ids: Sequence[str], vectors_RD: Floats, most: int, path: PathLike
) -> tuple[dict[tuple[str, str], int], Floats]:
    """Rows without variants: each query once, or as often as the official wording has variants, which are averaged."""
    rows: dict[str, list[int]] = {}
    for row, query in enumerate(ids):
        rows.setdefault(query, []).append(row)
    count = len(next(iter(rows.values()))) if rows else 1
    allowed = "once" if most == 1 else f"once, or {most} times for the wordings that are averaged"
    for query, found in rows.items():
        if len(found) != count or count not in (1, most):
            raise InputError(
                f"{path}: query {query} comes {len(found)} times (row {found[-1]}); give every query {allowed}, "
                "or name query_variants"
            )
    keys = {(query, COMBINED): number for number, query in enumerate(rows)}
    mean_QD = np.stack([vectors_RD[found].mean(axis=0) for found in rows.values()]) if rows else vectors_RD
    return keys, unit(mean_QD, list(rows), f"{path}: the averaged query")


def _of(benchmark: Benchmark) -> str:
    return f"{benchmark.title}'s split {benchmark.split}"
