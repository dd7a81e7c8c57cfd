"""One model on several benchmarks: encode, score, ask what else was wanted, print, write what a run leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instructcir.cli.output import print_json_line, progress_bar
from instructcir.cli.score import show, tell

if TYPE_CHECKING:
    from instructcir.benchmarks.benchmark import Benchmark
    from instructcir.evaluation.audit import Audit
    from instructcir.evaluation.report import Report
    from instructcir.evaluation.sections import Section
    from instructcir.evaluation.vectors import BenchmarkVectors
    from instructcir.model.embedder import Embedder


@dataclass(frozen=True, slots=True)
class Beside:
    """What is asked beside the scores, read and checked.

    Attributes:
        audit: whether single modalities are asked too.
        paraphrases: query id -> wordings; None where there are none.
        negatives: query id -> pictures that must not come up.
        captions: query id -> what the target shows.
    """

    audit: bool = False
    paraphrases: Mapping[str, tuple[str, ...]] | None = None
    negatives: Mapping[str, tuple[str, ...]] | None = None
    captions: Mapping[str, str] | None = None


class EvaluationRun:
    """One model on several benchmarks."""

    def __init__(
        self,
        embedder: Embedder,
        name: str,
        *,
        protocols: tuple[str, ...],
        allow_missing: bool,
        cache: Path | None,
        out: Path | None,
        as_json: bool,
        published: bool,
    ) -> None:
        from instructcir.evaluation.vector_cache import VectorCache
        from instructcir.model.fingerprint import fingerprint

        self.embedder, self.name, self.out = embedder, name, out
        self.protocols, self.allow_missing = protocols, allow_missing
        self.as_json, self.published = as_json, published
        self.fingerprint = fingerprint(embedder) if cache or out else ""
        self.cache = VectorCache(cache, self.fingerprint) if cache else None

    def one(self, benchmark: Benchmark, submission: Path | None, beside: Beside) -> None:
        """Encode, score, print and write what was asked for."""
        from instructcir.evaluation.scoring import score_vectors
        from instructcir.evaluation.submission import write_submissions

        start = time.monotonic()
        vectors = self._vectors(benchmark, beside)
        encoded = time.monotonic()
        if not benchmark.hidden:
            report = score_vectors(benchmark, vectors, protocols=self.protocols, allow_missing=self.allow_missing)
            show(report, self.as_json, self.published)
            audited, sections = self._beside(benchmark, vectors, report, beside)
            if self.out is not None:
                seconds = {"encoding": encoded - start, "scoring": time.monotonic() - encoded}
                with _folder(self.out) as folder:
                    names = [self._page(folder, report, benchmark, sections, audited)]
                    names += self._card(folder, report, benchmark, list(vectors.gallery), seconds, sections)
                for name in names:
                    typer.echo(f"{self.out / name}: written", err=True)
        if submission is not None:
            for path in write_submissions(benchmark, vectors, submission, protocol=next(iter(self.protocols), None)):
                typer.echo(f"{path}: written, and checked as the server does", err=True)

    def _vectors(self, benchmark: Benchmark, beside: Beside) -> BenchmarkVectors:
        """All vectors in one pass over the pictures, those of further wordings too."""
        from instructcir.evaluation.encode import encode
        from instructcir.evaluation.paraphrases import paraphrase_protocols, with_paraphrases
        from instructcir.evaluation.scoring import chosen_protocols

        chosen = chosen_protocols(benchmark, self.protocols)
        if beside.paraphrases is not None:
            chosen += paraphrase_protocols(benchmark, beside.paraphrases)
            benchmark = with_paraphrases(benchmark, beside.paraphrases)
        with progress_bar(f"{benchmark.title}, pictures", len(benchmark.pictures)) as advance:
            return encode(
                self.embedder,
                benchmark,
                chosen,
                allow_missing=self.allow_missing,
                references=beside.audit,
                cache=self.cache,
                progress=_steps(advance),
            )

    def _beside(
        self, benchmark: Benchmark, vectors: BenchmarkVectors, report: Report, beside: Beside
    ) -> tuple[Audit | None, list[Section]]:
        """What is asked beside the scores, printed as it is found."""
        from instructcir.evaluation import audit_section, captions, negatives, paraphrases
        from instructcir.evaluation.audit import audit

        found: list[Section] = []
        audited = audit(self.embedder, benchmark, vectors) if beside.audit else None
        if audited is not None:
            self._tell_audit(benchmark, audited)
            found.append(self._tell(benchmark, audit_section.section(audited)))
        if beside.paraphrases is not None:
            wordings = beside.paraphrases
            spread = paraphrases.score_paraphrases(
                paraphrases.with_paraphrases(benchmark, wordings), vectors, wordings, report
            )
            found.append(self._tell(benchmark, paraphrases.section(spread)))
        if beside.negatives is not None:
            wrong = negatives.score_negatives(benchmark, vectors, beside.negatives)
            found.append(self._tell(benchmark, negatives.section(wrong)))
        if beside.captions is not None:
            baseline = captions.score_captions(self.embedder, benchmark, vectors, beside.captions)
            found.append(self._tell(benchmark, captions.section(report, baseline)))
        return audited, found

    def _tell_audit(self, benchmark: Benchmark, audited: Audit) -> None:
        """Every figure of the single modalities, for machines; people read them in the section's tables."""
        if self.as_json:
            for name, report in audited.reports.items():
                values = {row.part: dict(row.values) for row in report.rows() if row.official}
                print_json_line({"benchmark": benchmark.name, "audit": name, "values": values})

    def _tell(self, benchmark: Benchmark, section: Section) -> Section:
        tell(benchmark.name, section, self.as_json)
        return section

    def _page(
        self, folder: Path, report: Report, benchmark: Benchmark, sections: list[Section], audited: Audit | None
    ) -> str:
        from instructcir.evaluation.audit import COMPOSED, IMAGE
        from instructcir.evaluation.page import report_page
        from instructcir.files import write_atomic

        about = [
            f"model: {self.name}, fingerprint {self.fingerprint[:16]}",
            f"device: {self.embedder.checkpoint.placement.why}",
        ]
        others = {} if audited is None else {name: one for name, one in audited.reports.items() if name != COMPOSED}
        page = report_page(
            report, benchmark, about=about, sections=sections, others=others, before=IMAGE if others else None
        )
        name = f"{benchmark.name}_{benchmark.split}.html"
        write_atomic(folder / name, page)
        return name

    def _card(
        self,
        folder: Path,
        report: Report,
        benchmark: Benchmark,
        names: list[str],
        seconds: dict[str, float],
        sections: list[Section],
    ) -> list[str]:
        from instructcir.evaluation.card import write_card
        from instructcir.files import sha256_of

        digest = self.cache.digest if self.cache else sha256_of
        checkpoint = self.embedder.checkpoint
        model = {
            "model": self.name,
            "fingerprint": self.fingerprint,
            "prompts": self.embedder.prompts.to_dict(),
            "device": checkpoint.placement.why,
        }
        pictures = {name: digest(benchmark.pictures[name].path) for name in names}
        written = write_card(report, folder, model=model, pictures=pictures, seconds=seconds, sections=sections)
        return [path.name for path in written]


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """A folder that is there as it is; else one that takes the name when all that the block writes is in it."""
    if out.is_dir():
        yield out
        return
    from instructcir.files import atomic_folder

    with atomic_folder(out) as new:
        yield new


def _steps(advance: Callable[[int], None]) -> Callable[[int, int], None]:
    """From "so many are done" to "so many more are done"."""
    before = 0

    def progress(done: int, _: int) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return progress
