"""An audit as tables for people, and as plain values for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from instructcir.benchmarks.benchmark import Protocol
from instructcir.evaluation.audit import COMPOSED, Audit, headline
from instructcir.evaluation.chance import Bounds, mean_bounds
from instructcir.evaluation.report import MEAN
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.slices import Slices


def section(found: Audit) -> Section:
    """All that an audit found."""
    tables, notes = [], []
    composed = found.reports[COMPOSED]
    for protocol in dict.fromkeys(one.protocol for one in composed.judged):
        metric = headline(protocol)
        tables += [
            _asked(found, protocol),
            _slices(f"{protocol.id} by length of the modification", metric, found.by_length[protocol.id]),
            _slices(f"{protocol.id} by {found.edits}", metric, found.by_edit[protocol.id]),
        ]
        gap = found.gaps[protocol.id]
        notes.append(f"{protocol.id}: composition gap {gap:+.2f} points of {metric} over the better single modality")
    for part, share in found.reference_first.items():
        notes.append(f"{part}: the top hit is the query's own reference in {share:.2f} % of queries")
    return Section("audit", "Audit: does it compose?", tuple(tables), tuple(notes), summary(found))


def summary(found: Audit) -> dict[str, Any]:
    """An audit but for its scores, as plain values for JSON."""
    ends = {f"{identity}, {part}": _plain_bounds(values) for (identity, part), values in found.bounds.items()}
    groups = {"by_length": found.by_length, f"by_{found.edits.replace(' ', '_')}": found.by_edit}
    plain = {name: {identity: dict(slices) for identity, slices in each.items()} for name, each in groups.items()}
    return {"gaps": dict(found.gaps), "bounds": ends, **plain, "reference_first": dict(found.reference_first)}


def _plain_bounds(values: Mapping[str, Bounds]) -> dict[str, dict[str, float]]:
    return {metric: asdict(both) for metric, both in values.items()}


def _asked(found: Audit, protocol: Protocol) -> Table:
    """How queries were asked, and the two ends of the scale."""
    metrics = [metric.name for metric in protocol.metrics]
    part = MEAN if found.reports[COMPOSED].parts > 1 else None
    rows = [
        (name, *(f"{report.value(protocol.id, metric, part):.2f}" for metric in metrics))
        for name, report in found.reports.items()
    ]
    ends = [
        mean_bounds([values[metric] for (one, _), values in found.bounds.items() if one == protocol.id])
        for metric in metrics
    ]
    rows.append(("at random", *(f"{both.random:.2f}" for both in ends)))
    rows.append(("an oracle", *(f"{both.oracle:.2f}" for both in ends)))
    return Table(protocol.id, ("", *metrics), tuple(rows))


def _slices(title: str, metric: str, found: Slices) -> Table:
    rows = tuple((name, f"{count:,}", f"{value:.2f}") for name, (count, value) in found.items())
    return Table(title, ("", "queries", metric), rows)
