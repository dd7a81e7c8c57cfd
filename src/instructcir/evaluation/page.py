"""A run as one page of HTML that needs nothing beside it: tables, charts, and queries to look at with their hits."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from instructcir.benchmarks.benchmark import Benchmark, Query
from instructcir.errors import ImageError
from instructcir.evaluation.charts import histogram, recall_curve
from instructcir.evaluation.report import MEAN, Judged, Report

SIDE = 112  # pixels of a thumbnail
SHOWN = 6  # best and worst queries of each part

_STYLE = """
:root{color-scheme:light dark;--line:#8885;--good:#2a9d4a;--mark:#3b6fd4}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:84rem;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
th,td{padding:.15rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}tr.official{font-weight:600}
.charts{display:flex;flex-wrap:wrap;gap:1.5rem}svg{width:26rem;max-width:100%;height:auto}
.bar{fill:var(--mark)}.tick{font-size:9px;text-anchor:middle;fill:currentColor}
.end{font-size:9px;text-anchor:end;fill:currentColor}
.grid{stroke:var(--line)}.line{fill:none;stroke-width:2;stroke:var(--mark)}.l1{stroke:#d4793b}.l2{stroke:#2a9d4a}.l3{stroke:#9b3bd4}
.query{display:flex;gap:.4rem;flex-wrap:wrap;align-items:flex-start;margin:.6rem 0 1.2rem;padding-top:.5rem}
.query{border-top:1px solid var(--line)}
figure{margin:0;width:118px;font-size:.75rem;overflow-wrap:anywhere}
figure img{width:112px;height:112px;object-fit:contain}
figure img,.gone{border:3px solid transparent;background:#8882}.gone{width:112px;height:112px}
.right img,.right .gone{border-color:var(--good)}
.asked{width:17rem}.note{opacity:.75}
"""


@dataclass(slots=True)
class _Page:
    """Thumbnails of one page; each picture is opened once."""

    benchmark: Benchmark
    seen: dict[str, str]

    def thumbnail(self, name: str) -> str:
        """An <img>, or an empty frame where the picture cannot be used."""
        if name not in self.seen:
            self.seen[name] = self._draw(name)
        return self.seen[name]

    def _draw(self, name: str) -> str:
        try:
            image = self.benchmark.pictures[name].open()
        except ImageError as error:
            return f'<div class="gone" title="{html.escape(str(error), quote=True)}"></div>'
        image.thumbnail((SIDE, SIDE))
        content = io.BytesIO()
        image.save(content, "JPEG", quality=80)
        data = base64.b64encode(content.getvalue()).decode()
        return f'<img alt="{html.escape(name, quote=True)}" src="data:image/jpeg;base64,{data}">'


def report_page(report: Report, benchmark: Benchmark, *, about: Sequence[str] = (), audit: Sequence[str] = ()) -> str:
    """The page as text.

    Args:
        report: what came out, of `score_vectors`, which keeps the first hits.
        benchmark: it is about, with its pictures; one that is missing leaves an empty frame.
        about: lines about the model and the run.
        audit: lines of an audit.
    """
    title = html.escape(f"{report.title} {report.split}")
    page = _Page(benchmark, {})
    body = [f"<h1>{title}</h1>", *(f"<p class=note>{html.escape(line)}</p>" for line in about)]
    body += ["<h2>Scores</h2>", _table(report), *(f"<p class=note>note: {html.escape(n)}</p>" for n in report.notes)]
    if audit:
        body.append(f"<h2>Audit</h2><pre>{html.escape(chr(10).join(audit))}</pre>")
    for one in report.judged:
        if one.protocol.official:
            body += _part(one, page)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _table(report: Report) -> str:
    rows = report.rows(intervals=True)
    metrics = list(dict.fromkeys(name for row in rows for name in row.values))
    head = "".join(f"<th>{name}</th>" for name in ("protocol", "part", "queries", "gallery", *metrics, ""))
    lines = []
    for row in rows:
        cells = [row.protocol, row.part, f"{row.queries:,}", "" if row.part == MEAN else f"{row.gallery:,}"]
        shown = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        for name in metrics:
            span = "95 % interval {:.2f} to {:.2f}".format(*row.intervals[name]) if name in row.values else ""
            shown += f'<td title="{span}">{row.values[name]:.2f}</td>' if name in row.values else "<td></td>"
        lines.append(f'<tr class="{"official" if row.official else ""}">{shown}<td>{html.escape(row.remark)}</td></tr>')
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _part(one: Judged, page: _Page) -> list[str]:
    found = [f"<h2>{html.escape(one.protocol.id)}, {html.escape(one.part)}</h2>"]
    charts = histogram(one.ranks_Q) + recall_curve([(one.part, one.ranks_Q)])
    found.append(f'<div class="charts">{charts}</div>')
    queries = {query.id: query for part in page.benchmark.parts for query in part.queries}
    order = sorted(range(len(one.ids)), key=lambda number: (one.ranks_Q[number] <= 0, one.ranks_Q[number]))
    best, worst = order[:SHOWN], order[SHOWN:][-SHOWN:]
    for name, chosen in (("best", best), ("worst", list(reversed(worst)))):
        if chosen and one.top:
            found.append(f"<h3>The {name} queries</h3>")
            found += [_query(queries[one.ids[n]], int(one.ranks_Q[n]), one.top[n], page) for n in chosen]
    return found


def _query(query: Query, rank: int, top: Sequence[str], page: _Page) -> str:
    text = html.escape(next(iter(query.modifications.values())))
    where = f"rank {rank:,}" if rank else "not found"
    asked = (
        f'<div class="asked"><b>{html.escape(query.id)}</b>: {text}<br><span class=note>target: {where}</span></div>'
    )
    shown = [asked, _figure("reference", query.reference, page, right=False)]
    shown.append(_figure("target", query.relevant[0], page, right=True))
    shown += [
        _figure(str(number), name, page, right=name in query.relevant) for number, name in enumerate(top, start=1)
    ]
    return f'<div class="query">{"".join(shown)}</div>'


def _figure(caption: str, name: str, page: _Page, *, right: bool) -> str:
    kind = ' class="right"' if right else ""
    said = f"<figcaption>{html.escape(caption)}: {html.escape(name)}</figcaption>"
    return f"<figure{kind}>{page.thumbnail(name)}{said}</figure>"
