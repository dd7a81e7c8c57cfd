"""What came of a run, counted; and the check that nothing was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instructcir.synthesis.planning import Order
from instructcir.synthesis.written import Verdict


@dataclass(slots=True)
class Counts:
    """Numbers of triplets, of one shard or of a whole run.

    Attributes:
        sources: sources that were read.
        untouched: those of them about which the writer can write nothing; nothing was asked for.
        requested: triplets that were asked for.
        kept: those that passed all filters.
        rejected: the others, by reason.
        asked: what was asked for: kinds, styles and aspects.
        got: kinds, styles and aspects among those kept; a triplet may count for several.
    """

    sources: int = 0
    untouched: int = 0
    requested: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    got: Counter[str] = field(default_factory=Counter)

    def ask(self, order: Order) -> None:
        """Count a triplet that is asked for."""
        self.requested += 1
        self.asked.update((order.kind, order.style, order.aspect))

    def take(self, verdict: Verdict) -> None:
        """Count what came of one."""
        if verdict.kept:
            self.kept += 1
            written = verdict.written
            self.got.update((*written.kind.split("+"), written.style, *written.aspects))
        else:
            self.rejected[verdict.reason] += 1

    def add(self, other: Counts) -> None:
        """Add another shard's numbers."""
        self.sources += other.sources
        self.untouched += other.untouched
        self.requested += other.requested
        self.kept += other.kept
        for mine, theirs in ((self.rejected, other.rejected), (self.asked, other.asked), (self.got, other.got)):
            mine.update(theirs)

    def check(self, kept_rows: int, rejected_rows: int) -> None:
        """Make sure that kept and rejected triplets add up to those asked for, here and in the files.

        Args:
            kept_rows: triplets in the files of kept ones.
            rejected_rows: triplets in the files of rejected ones.

        Raises:
            AssertionError: a triplet was lost or counted twice, which is a fault of this program.
        """
        rejected = self.rejected.total()
        if self.kept + rejected != self.requested or (kept_rows, rejected_rows) != (self.kept, rejected):
            raise AssertionError(
                f"{self.requested} triplets were asked for, {self.kept} kept and {rejected} rejected; "
                f"the files hold {kept_rows} and {rejected_rows}"
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        names = ("sources", "untouched", "requested", "kept")
        counters = ("rejected", "asked", "got")
        return {name: getattr(self, name) for name in names} | {name: dict(getattr(self, name)) for name in counters}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Counts:
        """From what `to_dict` returned."""
        counters = {name: Counter(values[name]) for name in ("rejected", "asked", "got")}
        return cls(values["sources"], values["untouched"], values["requested"], values["kept"], **counters)
