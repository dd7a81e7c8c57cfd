"""`instructcir triplets`: look at triplets, compare two sets, split one, judge one, and write its card."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.cli.triplets_judge import judge

if TYPE_CHECKING:
    from instructcir.synthesis.inspected import Row
    from instructcir.synthesis.labels import Share
    from instructcir.synthesis.statistics import Statistics

app = typer.Typer(no_args_is_help=True, help="Triplets that were written: look at them, compare, split, judge.")

app.command("judge")(judge)

File = Annotated[str, typer.Argument(metavar="FILE", help="A file, folder or pattern of triplets.")]
Labels = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Labels that a sheet saved: what people said, good or bad.")
]


@app.command("inspect")
def inspect(
    file: File,
    rejected: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The rejected ones; if not given, those that lie beside FILE."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="SHEET.html", help="Also write a page with some of them to label.")
    ] = None,
    labels: Labels = None,
    count: Annotated[int, typer.Option("--sample", min=1, help="Triplets on the page, two in three kept ones.")] = 90,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other triplets on the page.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Count what a set of triplets holds; make a page to label some of them; estimate from labels how many are good.

    The page is one file with the pictures inside. Its buttons save labels, which --labels takes.
    """
    from instructcir.files import write_atomic
    from instructcir.images import open_rgb
    from instructcir.synthesis.inspected import read_inspected, rejected_beside
    from instructcir.synthesis.labels import read_labels, share_of
    from instructcir.synthesis.sheet import triplet_sheet
    from instructcir.synthesis.statistics import Statistics, counted, sample

    said = read_labels(labels) if labels else {}
    beside = rejected or rejected_beside(file)
    kept, others = Statistics(), Statistics()
    ids: dict[str, list[str]] = {"kept": [], "rejected": []}
    shown = []
    with progress_bar("reading", None) as advance:
        for name, place, into, share in (
            ("kept", file, kept, 2 * count // 3),
            ("rejected", beside, others, count // 3),
        ):
            if place is None:
                continue
            rows = _watched(counted(read_inspected(place), into), advance, said, ids[name])
            shown += sample(rows, share, seed)
    random.Random(seed).shuffle(shown)  # a person who knows what comes next judges by it
    good = {name: share_of(said, found) for name, found in ids.items()}
    if out is not None:
        about = [f"{len(shown):,} of {kept.triplets + others.triplets:,} triplets, seed {seed}."]
        title = f"{Path(file).name}, sample {seed}"
        write_atomic(out, triplet_sheet(title, shown, kept, others, open_rgb, about=about, labels=said))
        typer.echo(f"{out}: {len(shown):,} triplets to look at", err=True)
    if as_json:
        print_json_line(
            {
                "kept": kept.to_dict(),
                "rejected": others.to_dict(),
                "labelled": {name: _plain(share) for name, share in good.items()} if labels else None,
            }
        )
        return
    _tell(kept, others, good if labels else {})


def _watched(
    rows: Iterable[Row], advance: Callable[[int], None], said: Mapping[str, bool], ids: list[str]
) -> Iterator[Row]:
    """Pass rows on, tell of each, and remember the ids of those that are labelled."""
    for row in rows:
        advance(1)
        if row[1].written.id in said:
            ids.append(row[1].written.id)
        yield row


def _plain(share: Share) -> dict[str, float]:
    return {"triplets": share.count, "good": share.good, "low": share.low, "high": share.high}


def _tell(kept: Statistics, others: Statistics, good: dict[str, Share]) -> None:
    total = kept.triplets + others.triplets
    part = f"{kept.triplets / total:.1%} of {total:,}" if total else "none"
    lines = [f"kept         {kept.triplets:,} triplets of {kept.pictures:,} pictures, {part}"]
    for name, counts in (
        ("rejected", others.reasons),
        ("kinds", kept.kinds),
        ("styles", kept.styles),
        ("aspects", kept.aspects),
        ("writers", kept.writers),
    ):
        if counts:
            lines.append(f"{name:12} " + ", ".join(f"{one} {many:,}" for one, many in counts.most_common()))
    from instructcir.synthesis.statistics import mean

    words = f"{mean(kept.instruction_lengths):.1f} an instruction, {mean(kept.caption_lengths):.1f} a modified caption"
    lines.append(f"words        {words}, {len(kept.words):,} different ones")
    repeats = f"{kept.same_instruction:,} instructions, {kept.same_target:,} modified captions, {kept.same_both:,} both"
    lines.append(f"said before  {repeats}")
    for name, share in good.items():
        interval = f"95 % interval {share.low:.1%} to {share.high:.1%}"
        found = f"{share.good:,} of {share.count:,} labelled ones are good, {share.share:.1%} ({interval})"
        lines.append(f"{name:12} {found if share.count else 'none of them is labelled'}")
    typer.echo("\n".join(lines))


@app.command("diff")
def diff(
    one: Annotated[str, typer.Argument(metavar="A", help="A file, folder or pattern of triplets.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    as_json: AsJson = False,
) -> None:
    """Compare two sets of triplets: which ones only one of them has, which say something else, what they hold."""
    from instructcir.synthesis.differences import differences
    from instructcir.synthesis.inspected import read_inspected

    found = differences(read_inspected(one), read_inspected(other))
    counts = {name: getattr(found, name) for name in ("same", "changed", "only_one", "only_other")}
    if as_json:
        examples = {"changes": dict(found.changes), "added": dict(found.added)}
        print_json_line({**counts, "one": found.one.to_dict(), "other": found.other.to_dict(), **examples})
        return
    typer.echo(f"A: {one}, {found.one.triplets:,} triplets\nB: {other}, {found.other.triplets:,} triplets\n")
    typer.echo(
        f"the same {found.same:,}, changed {found.changed:,}, only A {found.only_one:,}, only B {found.only_other:,}"
    )
    for name in ("kinds", "styles", "aspects", "writers"):
        before, after = getattr(found.one, name), getattr(found.other, name)
        for value in sorted(before.keys() | after.keys()):
            typer.echo(f"  {name:8} {value:34}{before[value]:10,}{after[value]:10,}{after[value] - before[value]:+10,}")
    for title, several in (("changed, as B says it", found.changes), ("only in B", found.added)):
        for name, told in several:
            typer.echo(f"  {title}: {name}: {told}")


@app.command("split")
def split(
    file: File,
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to make; absent or empty.")],
    development: Annotated[float, typer.Option(min=0, max=1, help="Share of the pictures for development.")] = 0.05,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share of the pictures for testing.")] = 0.05,
    salt: Annotated[str, typer.Option(metavar="TEXT", help="Another text, another split.")] = "",
    as_json: AsJson = False,
) -> None:
    """Split triplets of `instructcir synthesize` for training, development and testing, by source picture.

    No picture is in two parts. The same picture is in the same part of every set that is split with the same shares.
    """
    from instructcir.synthesis.splitting import write_split
    from instructcir.synthesis.stored import read_verdicts

    rows = read_verdicts(file)
    with progress_bar("splitting", None) as advance:
        shares = (1 - development - test, development, test)
        found = write_split(rows, into, shares=shares, salt=salt, progress=advance)
    if as_json:
        print_json_line({"out": str(into), **found.counts, "across": found.across})
        return
    typer.echo(f"{into}: " + ", ".join(f"{count:,} for {name}" for name, count in found.counts.items()))
    if found.across:
        typer.echo(f"{found.across:,} left out: reference and target belong to different parts", err=True)


@app.command("card")
def card(file: File, labels: Labels = None, as_json: AsJson = False) -> None:
    """Write the card of a set beside it: what it holds, how it was made and checked, what is not known of it."""
    from instructcir.synthesis.data_card import write_card
    from instructcir.synthesis.inspected import read_inspected
    from instructcir.synthesis.labels import read_labels, share_of

    share = None
    if labels is not None:
        said = read_labels(labels)
        share = share_of(said, (verdict.written.id for _, verdict in read_inspected(file)))
    made = write_card(file, share)
    if as_json:
        print_json_line({"card": str(made)})
    else:
        typer.echo(f"{made}: written")
