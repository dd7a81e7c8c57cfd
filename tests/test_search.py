"""Search over a real, tiny model: the exact ranking, filters, sessions that equal fresh queries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_writer import draw
from instructcir.errors import InputError, StoreError
from instructcir.index.manifest import identity_of
from instructcir.index.update import update_index
from instructcir.items import ComposedQuery
from instructcir.search.calibration import calibrate, percentiles
from instructcir.search.marks import AWAY, TOWARDS, moved
from instructcir.search.picking import collapse, diverse
from instructcir.search.queries import query_vector
from instructcir.search.ranked import ranked
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


def test_a_session_computes_its_picture_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    backbone = index.embedder.planner.backbone  # type: ignore[attr-defined]
    start = backbone.start
    monkeypatch.setattr(backbone, "start", lambda prefix, image: begun.append(1) or start(prefix, image))
    session = index.session(np.full((60, 40, 3), 77, dtype=np.uint8))
    for edit in ("in red", "no sleeves", "shorter"):
        session.refine(edit, k=2)
    session.branch().refine("with dots", k=2)
    session.undo()
    assert len(begun) == 1
    assert session.search(k=2)[0].id == index.search(session.reference, "in red, no sleeves", k=2)[0].id


def test_a_step_that_fails_is_not_taken(index: Index) -> None:
    session = index.session(str(index.gallery.ids_G[2]))
    session.refine("in red")
    with pytest.raises(StoreError, match="columns are"):
        session.refine("longer", where="nonsense = 1")
    with pytest.raises(InputError, match="empty"):
        session.refine(" ")
    assert session.edits == ("in red",)


def test_what_is_not_wanted_is_moved_away_from(index: Index) -> None:
    one = str(index.gallery.ids_G[0])
    model: Any = index.embedder
    unwanted = model.embed_texts(["stripes"])[0]
    opened = [model.reference(index.gallery.describe([0], ["path"])[0]["path"])]
    plain, turned = (query_vector(model, opened, [1], "in red", words) for words in ("", "stripes"))
    np.testing.assert_allclose(np.linalg.norm(turned), 1, atol=1e-6)
    assert turned @ unwanted < plain @ unwanted
    by_hand = index.gallery.scores(turned)
    answer = index.search(one, "in red", k=2, not_="stripes", collapse_duplicates=False)
    assert abs(answer[0].score - np.delete(by_hand, 0).max()) < 1e-5


def test_several_references_are_weighed(index: Index) -> None:
    first, second = (str(index.gallery.ids_G[number]) for number in (1, 8))
    model: Any = index.embedder
    paths = [row["path"] for row in index.gallery.describe([1, 8], ["path"])]
    mean = 3 * model.embed_images(paths)[0] + model.embed_images(paths)[1]
    by_hand = index.gallery.scores((mean / np.linalg.norm(mean)).astype(np.float32))
    answer = index.search([(first, 3), second], k=14, exclude_reference=False, collapse_duplicates=False)
    found = {hit.id: hit.score for hit in answer}
    assert all(abs(found[str(one)] - score) < 2e-3 for one, score in zip(index.gallery.ids_G, by_hand, strict=True))
    with pytest.raises(InputError, match="weight is 0"):
        index.search([(first, 0)])


@pytest.mark.parametrize("count", [500, 200_000])
def test_only_what_stands_out_from_noise_matches_well(count: int) -> None:
    noise = np.random.default_rng(count).normal(0.2, 0.05, count).astype(np.float32)
    found = calibrate(noise)
    assert abs(found.centre - 0.2) < 0.01
    assert abs(found.spread - 0.05) < 0.01
    assert not found.stands_out(float(noise.max()) - 0.02)
    assert found.stands_out(0.2 + 0.05 * 6)
    assert calibrate(noise[:20]).stands_out(0.0), "too few to tell"
    of = np.sort(noise)[[0, count // 2, count - 1]]
    np.testing.assert_allclose(percentiles(noise, of), [0, 50, 100 - 100 / count], atol=1e-9)


def test_a_query_that_nothing_answers_is_said_so(index: Index) -> None:
    class Noise:
        """A gallery of random vectors, one of which is the query."""

        def __init__(self, planted: bool) -> None:
            made = np.random.default_rng(3).normal(size=(400, 64)).astype(np.float32)
            made[7] = made[7] if not planted else query
            self.made = made / np.linalg.norm(made, axis=1, keepdims=True)
            self.ids_G = np.array([f"{number:016x}" for number in range(400)])
            self.table = index.gallery.table
            self.graph = None

        def __len__(self) -> int:
            return len(self.made)

        def scores(self, query_D: Any) -> Any:
            return self.made @ query_D

        def estimates(self, query_D: Any) -> None:
            """As a small gallery has none."""

        def vectors(self, numbers: Any) -> Any:
            return self.made[numbers]

        def numbers_of(self, ids: Any) -> list[int]:
            return []

        def describe(self, numbers: Any, columns: Any) -> list[dict[str, Any]]:
            return [{"path": str(number)} for number in numbers]

    query = np.random.default_rng(4).normal(size=64).astype(np.float32)
    unit = query / np.linalg.norm(query)
    empty, planted = (ranked(Noise(planted), unit, 5) for planted in (False, True))  # type: ignore[arg-type]
    assert (empty.matches_well, empty.remark[:27]) == (False, "nothing here matches well: ")
    assert (planted.matches_well, planted.remark, planted[0].path) == (True, "", "7")
    assert planted[0].percentile == 100 * 399 / 400


def test_a_picture_whose_prompt_is_too_long_is_left_out_by_name(
    loaded: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded("qwen2-vl")
    draw(tmp_path / "photos", ["small.png"])
    Image.open(tmp_path / "photos" / "small.png").resize((400, 320)).save(tmp_path / "photos" / "large.png")
    identity = identity_of(embedder, "qwen2-vl")
    prepared = embedder.prepare(tmp_path / "photos" / "small.png")
    prefix = embedder.renderer.prefix("gallery", prepared.expansion)
    most = len(prefix.ids) + len(embedder.renderer.suffix("gallery", prefix, ""))
    monkeypatch.setattr(embedder.planner, "longest", most)
    report = update_index(tmp_path / "index", [tmp_path / "photos"], embedder, identity)
    [(path, reason)] = report.problems
    assert (report.encoded, Path(path).name) == (1, "large.png")
    assert reason.startswith("the picture takes")
    assert reason.endswith("make it smaller")


def test_marks_pull_and_push() -> None:
    generator = np.random.default_rng(0)
    sample = generator.normal(size=(50, 8)).astype(np.float32)
    sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    query, liked, disliked = sample[0], sample[1:3], sample[3:4]
    none = sample[:0]
    found = moved(query, liked, disliked, sample)
    centre = sample.mean(axis=0)
    expected = query + TOWARDS * (liked.mean(axis=0) - centre) - AWAY * (disliked[0] - centre)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)
    assert (moved(query, liked, none, sample) @ liked.T).mean() > (query @ liked.T).mean()
    assert moved(query, none, disliked, sample) @ disliked[0] < query @ disliked[0]
    assert np.argmax(sample @ moved(None, sample[7:8], none, sample)) == 7


def test_marked_pictures_move_a_search(index: Index) -> None:
    one = str(index.gallery.ids_G[4])
    assert index.search(more_like=[one], k=1)[0].id == one
    with pytest.raises(InputError, match="nothing to search for"):
        index.search(less_like=[one])
