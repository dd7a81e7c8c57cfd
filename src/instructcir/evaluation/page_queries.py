"""Queries to look at on a page: reference, modification and target, below them the first hits, the target marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from instructcir.benchmarks.benchmark import Benchmark, Query
from instructcir.errors import ImageError
from instructcir.evaluation.moved import Moved, most_moved
from instructcir.evaluation.report import Judged
from instructcir.pages.parts import escaped, picture_tag

SHOWN = 6
"""Best and worst queries of each part."""
MOVED = 4
"""Queries of each part whose target rose most, and fell most."""
SIDE = 160
"""Pixels of a thumbnail's longer side: sharp at the size shown, small in the file."""


@dataclass(frozen=True, slots=True)
class Strip:
    """The first hits of a query.

    Attributes:
        label: which run they are of; empty where there is but one.
        top: their names, best first.
    """

    label: str
    top: tuple[str, ...]


@dataclass(slots=True)
class Album:
    """A benchmark's pictures as thumbnails; each is opened once.

    Attributes:
        benchmark: whose pictures they are.
        seen: name -> HTML of what was drawn already.
    """

    benchmark: Benchmark
    seen: dict[str, str] = field(default_factory=dict)

    def query(self, query: Query, chips: Sequence[tuple[str, str]], strips: Sequence[Strip]) -> str:
        """A query: its reference, what was asked, its target, and below them what was found.

        Args:
            query: with its answers.
            chips: (what is said of it, "up", "down" or "").
            strips: one or more rows of hits.
        """
        said = next(iter(query.modifications.values()))
        marks = "".join(f'<span class="{f"chip {kind}".strip()}">{escaped(text)}</span>' for text, kind in chips)
        words = (
            f'<div class="words"><p class="said">{escaped(said)}</p><p class="note">query {escaped(query.id)}</p>'
            f"{marks}</div>"
        )
        ask = self._figure("self", "reference", query.reference) + words
        ask += self._figure("right", "target", query.relevant[0])
        shown = "".join(self._strip(strip, query) for strip in strips)
        return f'<article class="query card"><div class="ask">{ask}</div>{shown}</article>'

    def _strip(self, strip: Strip, query: Query) -> str:
        label = f'<p class="label">{escaped(strip.label)}</p>' if strip.label else ""
        hits = (self._hit(number, name, query) for number, name in enumerate(strip.top, start=1))
        return f'{label}<div class="strip">{"".join(hits)}</div>'

    def _hit(self, number: int, name: str, query: Query) -> str:
        if name == query.relevant[0]:
            return self._figure("right", f"{number} \u2713 target", name)
        if name in query.relevant:
            return self._figure("also", f"{number} \u2713 right too", name)
        if name == query.reference:
            return self._figure("self", f"{number} reference", name)
        return self._figure("", f"{number}", name)

    def _figure(self, kind: str, caption: str, name: str) -> str:
        marked = f' class="{kind}"' if kind else ""
        said = f"<figcaption>{escaped(caption)}</figcaption>"
        return f'<figure{marked} title="{escaped(name)}">{self.thumbnail(name)}{said}</figure>'

    def thumbnail(self, name: str) -> str:
        """An <img>, or an empty frame where the picture cannot be used."""
        if name not in self.seen:
            self.seen[name] = self._draw(name)
        return self.seen[name]

    def _draw(self, name: str) -> str:
        try:
            image = self.benchmark.pictures[name].open()
        except ImageError as error:
            return f'<div class="gone" title="{escaped(str(error))}"></div>'
        return picture_tag(image, name, SIDE)


def galleries(one: Judged, album: Album, before: Judged | None, name: str) -> list[str]:
    """The best and the worst queries of a part and, where it was also asked in another way, those that moved most.

    Args:
        one: the part, with its first hits.
        album: pictures of its benchmark.
        before: the same part asked in another way; None where it was not.
        name: of that way.
    """
    queries = {query.id: query for part in album.benchmark.parts for query in part.queries}
    order = sorted(range(len(one.ids)), key=lambda number: (one.ranks_Q[number] <= 0, one.ranks_Q[number]))
    found = []
    for title, chosen in (("best", order[:SHOWN]), ("worst", order[SHOWN:][-SHOWN:][::-1])):
        if chosen:
            found.append(f"<h3>The {title} queries</h3>")
        for number in chosen:
            chip = (rank_said(int(one.ranks_Q[number])), "")
            found.append(album.query(queries[one.ids[number]], [chip], [Strip("", one.top[number])]))
    if before is not None:
        found += _moved(one, album, before, name, queries)
    return found


def _moved(one: Judged, album: Album, before: Judged, name: str, queries: dict[str, Query]) -> list[str]:
    place = {query: number for number, query in enumerate(one.ids)}
    ranks = zip(one.ids, before.ranks_Q.tolist(), one.ranks_Q.tolist(), strict=True)
    moved = most_moved([Moved(one.protocol.id, one.part, *each) for each in ranks], MOVED)
    found = [f"<h3>The queries that moved most from {escaped(name)} to composed</h3>"] if moved else []
    for query in moved:
        number = place[query.query]
        strips = [Strip(name, before.top[number]), Strip("composed", one.top[number])]
        found.append(album.query(queries[query.query], chips(query, name, "composed"), strips))
    return found


def rank_said(rank: int) -> str:
    """Where a target stands, in words."""
    return f"target at rank {rank:,}" if rank else "target not found"


def chips(moved: Moved, one: str, other: str) -> list[tuple[str, str]]:
    """What is said of a query that moved, from one way of asking to the other."""
    return [(f"{one}: rank {moved.one:,}", ""), (f"{other}: rank {moved.other:,}", "up" if moved.risen else "down")]
