"""A sheet of triplets for a person to look at and to label: one page of HTML with its pictures inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from importlib import resources

from PIL import Image

from instructcir.errors import ImageError
from instructcir.pages.parts import document, escaped, picture_tag
from instructcir.synthesis.inspected import Row
from instructcir.synthesis.statistics import Statistics, classes, mean
from instructcir.synthesis.written import Picture

Open = Callable[[Picture], Image.Image]
"""Opens a picture; raises ImageError where it cannot."""

SIDE = 320
"""Pixels of a picture's longer side: sharp at the size shown on a dense screen."""
_BARS = 14


def triplet_sheet(
    title: str,
    rows: Sequence[Row],
    kept: Statistics,
    rejected: Statistics,
    open_picture: Open,
    *,
    about: Sequence[str] = (),
    labels: Mapping[str, bool] | None = None,
) -> str:
    """The page as text.

    Args:
        title: plain text.
        rows: triplets to look at, kept and rejected ones, in the order in which they are shown.
        kept: counts of all kept ones.
        rejected: counts of all others.
        open_picture: opens a picture; one that cannot be opened leaves an empty frame.
        about: plain lines below the title.
        labels: triplet's id -> whether it is good, of labels that were given before.
    """
    cards = "".join(_card(number, row, open_picture) for number, row in enumerate(rows))
    known = labels or {}
    before = {row[1].written.id: known[row[1].written.id] for row in rows if row[1].written.id in known}
    given = json.dumps(before).replace("<", "\\u003c")
    body = [
        _tiles(kept, rejected),
        f'<div class="columns">{"".join(_charts(kept, rejected))}</div>',
        f"<h2>{len(rows):,} of them at random</h2>",
        _text("sheet_bar.html"),
        f'<div id="cards" data-set="{escaped(title)}">{cards}</div>',
        '<p class="note" id="none" hidden>Nothing is shown: choose another group above.</p>',
        f'<script type="application/json" id="given">{given}</script>',
    ]
    return document(title, about, body, style=_text("sheet.css"), script=_text("sheet.js"))


def _tiles(kept: Statistics, rejected: Statistics) -> str:
    total = kept.triplets + rejected.triplets
    share = f"{100 * kept.triplets / total:.1f} %" if total else "none"
    per = f"{kept.triplets / kept.pictures:.1f} of a picture" if kept.pictures else ""
    repeats = f"{100 * kept.same_both / kept.triplets:.2f} %" if kept.triplets else "none"
    shown = [
        ("kept", f"{kept.triplets:,}", f"{share} of {total:,}"),
        ("pictures", f"{kept.pictures:,}", per),
        ("words an instruction", f"{mean(kept.instruction_lengths):.1f}", "in the mean"),
        ("words a modified caption", f"{mean(kept.caption_lengths):.1f}", "in the mean"),
        ("vocabulary", f"{len(kept.words):,}", "different words"),
        ("said before", repeats, "instruction and modified caption alike"),
    ]
    tiles = "".join(
        f'<div class="card tile"><span class="name">{name}</span><b>{value}</b><span>{escaped(note)}</span></div>'
        for name, value, note in shown
    )
    return f'<div class="tiles">{tiles}</div>'


def _charts(kept: Statistics, rejected: Statistics) -> list[str]:
    charts = [
        ("Why triplets were rejected", rejected.reasons.most_common(_BARS), rejected.triplets),
        ("What edits change", kept.kinds.most_common(_BARS), kept.triplets),
        ("How instructions are said", kept.styles.most_common(_BARS), kept.triplets),
        ("CIRCO's aspects", kept.aspects.most_common(_BARS), kept.triplets),
        ("Words of an instruction", classes(kept.instruction_lengths), kept.triplets),
        ("Words of a modified caption", classes(kept.caption_lengths), kept.triplets),
    ]
    return [_bars(title, counts, total) for title, counts, total in charts if counts]


def _bars(title: str, counts: Sequence[tuple[str, int]], total: int) -> str:
    most = max(count for _, count in counts) or 1
    lines = "".join(
        f'<div class="row"><span>{escaped(name)}</span><i><b style="width:{100 * count / most:.1f}%"></b></i>'
        f"<span>{count:,}</span><span>{100 * count / total:.1f} %</span></div>"
        for name, count in counts
    )
    return f'<div class="card bars"><h3>{escaped(title)}</h3>{lines}</div>'


def _card(number: int, row: Row, open_picture: Open) -> str:
    source, verdict = row
    written = verdict.written
    before, after = _compared(source.caption, written.modified_caption)
    marks = [escaped(mark) for mark in (*written.kind.split("+"), written.style, *written.aspects) if mark]
    chips = "".join(f'<span class="chip">{mark}</span>' for mark in dict.fromkeys(marks))
    why = ""
    if verdict.reason:
        why = f'<p class="why"><b>{escaped(verdict.reason)}</b> {escaped(verdict.detail)}</p>'
    pictures = _figure(source.image, "reference", open_picture)
    if source.target is not None:
        pictures += _figure(source.target, "target", open_picture)
    group = "rejected" if verdict.reason else "kept"
    return (
        f'<article class="card triplet {group}" tabindex="0" data-id="{escaped(written.id)}" data-group="{group}" '
        f'data-reason="{escaped(verdict.reason)}"><div class="seen">{pictures}</div><div class="told">'
        f'<p class="said">{escaped(written.instruction) or "(no instruction)"}</p>'
        f"<dl><dt>before</dt><dd>{before or '(no caption)'}</dd><dt>after</dt><dd>{after or '(none)'}</dd></dl>"
        f'{why}<p class="marks">{chips}</p><p class="note">{escaped(written.id)}'
        f"{escaped(f', {written.provenance.writer}') if written.provenance.writer else ''}</p></div>"
        '<div class="say"><button class="yes" aria-pressed="false">Good</button>'
        '<button class="no" aria-pressed="false">Bad</button></div></article>'
    )


def _figure(picture: Picture | None, name: str, open_picture: Open) -> str:
    caption = f"<figcaption>{name}</figcaption>"
    if picture is None:
        return f'<figure><div class="gone" title="no picture"></div>{caption}</figure>'
    try:
        shown = picture_tag(open_picture(picture), name, SIDE)
    except ImageError as error:
        shown = f'<div class="gone" title="{escaped(str(error))}"></div>'
    return f"<figure>{shown}{caption}</figure>"


def _compared(before: str, after: str) -> tuple[str, str]:
    """Both captions as HTML, with the words marked that only the one or only the other has."""
    one, other = before.split(), after.split()
    plain = [[word.casefold().strip(".,;:!?") for word in words] for words in (one, other)]
    marked: tuple[list[str], list[str]] = ([], [])
    for tag, start, end, start_after, end_after in SequenceMatcher(
        a=plain[0], b=plain[1], autojunk=False
    ).get_opcodes():
        pieces = one[start:end], other[start_after:end_after]
        for words, element, into in zip(pieces, ("del", "ins"), marked, strict=True):
            if words:
                text = escaped(" ".join(words))
                into.append(text if tag == "equal" else f"<{element}>{text}</{element}>")
    return " ".join(marked[0]), " ".join(marked[1])


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
