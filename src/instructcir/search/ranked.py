"""From a query's vector to hits: filter, rank exactly, collapse, vary, calibrate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from instructcir.index.reader import Gallery, View
from instructcir.ranking import top_k
from instructcir.search.answers import Answer, Hit
from instructcir.search.calibration import calibrate, percentiles
from instructcir.search.levels import Judgement
from instructcir.search.picking import collapse, diverse

# shapes: G gallery, N of it that are looked at, D dimensions

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
) -> Answer:
    """Rank a gallery for a query; see `Index.search`.

    `judged` tells of the best score whether it matches well; left out, the scores' own spread does, which is all that a
    bare vector has.

    Raises:
        StoreError: the condition cannot be understood.
        InputError: k is below 1, or diversity outside [0, 1].
    """
    view = gallery.view if isinstance(gallery, Gallery) else gallery
    scores_G = view.scores(query_D)
    own = view.numbers_of(excluded)
    groups = _groups(view, _masked(view, scores_G, where, own), k, collapse_duplicates, diversity)
    if not groups:
        return Answer((), False, NOTHING_LEFT)
    hits = _hits(view, scores_G, groups)
    # The query's own picture is no noise, nor are copies of it: they would only stretch the scale.
    others_G = np.delete(scores_G, own) if own else scores_G
    best = max(hit.score for hit in hits)
    well = judged(best) if judged else calibrate(others_G).stands_out(best)
    return Answer(hits, well, "" if well else NOTHING_MATCHES)


def _masked(view: View, scores_G: Floats, where: str | None, excluded: Sequence[int]) -> Floats:
    """The scores, minus infinity where a picture must not be shown."""
    if where is None and not excluded:
        return scores_G
    masked_G = np.where(view.matching(where), scores_G, np.float32(-np.inf)) if where else scores_G.copy()
    masked_G[list(excluded)] = -np.inf
    return masked_G


def _groups(view: View, scores_G: Floats, k: int, collapse_duplicates: bool, diversity: float) -> list[list[int]]:
    """Gallery numbers of the hits, each with the near-duplicates that it stands for; twice as deep until enough."""
    wanted = k * _POOL if diversity else k
    depth = wanted + 8
    while True:
        numbers_N = top_k(scores_G[None], depth)[0][0]
        numbers_N = numbers_N[scores_G[numbers_N] > -np.inf]
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
        picks = diverse(scores_G[numbers_N[firsts]].tolist(), vectors_ND[firsts], k, diversity)
        places = [places[pick] for pick in picks]
    return [[int(numbers_N[place]) for place in group] for group in places[:k]]


def _hits(view: View, scores_G: Floats, groups: list[list[int]]) -> tuple[Hit, ...]:
    flat = [number for group in groups for number in group]
    columns = view.table.user_columns
    rows = dict(zip(flat, view.describe(flat, ["path", *columns]), strict=True))
    shares = percentiles(scores_G, scores_G[[group[0] for group in groups]])
    return tuple(
        Hit(
            str(view.ids_G[group[0]]),
            rows[group[0]]["path"],
            float(scores_G[group[0]]),
            float(share),
            tuple(rows[number]["path"] for number in group[1:]),
            {name: rows[group[0]][name] for name in columns},
        )
        for group, share in zip(groups, shares, strict=True)
    )
