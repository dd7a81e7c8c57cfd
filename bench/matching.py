"""When is "nothing here matches well" said? Of short texts about what is there, and of what is not.

    instructcir demo --out DEMO                 # 1,000 garments and 1,000 scenes, indexed
    python bench/matching.py DEMO

The catalogue as a whole, and each of its worlds alone. Texts of 2 to 6 words are made from facts of pictures that are
there. *Dropped* are the same texts with all pictures that they are right for taken away. *Foreign* are those of the
other world, and composed queries whose references are of the other world. *Nothing* are texts about nothing drawn, none
of which sets a level. Shares are of queries of which it was said. *Found first* is the share of the short texts whose
first picture is one that they are right for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from common.short_texts import garment_texts, scene_texts, short_texts

from instructcir.cli.demo_pictures import catalogue, scenes
from instructcir.items import ComposedQuery
from instructcir.search.levels import Judge
from instructcir.search.searcher import Index
from instructcir.worlds.registry import world

# shapes: G gallery, D dimensions

NOTHING = (
    "how do I reset my password", "buy cheap tickets online", "the meeting has been moved to tuesday",
    "integral of sine squared", "qwerty uiop asdfgh", "blah blah blah", "null pointer exception in thread main",
    "the history of the roman senate", "monthly interest rate of the loan", "dear sir or madam", "hello", "xyzzy",
    "1234567890", "chapter four: the committee decides", "a violin concerto in d minor", "kernel panic not syncing",
    "best recipe for onion soup", "the speed of light in vacuum", "quarterly revenue by region",
    "please find attached the contract", "photosynthesis and cell division", "democracy and its discontents",
    "the password is incorrect", "fjord glyph vext quiz bank", "a x ray of a broken knee", "a plate of spaghetti",
    "a wedding cake", "an elephant in a circus", "a laptop on a desk", "a guitar solo",
    "a microscope slide of bacteria", "a map of europe", "a toothbrush", "a chess board", "a plane ticket",
    "a bottle of wine",
)  # fmt: skip


def view_of(vectors_GD: Any) -> Any:
    """A gallery of these vectors, as far as a judge looks at one."""
    made = SimpleNamespace(graph=None, vectors=vectors_GD.__getitem__, sample=lambda most: vectors_GD[:most])
    made.scores = lambda query_D: vectors_GD @ query_D
    made.scores_each = lambda queries_QD: queries_QD @ vectors_GD.T

    class Sized(SimpleNamespace):
        def __len__(self) -> int:
            return len(vectors_GD)

    return Sized(**vars(made))


def said(judge: Judge, view: Any, vectors: Sequence[Any]) -> float:
    """Share of queries by words of which it is said."""
    told = []
    for vector_D in vectors:
        scores_G = view.scores(vector_D)
        told.append(not judge.of_words(view, float(scores_G.max()), vector_D))
    return float(np.mean(told))


def composed(judge: Judge, view: Any, model: Any, queries: Sequence[ComposedQuery]) -> float:
    """Share of composed queries with references that the gallery lacks, of which it is said."""
    told = []
    for query in queries:
        opened = model.reference(query.reference)
        best = float(view.scores(opened.embed([query.modification])[0]).max())
        told.append(not judge.of_composed(view, best, [opened]))
    return float(np.mean(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="what `instructcir demo` wrote")
    parser.add_argument("--texts", type=int, default=60, help="of each world")
    chosen = parser.parse_args()
    index = Index.open(chosen.demo / "index")
    rows = [json.loads(line) for line in (chosen.demo / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()]
    half = len(rows) // 2
    drawn = [*catalogue(world("wardrobe"), len(rows) - half)[0], *scenes(world("landscapes"), half)]
    facts_of = {row["file"]: drawing.facts for row, drawing in zip(rows, drawn, strict=True)}
    paths = [row["path"] for row in index.gallery.describe(range(len(index)), ["path"])]
    facts = [facts_of[Path(path).name] for path in paths]
    clothes = np.array(["garment" in one for one in facts])
    vectors_GD, model = np.array(index.gallery.vectors_GD), index.embedder
    texts, queries = {}, {}
    for name, mask, kinds in (("wardrobe", clothes, garment_texts), ("landscapes", ~clothes, scene_texts)):
        there = [facts[number] for number in np.flatnonzero(mask)]
        texts[name] = short_texts(there, kinds, chosen.texts)
        chance, here = random.Random(name), world(name)
        queries[name] = [
            ComposedQuery(paths[n], here.modification(facts[n], here.change(facts[n], chance), chance).text)
            for n in chance.sample(np.flatnonzero(mask).tolist(), 36)
        ]
    embedded = {name: model.embed_texts([text for text, _ in found]) for name, found in texts.items()}
    nothing = model.embed_texts(NOTHING)
    print(f"{'':12}{'right':>8}{'dropped':>9}{'foreign':>9}{'composed, foreign':>19}{'nothing':>9}{'found first':>13}")
    whole = np.ones(len(facts), dtype=bool)
    for title, mask, own in (
        ("both", whole, ("wardrobe", "landscapes")),
        ("wardrobe", clothes, ("wardrobe",)),
        ("landscapes", ~clothes, ("landscapes",)),
    ):
        judge, view = Judge(model), view_of(vectors_GD[mask])
        right = said(judge, view, np.concatenate([embedded[name] for name in own]))
        dropped, first = [], []
        for name in own:
            for (_, wanted), vector_D in zip(texts[name], embedded[name], strict=True):
                fits = np.array([all(one.get(key) == value for key, value in wanted.items()) for one in facts])
                dropped.append(said(judge, view_of(vectors_GD[mask & ~fits]), [vector_D]))
                first.append(bool(fits[mask][np.argmax(view.scores(vector_D))]))
        other = [name for name in texts if name not in own]
        foreign = f"{said(judge, view, embedded[other[0]]):9.1%}" if other else f"{'':9}"
        strange = f"{composed(judge, view, model, queries[other[0]]):19.1%}" if other else f"{'':19}"
        told = said(judge, view, nothing)
        print(f"{title:12}{right:8.1%}{np.mean(dropped):9.1%}{foreign}{strange}{told:9.1%}{np.mean(first):13.1%}")


if __name__ == "__main__":
    main()
