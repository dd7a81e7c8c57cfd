"""From a query's vector to hits: filter, rank, collapse, vary, calibrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from instructcir.index.reader import Gallery, View
from instructcir.search.answers import Answer, Hit
from instructcir.search.calibration import calibrate
from instructcir.search.candidates import Candidates, candidates
from instructcir.search.levels import LOOKED_AT, Judgement, Numbers
from instructcir.search.picking import collapse, diverse

# shapes: N pictures that are looked at, D dimensions

Floats = npt.NDArray[np.float32]
_POOL = 5  # a varied choice is made among so many times k
NOTHING_LEFT = "nothing to rank: no picture is left by the filter"
NOTHING_MATCHES = "nothing here matches well: the best score is no higher than what is foreign to this gallery gets"


def ranked(
    gallery: Gallery | View,
    query_D: Floats,
    k: int,
    *,
    where: str | None = None,
    excluded: Sequence[str] = (),
    collapse_duplicates: bool = True,
    diversity: float = 0.0,
    judged: Judgement | None = None,
    exact: bool = False,
) -> Answer:
    """Rank a gallery for a query; see `Index.search`.

    `judged` tells of the first hits whether they match well; left out, the scores' own spread does, which is all that a
    bare vector has.

    Raises:
        StoreError: the condition cannot be understood.
        InputError: k is below 1, or diversity outside [0, 1].
    """
    view = gallery.view if isinstance(gallery, Gallery) else gallery
    found = candidates(view, query_D, where, view.numbers_of(excluded), exact)
    groups, numbers_N, scores_N = _groups(view, found, k, collapse_duplicates, diversity)
    if not groups:
        return Answer((), False, NOTHING_LEFT)
    hits = _hits(view, found, groups, dict(zip(numbers_N.tolist(), scores_N.tolist(), strict=True)))
    first = numbers_N[:LOOKED_AT], scores_N[:LOOKED_AT]
    well = judged(*first) if judged else _stands_out(found, float(scores_N[0]))
    return Answer(hits, well, "" if well else NOTHING_MATCHES)


def _stands_out(found: Candidates, best: float) -> bool:
    return replace(calibrate(found.noise), count=found.stands_for).stands_out(best)


def _groups(
    view: View, found: Candidates, k: int, collapse_duplicates: bool, diversity: float
) -> tuple[list[list[int]], Numbers, Floats]:
    """Gallery numbers of the hits, each with its near-duplicates; numbers and scores of all that was looked at.

    Looked at are twice as many candidates until there are enough.
    """
    wanted = k * _POOL if diversity else k
    depth = max(wanted + 8, LOOKED_AT)
    while True:
        numbers_N, scores_N = found.best(depth)
        vectors_ND = view.vectors(numbers_N)
        if collapse_duplicates:
            places = collapse(vectors_ND, wanted)
        else:
            places = [[place] for place in range(min(wanted, len(numbers_N)))]
        # all seen, or a further group was opened: then no group can grow into what is shown
        if len(numbers_N) < depth or sum(map(len, places)) < len(numbers_N) or not collapse_duplicates:
            break
        depth *= 2
    if diversity or not diversity >= 0:
        firsts = [place[0] for place in places]
        picks = diverse(scores_N[firsts].tolist(), vectors_ND[firsts], k, diversity)
        places = [places[pick] for pick in picks]
    return [[int(numbers_N[place]) for place in group] for group in places[:k]], numbers_N, scores_N


def _hits(view: View, found: Candidates, groups: list[list[int]], score_of: dict[int, float]) -> tuple[Hit, ...]:
    flat = [number for group in groups for number in group]
    columns = view.table.user_columns
    rows = dict(zip(flat, view.describe(flat, ["path", *columns]), strict=True))
    shares = found.percentiles(np.array([score_of[group[0]] for group in groups], dtype=np.float32))
    return tuple(
        Hit(
            str(view.ids_G[group[0]]),
            rows[group[0]]["path"],
            score_of[group[0]],
            float(share),
            tuple(rows[number]["path"] for number in group[1:]),
            {name: rows[group[0]][name] for name in columns},
        )
        for group, share in zip(groups, shares, strict=True)
    )
