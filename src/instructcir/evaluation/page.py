"""A run as one page of HTML: scores, what was found beside them, charts, and queries to look at with their hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.evaluation.charts import LINES, histogram, recall_curve
from instructcir.evaluation.page_parts import section
from instructcir.evaluation.page_queries import Album, galleries
from instructcir.evaluation.report import MEAN, Judged, Report, Row
from instructcir.evaluation.report_table import in_order
from instructcir.evaluation.sections import Section
from instructcir.pages.parts import document, escaped


def report_page(
    report: Report,
    benchmark: Benchmark,
    *,
    about: Sequence[str] = (),
    sections: Sequence[Section] = (),
    others: Mapping[str, Report] | None = None,
    before: str | None = None,
) -> str:
    """The page as text.

    Args:
        report: what came out, of `score_vectors`, which keeps the first hits.
        benchmark: it is about, with its pictures; one that is missing leaves an empty frame.
        about: lines about the model and the run.
        sections: what was found beside the scores.
        others: how else the queries were asked -> scores; their curves are drawn too.
        before: which of these the queries that moved most are told against: "image only".
    """
    album = Album(benchmark)
    rows = report.rows(intervals=True)
    body = [_tiles(rows, report), "<h2>Scores</h2>", f'<div class="card">{_table(rows)}</div>']
    body += [f'<p class="note">{escaped(note)}</p>' for note in report.notes]
    body += [section(found) for found in sections]
    for one in report.judged:
        if one.protocol.official:
            body += _part(one, album, others or {}, before)
    return document(f"{report.title} {report.split}", about, body)


def _tiles(rows: Sequence[Row], report: Report) -> str:
    """The first metrics of each official protocol, over all of the benchmark, in large figures."""
    tiles = []
    for row in rows:
        if row.official and (row.part == MEAN or (report.parts == 1 and not row.part.startswith("aspect "))):
            for name in list(row.values)[:3]:
                low, high = row.intervals[name]
                tiles.append(
                    f'<div class="card tile"><span class="name">{escaped(name)}</span><b>{row.values[name]:.1f}</b>'
                    f"<span>95 %: {low:.1f} to {high:.1f}</span><span>{escaped(row.protocol)}</span></div>"
                )
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def _table(rows: Sequence[Row]) -> str:
    """All rows; the metrics of a kind stand together below its name."""
    metrics = in_order(dict.fromkeys(name for row in rows for name in row.values))
    kinds = [name.partition("@")[0] for name in metrics]
    first = [number == 0 or kinds[number - 1] != kind for number, kind in enumerate(kinds)]
    over = "".join(f'<th class="kind first" colspan="{kinds.count(kind)}">{kind}</th>' for kind in dict.fromkeys(kinds))
    names = "".join(f"<th>{name}</th>" for name in ("protocol", "part", "queries", "gallery"))
    ends = zip(metrics, first, strict=True)
    names += "".join(f"<th{_first(new)}>@{metric.partition('@')[2]}</th>" for metric, new in ends)
    remarks = any(row.remark for row in rows)
    last = "<th></th>" if remarks else ""
    lines = []
    for row in rows:
        cells = [row.protocol, row.part, f"{row.queries:,}", "" if row.part == MEAN else f"{row.gallery:,}"]
        shown = "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
        shown += "".join(_figure(row, name, new) for name, new in zip(metrics, first, strict=True))
        shown += f'<td class="remark">{escaped(row.remark)}</td>' if remarks else ""
        lines.append(f'<tr class="official">{shown}</tr>' if row.official else f"<tr>{shown}</tr>")
    head = f'<tr><th colspan="4"></th>{over}{last}</tr><tr>{names}{last}</tr>'
    return f'<div class="scroll"><table class="words2">{head}{"".join(lines)}</table></div>'


def _figure(row: Row, name: str, new: bool) -> str:
    if name not in row.values:
        return f"<td{_first(new)}></td>"
    low, high = row.intervals[name]
    return f'<td{_first(new)} title="95 % interval {low:.2f} to {high:.2f}">{row.values[name]:.2f}</td>'


def _first(new: bool) -> str:
    """The mark of a kind's first column."""
    return ' class="first"' if new else ""


def _part(one: Judged, album: Album, others: Mapping[str, Report], before: str | None) -> list[str]:
    same = {name: _same(report, one) for name, report in others.items()}
    curves = [("composed", one.ranks_Q), *((name, other.ranks_Q) for name, other in same.items())][:LINES]
    found = [f"<h2>{escaped(one.protocol.id)}, {escaped(one.part)}</h2>", '<div class="grid">']
    found.append(f'<div class="card"><h3>Queries by the rank of their target</h3>{histogram(one.ranks_Q)}</div>')
    legend = "".join(
        f'<span><i class="l{number}"></i>{escaped(name)}</span>' for number, (name, _) in enumerate(curves)
    )
    drawn = recall_curve(curves) + (f'<div class="legend">{legend}</div>' if len(curves) > 1 else "")
    found.append(f'<div class="card"><h3>Recall in percent by number of ranks</h3>{drawn}</div></div>')
    return found + (galleries(one, album, same.get(before or ""), before or "") if one.top else [])


def _same(report: Report, one: Judged) -> Judged:
    """The same part under the same protocol in another report; its queries stand in the same order."""
    return next(other for other in report.judged if (other.protocol.id, other.part) == (one.protocol.id, one.part))
