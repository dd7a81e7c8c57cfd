"""A report as lines of text: a row for each part, aspect and mean under each protocol, a column for each metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from instructcir.evaluation.report import MEAN, Report, Row


def table(report: Report) -> list[str]:
    """The report's figures in percent; official protocols are marked with a star, and remarks stand in their rows."""
    rows = report.rows()
    metrics = in_order(dict.fromkeys(name for row in rows for name in row.values))
    cells = [["", "protocol", "part", "queries", "gallery", *metrics, ""]]
    cells += [_cells(row, metrics) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    found = [f"{report.title} {report.split}, in percent; * official protocol"]
    found += [_line(line, widths) for line in cells]
    return [*found, *(f"note: {note}" for note in report.notes)]


def in_order(names: Iterable[str]) -> list[str]:
    """Names of metrics, each kind together, by rising k."""
    kinds = list(dict.fromkeys(name.partition("@")[0] for name in names))
    return sorted(names, key=lambda name: (kinds.index(name.partition("@")[0]), int(name.partition("@")[2])))


def _cells(row: Row, metrics: Sequence[str]) -> list[str]:
    values = [f"{row.values[name]:.2f}" if name in row.values else "" for name in metrics]
    gallery = "" if row.part == MEAN else f"{row.gallery:,}"
    return ["*" if row.official else "", row.protocol, row.part, f"{row.queries:,}", gallery, *values, row.remark]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    words, numbers = cells[:3], cells[3:-1]
    shown = [word.ljust(width) for word, width in zip(words, widths, strict=False)]
    shown += [number.rjust(width) for number, width in zip(numbers, widths[3:], strict=False)]
    return "  ".join([*shown, cells[-1]]).rstrip()
