"""Search over a real, tiny model: the exact ranking, filters, sessions that equal fresh queries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_writer import draw
from instructcir.errors import InputError, StoreError
from instructcir.index.manifest import identity_of
from instructcir.index.update import update_index
from instructcir.items import ComposedQuery
from instructcir.search.picking import collapse, diverse
from instructcir.search.searcher import Index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, loaded: Callable[..., Any], built: Callable[..., Path]) -> Index:
    place = tmp_path_factory.mktemp("search")
    draw(place / "photos", [f"{number}.png" for number in range(14)])
    embedder = loaded("qwen2-vl")
    identity = identity_of(embedder, str(built("qwen2-vl")))
    assert update_index(place / "index", [place / "photos"], embedder, identity).encoded == 14
    return Index.open(place / "index", embedder=embedder)


def test_the_ranking_is_the_naive_one(index: Index, loaded: Callable[..., Any]) -> None:
    rows = index.gallery.describe(range(14), ["path"])
    paths = [row["path"] for row in rows]
    embedder = loaded("qwen2-vl")
    scores = embedder.embed_images(paths) @ embedder.embed_queries([ComposedQuery(paths[3], "in red")])[0]
    naive = [paths[number] for number in np.argsort(-scores) if number != 3]
    answer = index.search(paths[3], "in red", k=13, collapse_duplicates=False)
    found = {hit.path: hit.score for hit in answer}
    assert found.keys() == set(naive)
    by_path = dict(zip(paths, scores.tolist(), strict=True))
    assert all(abs(score - by_path[path]) < 2e-3 for path, score in found.items())
    assert [hit.score for hit in answer] == sorted(found.values(), reverse=True)


def test_a_session_equals_fresh_queries(index: Index) -> None:
    one = str(index.gallery.ids_G[0])
    session = index.session(one)
    session.refine("in red", k=3)
    answer = session.refine("no sleeves", k=3)
    fresh = index.search(one, "in red, no sleeves", k=3)
    assert [hit.id for hit in answer] == [hit.id for hit in fresh]
    branch = session.branch()
    session.undo()
    assert (session.edits, branch.edits) == (("in red",), ("in red", "no sleeves"))
    branch.go_on_from(answer[0])
    assert (branch.reference, branch.edits) == (answer[0].path, ())
    with pytest.raises(InputError, match="nothing to undo"):
        index.session(one).undo()


def test_the_reference_is_left_out_unless_asked_for(index: Index) -> None:
    one = str(index.gallery.ids_G[5])
    assert one not in {hit.id for hit in index.search(one, k=14)}
    kept = index.search(one, k=14, exclude_reference=False)
    assert kept[0].id == one or one in {hit.id for hit in kept} or any(hit.duplicates for hit in kept)


def test_filters_words_alone_and_what_is_refused(index: Index) -> None:
    assert len(index.search(None, "a red dress", where="path like '%/1.png'")) == 1
    assert index.search(None, "a red dress", where="width > 999").remark.startswith("nothing to rank")
    with pytest.raises(InputError, match="nothing to search for"):
        index.search()
    with pytest.raises(InputError, match="no such file"):
        index.search("nowhere.png")
    with pytest.raises(StoreError, match="columns are"):
        index.search(None, "x", where="nonsense = 1")


def test_picking() -> None:
    unit = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=np.float32)
    assert collapse(unit, 2) == [[0, 1, 3], [2]]
    assert collapse(unit, 1) == [[0, 1]]
    assert diverse([0.9, 0.8, 0.1, 0.7], unit, 2, 0.0) == [0, 1]
    assert diverse([0.9, 0.8, 0.1, 0.7], unit, 2, 0.6) == [0, 2]
