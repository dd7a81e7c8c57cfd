"""A run as one page of HTML: scores, what was found beside them, charts, and queries to look at with their hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.evaluation.charts import LINES, histogram, recall_curve
from instructcir.evaluation.page_parts import document, escaped, section
from instructcir.evaluation.page_queries import Album, galleries
from instructcir.evaluation.report import MEAN, Judged, Report, Row
from instructcir.evaluation.sections import Section


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
    metrics = list(dict.fromkeys(name for row in rows for name in row.values))
    remarks = any(row.remark for row in rows)
    names = ("protocol", "part", "queries", "gallery", *metrics, *([""] if remarks else []))
    head = "".join(f"<th>{escaped(name)}</th>" for name in names)
    lines = []
    for row in rows:
        cells = [row.protocol, row.part, f"{row.queries:,}", "" if row.part == MEAN else f"{row.gallery:,}"]
        shown = "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
        for name in metrics:
            span = "95 % interval {:.2f} to {:.2f}".format(*row.intervals[name]) if name in row.values else ""
            shown += f'<td title="{span}">{row.values[name]:.2f}</td>' if name in row.values else "<td></td>"
        shown += f'<td class="remark">{escaped(row.remark)}</td>' if remarks else ""
        lines.append(f'<tr class="official">{shown}</tr>' if row.official else f"<tr>{shown}</tr>")
    return f'<div class="scroll"><table class="words2"><tr>{head}</tr>{"".join(lines)}</table></div>'


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
