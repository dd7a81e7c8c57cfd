"""The card beside a set of triplets: what it is, how it was made and checked, and what is not known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instructcir.errors import InputError
from instructcir.files import PathLike, write_atomic
from instructcir.synthesis.filters import described
from instructcir.synthesis.inspected import read_inspected, rejected_beside
from instructcir.synthesis.labels import Share
from instructcir.synthesis.run import counts_of
from instructcir.synthesis.statistics import Statistics, counted

LICENCES = (
    "The licences of the pictures and of their captions are not known to this program: they are those of the source. "
    "What a language model wrote may be bound by the terms of whoever offers that model; they are not known either. "
    "Find out both before you pass this set on or use it for anything but your own experiments."
)
LIMITS = (
    "Filters read words; they know English, and cannot see whether a caption is true of its picture.",
    "An edit is described as it was asked for: whether a picture like that exists is not known, nor whether others in "
    "a gallery would be as right.",
    "What is unsafe or personal is found by patterns, which miss what they do not name.",
)


def card_of(path: PathLike, share: Share | None = None) -> dict[str, Any]:
    """The card as plain values.

    Args:
        path: the file or folder of kept triplets.
        share: how many of those that a person looked at are good; None where nobody did.

    Raises:
        InputError: the files cannot be read.
    """
    kept, rejected = Statistics(), Statistics()
    for rows, into in ((read_inspected(path), kept), (_rejected(path), rejected)):
        for _ in counted(rows, into):
            pass
    return {
        "format": 1,
        "name": Path(path).name,
        "made": _made(path),
        "kept": kept.to_dict(),
        "rejected": {"triplets": rejected.triplets, "reasons": dict(rejected.reasons.most_common())},
        "filters": {name: {"passes": told, "rejected": rejected.reasons[name]} for name, told in described().items()},
        "looked_at": None
        if share is None
        else {"triplets": share.count, "good": share.good, "interval": [share.low, share.high]},
        "licences": LICENCES,
        "limits": list(LIMITS),
    }


def write_card(path: PathLike, share: Share | None = None) -> Path:
    """Write the card beside a set: NAME.card.json and NAME.card.md, or card.json and card.md in a folder of shards.

    Returns:
        The one for people.

    Raises:
        InputError: as `card_of`, or the card cannot be written.
    """
    card = card_of(path, share)
    place = Path(path) / "card" if Path(path).is_dir() else Path(path).with_suffix(".card")
    write_atomic(f"{place}.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    write_atomic(f"{place}.md", card_text(card))
    return Path(f"{place}.md")


def card_text(card: Mapping[str, Any]) -> str:
    """A card for people, in Markdown."""
    kept, rejected, looked = card["kept"], card["rejected"], card["looked_at"]
    total = kept["triplets"] + rejected["triplets"]
    lines = [f"# {card['name']}", ""]
    lines += [
        f"{kept['triplets']:,} triplets of {kept['pictures']:,} pictures, kept of {total:,} that were asked for.",
        "",
    ]
    lines += ["Each is a picture (the reference), an instruction, and a caption of what the target shows.", ""]
    if looked is None:
        lines += ["**Nobody has looked at them yet**: `instructcir triplets inspect` makes a sheet for that.", ""]
    else:
        low, high = looked["interval"]
        said = f"{looked['good']:,} of {looked['triplets']:,} that a person looked at are good"
        lines += [f"{said} (95 % interval of the whole set's share: {low:.1%} to {high:.1%}).", ""]
    lines += ["## How it was made", "", *_table(("writer", "triplets"), kept["writers"])]
    lines += _table(("prompt or rules, by hash", "triplets"), kept["prompts"])
    lines += [f"- {name}: {value}" for name, value in card["made"].items()] + [""]
    lines += ["## How it was checked", "", "| filter | what passes | rejected |", "|---|---|---|"]
    lines += [
        f"| {name} | {one['passes'].splitlines()[0]} | {one['rejected']:,} |" for name, one in card["filters"].items()
    ]
    others = {name: count for name, count in rejected["reasons"].items() if name not in card["filters"]}
    lines += ["", *_table(("rejected for another reason", "triplets"), others)]
    lines += ["## What it holds", "", *_table(("kind of edit", "triplets"), kept["kinds"])]
    lines += [*_table(("style", "triplets"), kept["styles"]), *_table(("aspect", "triplets"), kept["aspects"])]
    lines += [
        f"The vocabulary has {kept['vocabulary']:,} words; {kept['same_both']:,} triplets say what another says.",
        "",
    ]
    lines += ["## What is not known", "", card["licences"], "", *(f"- {limit}" for limit in card["limits"])]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    return [f"| {' | '.join(head)} |", "|---|---|", *(f"| {name} | {count:,} |" for name, count in counts.items()), ""]


def _rejected(path: PathLike) -> Any:
    beside = rejected_beside(path)
    return iter(()) if beside is None else read_inspected(beside)


def _made(path: PathLike) -> dict[str, Any]:
    """What the run tells of itself; nothing where there was none."""
    try:
        about, counts = counts_of(path)
    except InputError:
        return {}
    told = {name: value for name, value in about.items() if not isinstance(value, dict)}
    return told | {"sources": counts["sources"], "requested": counts["requested"]}
