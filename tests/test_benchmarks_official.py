"""The official annotation files: their sizes, and the oddities that research code trips over."""

from __future__ import annotations

from pathlib import Path

from instructcir.benchmarks.registry import load_benchmark, load_pictures
from tiny_benchmarks import official

__all__ = ["official"]


def test_fashioniq(official: Path) -> None:
    benchmark = load_benchmark("fashioniq", official)
    assert [len(part.queries) for part in benchmark.parts] == [2017, 2038, 1961]
    assert [len(part.galleries["split"]) for part in benchmark.parts] == [3817, 6346, 5373]
    assert [len(part.galleries["union"]) for part in benchmark.parts] == [2628, 3089, 2902]
    dress, shirt, toptee = benchmark.parts
    assert shirt.queries[1928].modifications["and"] == " and is grey with a design on the back"
    assert toptee.queries[676].modifications["and"].startswith(" and ")
    assert toptee.queries[1076].modifications["and-reversed"] == "fades from red to orange and "
    assert any("\u2019" in text for query in dress.queries + shirt.queries + toptee.queries
               for text in query.modifications.values())  # fmt: skip
    assert len(set(shirt.galleries["split"]) & set(toptee.galleries["split"])) == 121
    assert tuple(sorted(dress.galleries["split"])) != dress.galleries["split"]
    names = {name for split in ("train", "val", "test") for name in load_pictures("fashioniq", official, split)}
    assert len(names) == 74_381


def test_cirr(official: Path) -> None:
    [part] = load_benchmark("cirr", official).parts
    assert (len(part.queries), len(part.galleries["split"])) == (4181, 2297)
    assert sum(query.relevant[0] not in query.grades for query in part.queries) == 37
    assert sum(query.grades.get(query.relevant[0]) == -1 for query in part.queries) == 3
    [hidden] = load_benchmark("cirr", official, "test1").parts
    assert (len(hidden.queries), len(hidden.galleries["split"])) == (4148, 2315)
    assert {query.id: query for query in hidden.queries}["27098"].modifications == {"caption": " "}
    assert len(set(hidden.galleries["split"]) - {query.reference for query in hidden.queries}) == 137


def test_circo(official: Path) -> None:
    [part] = load_benchmark("circo", official).parts
    assert (len(part.queries), len(part.galleries["unlabeled"])) == (220, 123_403)
    counts = [len(query.relevant) for query in part.queries]
    assert (min(counts), max(counts), round(sum(counts) / 220, 2)) == (1, 14, 4.16)
    assert len({aspect for query in part.queries for aspect in query.aspects}) == 9
    [hidden] = load_benchmark("circo", official, "test").parts
    references = [query.reference for query in hidden.queries]
    assert (len(references), len(set(references))) == (800, 798)


def test_genecis(official: Path) -> None:
    benchmark = load_benchmark("genecis", official)
    assert [len(part.queries) for part in benchmark.parts] == [2000, 2112, 1960, 1960]
    assert [{len(query.candidates) for query in part.queries} for part in benchmark.parts] == [{10}, {15}, {15}, {15}]
    every = [query for part in benchmark.parts for query in part.queries]
    assert sum(query.candidates.count(query.relevant[0]) > 1 for query in every) == 2
    assert sum(query.reference in query.candidates for query in every) == 79
    assert len({query.reference for query in every}) < len(every)
    boxes = [picture.box for picture in benchmark.pictures.values() if picture.box]
    assert sum(min(box[:2]) < 0 for box in boxes) > 0
