"""Files for the servers that score what is hidden: CIRR's two, CIRCO's one; written whole, then checked as they do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Query
from instructcir.errors import InputError
from instructcir.evaluation.judging import rank_own, rank_part
from instructcir.evaluation.ranked import Indices
from instructcir.evaluation.scoring import chosen_protocols, covered
from instructcir.evaluation.submission_check import LENGTHS, VERSION, faults
from instructcir.evaluation.vectors import BenchmarkVectors
from instructcir.files import PathLike, write_atomic

Lists = dict[str, list[str]]


def write_submissions(
    benchmark: Benchmark, vectors: BenchmarkVectors, folder: PathLike, *, protocol: str | None = None
) -> list[Path]:
    """Rank a split of CIRR or CIRCO and write what its server takes; each file is then checked.

    Args:
        benchmark: CIRR or CIRCO; a split with answers may be written too.
        vectors: of all its pictures and queries.
        folder: which must exist; files of the same names are replaced.
        protocol: whose wording is used, where it is not the official one: "circo/concept".

    Returns:
        The files: cirr_SPLIT_recall.json and cirr_SPLIT_recall_subset.json, or circo_SPLIT.json.

    Raises:
        InputError: the benchmark has no server, vectors are missing, or a file that was written would be refused.
    """
    if benchmark.name not in ("cirr", "circo"):
        raise InputError(f"{benchmark.title} has no server that takes submissions; those of cirr and circo do")
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; create it first")
    [chosen] = chosen_protocols(benchmark, [protocol or benchmark.protocols[0].id])
    [part] = benchmark.parts
    gallery = next(iter(part.galleries))
    there = covered(part, gallery, chosen.wording, vectors, allow_missing=False)
    ranking = rank_part(there.queries, there.gallery, chosen.wording, vectors)[1 if benchmark.name == "cirr" else 0]
    lists = _named(there.queries, ranking.top_QK, [there.gallery] * len(there.queries))
    if benchmark.name == "circo":
        content: dict[str, Any] = {key: [int(name) for name in names] for key, names in lists.items()}
        files = {f"circo_{benchmark.split}.json": content}
    else:
        covered(part, CANDIDATES, chosen.wording, vectors, allow_missing=False)
        own = rank_own(there.queries, chosen.wording, vectors, removes=True)
        subset = _named(there.queries, own.top_QK[:, : LENGTHS["recall_subset"]], [q.candidates for q in there.queries])
        files = {
            f"cirr_{benchmark.split}_recall.json": {"version": VERSION, "metric": "recall", **lists},
            f"cirr_{benchmark.split}_recall_subset.json": {"version": VERSION, "metric": "recall_subset", **subset},
        }
    return [_written(Path(folder) / name, content, benchmark) for name, content in files.items()]


def _named(queries: Sequence[Query], top_QK: Indices, names: Sequence[Sequence[str]]) -> Lists:
    return {
        query.id: [of[position] for position in row if position >= 0]
        for query, row, of in zip(queries, top_QK.tolist(), names, strict=True)
    }


def _written(path: Path, content: dict[str, Any], benchmark: Benchmark) -> Path:
    write_atomic(path, json.dumps(content, separators=(",", ":")))
    found = faults(path, benchmark)
    if found:
        raise InputError(f"{path}: the server would refuse it: {found[0]}")
    return path
