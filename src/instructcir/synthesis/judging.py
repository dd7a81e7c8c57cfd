"""A file of triplets judged: a threshold from labels, then every kept triplet scored; rejected ones are kept apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import PathLike
from instructcir.synthesis.inspected import Row, rejected_beside
from instructcir.synthesis.judge import TARGET, Judge, Threshold, judged, learn_threshold
from instructcir.synthesis.stored import read_verdicts, verdict_file

BATCH = 256
"""Triplets that are judged together, and all that is held in memory."""

Progress = Callable[[int], None]


def threshold_for(
    judge: Judge,
    path: PathLike,
    labels: Mapping[str, bool],
    *,
    target: float = TARGET,
    progress: Progress | None = None,
) -> Threshold:
    """Learn from labels from which score triplets are kept.

    Args:
        judge: who scores.
        path: kept triplets, labelled ones among them.
        labels: triplet's id -> whether it is good.
        target: see `learn_threshold`.
        progress: called with numbers of labelled triplets that are scored.

    Raises:
        InputError: too few of the labelled triplets are in the file, or the file cannot be read.
        InstructcirError: as the judge's.
    """
    labelled = (row for row in read_verdicts(path) if row[1].kept and row[1].written.id in labels)
    scores, good = [], []
    for batch in _batches(labelled):
        scores += judge.scores([(source, verdict.written) for source, verdict in batch])
        good += [labels[verdict.written.id] for _, verdict in batch]
        if progress:
            progress(len(batch))
    return learn_threshold(scores, good, target=target)


def judge_file(
    judge: Judge, path: PathLike, into: PathLike, threshold: float, *, progress: Progress | None = None
) -> tuple[int, int]:
    """Write those that score high enough to a file, and all others beside it, with those that were rejected before.

    Args:
        judge: who scores.
        path: kept triplets; what lies rejected beside them is passed on.
        into: NAME.parquet; rejected ones go to NAME.rejected.parquet.
        threshold: from which score one is kept.
        progress: called with numbers of triplets that are done.

    Returns:
        How many are kept, and how many the judge rejected.

    Raises:
        InputError: the files cannot be read or written, or `into` is no other .parquet file than `path`.
        InstructcirError: as the judge's.
    """
    kept_path = Path(into)
    if kept_path.suffix != ".parquet" or kept_path.resolve() == Path(path).resolve():
        raise InputError(f"{into}: name another file, which ends in .parquet")
    before = rejected_beside(path)
    rejected = 0
    with ExitStack() as files:
        kept_file = files.enter_context(verdict_file(kept_path))
        other_file = files.enter_context(verdict_file(kept_path.with_suffix(".rejected.parquet"), reasons=True))
        for source, verdict in read_verdicts(before) if before else ():
            other_file.add(source, verdict)
        for batch in _batches(read_verdicts(path)):
            for source, verdict in judged(judge, threshold, batch):
                (kept_file if verdict.kept else other_file).add(source, verdict)
                rejected += not verdict.kept
            if progress:
                progress(len(batch))
        return kept_file.count, rejected


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(itertools.islice(left, BATCH)):
        yield batch
