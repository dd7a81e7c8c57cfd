"""`instructcir evaluate`: a model's scores on the four benchmarks, or on drawn worlds in their files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.cli.score import AllowMissing, Protocols, Published, Split, Submission, show
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.benchmarks.benchmark import Benchmark
    from instructcir.evaluation.report import Report
    from instructcir.evaluation.vectors import BenchmarkVectors
    from instructcir.model.embedder import Embedder

WORLD = "wardrobe"  # the one that all four layouts can show


def evaluate(
    ctx: typer.Context,
    model: ModelName,
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(metavar="BENCHMARK...", help="Any of fashioniq, cirr, circo and genecis; all with --worlds."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="The folder that holds the benchmarks' folders.")
    ] = None,
    worlds: Annotated[
        bool, typer.Option("--worlds", help="Draw small benchmarks in the official files, and evaluate on them.")
    ] = False,
    split: Split = None,
    protocols: Protocols = None,
    allow_missing: AllowMissing = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep vectors here: a second run takes seconds, a killed one goes on."),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit", help="Also ask with the picture alone, the text alone and their mean: does it compose?"
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write here: result cards (.json, .md), ranks of each query (.parquet), a page (.html).",
        ),
    ] = None,
    submission: Submission = None,
    published: Published = False,
    queries: Annotated[int, typer.Option(min=1, help="With --worlds: queries of each annotation file.")] = 40,
    gallery: Annotated[int, typer.Option(min=2, help="With --worlds: pictures of each gallery.")] = 160,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on benchmarks under every protocol, from one pass over the pictures; official ones are marked.

    A gallery with missing pictures is not scored unless --allow-missing is given. Splits whose answers are hidden need
    --submission.
    """
    if (root is None) != worlds:
        raise InputError("give either --root DIR, where the benchmarks' files are, or --worlds to draw small ones")
    if audit and (protocols or submission or allow_missing):
        raise InputError("--audit goes with none of --protocol, --submission and --allow-missing")
    if worlds and (split or protocols or submission or allow_missing):
        raise InputError("--worlds goes with none of --split, --protocol, --submission and --allow-missing")
    for folder in (out, submission):
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder}: no such folder; create it first")
    from instructcir.benchmarks.registry import NAMES, load_benchmark

    names = benchmarks or (list(NAMES) if worlds else [])
    if not names:
        raise InputError(f"name a benchmark: {', '.join(NAMES)}")
    with _roots(root, names, queries, gallery) as there, tempfile.TemporaryDirectory() as scratch:
        loaded = [load_benchmark(name, there, split) for name in names]
        for benchmark in loaded:
            _check(benchmark, protocols or [], submission, allow_missing)
        embedder = load(ctx, _model(model, Path(scratch)), device, dtype, base)
        run = _Run(embedder, model, tuple(protocols or ()), allow_missing, cache, out, audit)
        for benchmark in loaded:
            run.one(benchmark, submission, as_json, published)


@contextmanager
def _roots(root: Path | None, names: list[str], queries: int, gallery: int) -> Iterator[Path]:
    """The given folder, or one of drawn benchmarks."""
    if root is not None:
        yield root
        return
    from instructcir.worlds.export import exported, write_export
    from instructcir.worlds.exported import Size
    from instructcir.worlds.registry import world

    drawn, size = world(WORLD), Size(queries, gallery, side=224)
    with tempfile.TemporaryDirectory(prefix="instructcir-worlds-") as folder:
        made = {name: exported(drawn, name, size) for name in dict.fromkeys(names)}
        with progress_bar("drawing", sum(len(one.pictures) for one in made.values())) as advance:
            for name, one in made.items():
                write_export(drawn, one, Path(folder) / name, side=size.side, progress=advance)
        yield Path(folder)


def _model(name: str, scratch: Path) -> str:
    """The model, or random weights where the package lacks the one that comes with it; then it is said."""
    from instructcir.cli.demo import folder_or_stand_in

    folder, remark = folder_or_stand_in(name, scratch)
    if folder != name:
        typer.echo(f"note: {remark}", err=True)
    return folder


def _check(benchmark: Benchmark, protocols: list[str], submission: Path | None, allow_missing: bool) -> None:
    """Find out before the work, not after it."""
    from instructcir.benchmarks.completeness import require_pictures
    from instructcir.evaluation.scoring import chosen_protocols, require_answers

    chosen_protocols(benchmark, protocols)
    if submission is None:
        require_answers(benchmark)
    if not allow_missing:
        require_pictures(benchmark.pictures, benchmark.name)


class _Run:
    """One model on several benchmarks."""

    def __init__(
        self,
        embedder: Embedder,
        name: str,
        protocols: tuple[str, ...],
        allow_missing: bool,
        cache: Path | None,
        out: Path | None,
        audit: bool,
    ) -> None:
        from instructcir.evaluation.vector_cache import VectorCache
        from instructcir.model.fingerprint import fingerprint

        self.embedder, self.name, self.out, self.audit = embedder, name, out, audit
        self.protocols, self.allow_missing = protocols, allow_missing
        self.fingerprint = fingerprint(embedder) if cache or out else ""
        self.cache = VectorCache(cache, self.fingerprint) if cache else None

    def one(self, benchmark: Benchmark, submission: Path | None, as_json: bool, published: bool) -> None:
        """Encode, score, print and write what was asked for."""
        from instructcir.evaluation.encode import encode
        from instructcir.evaluation.scoring import chosen_protocols, score_vectors
        from instructcir.evaluation.submission import write_submissions

        chosen = chosen_protocols(benchmark, self.protocols)
        start = time.monotonic()
        with progress_bar(f"{benchmark.title}, pictures", len(benchmark.pictures)) as advance:
            vectors = encode(
                self.embedder,
                benchmark,
                chosen,
                allow_missing=self.allow_missing,
                references=self.audit,
                cache=self.cache,
                progress=_steps(advance),
            )
        encoded = time.monotonic()
        if not benchmark.hidden:
            report = score_vectors(benchmark, vectors, protocols=self.protocols, allow_missing=self.allow_missing)
            show(report, as_json, published)
            told = self._audit(benchmark, vectors, as_json) if self.audit else []
            if self.out is not None:
                seconds = {"encoding": encoded - start, "scoring": time.monotonic() - encoded}
                self._page(report, benchmark, told)
                self._card(report, benchmark, [name for name in vectors.gallery], seconds)
        if submission is not None:
            for path in write_submissions(benchmark, vectors, submission, protocol=next(iter(self.protocols), None)):
                typer.echo(f"{path}: written, and checked as the server does", err=True)

    def _audit(self, benchmark: Benchmark, vectors: BenchmarkVectors, as_json: bool) -> list[str]:
        from instructcir.evaluation.audit import audit, lines, summary

        found = audit(self.embedder, benchmark, vectors)
        if not as_json:
            typer.echo("\n".join(["audit, in percent", *lines(found)]))
            return lines(found)
        for name, report in found.reports.items():
            values = {row.part: dict(row.values) for row in report.rows() if row.official}
            print_json_line({"benchmark": benchmark.name, "audit": name, "values": values})
        print_json_line({"benchmark": benchmark.name, "audit": "summary", **summary(found)})
        return lines(found)

    def _page(self, report: Report, benchmark: Benchmark, audit: list[str]) -> None:
        from instructcir.evaluation.page import report_page
        from instructcir.files import write_atomic

        assert self.out is not None
        about = [
            f"model: {self.name}, fingerprint {self.fingerprint}",
            f"device: {self.embedder.checkpoint.placement.why}",
        ]
        path = self.out / f"{benchmark.name}_{benchmark.split}.html"
        write_atomic(path, report_page(report, benchmark, about=about, audit=audit))
        typer.echo(f"{path}: written", err=True)

    def _card(self, report: Report, benchmark: Benchmark, names: list[str], seconds: dict[str, float]) -> None:
        from instructcir.evaluation.card import write_card
        from instructcir.files import sha256_of

        assert self.out is not None
        digest = self.cache.digest if self.cache else sha256_of
        checkpoint = self.embedder.checkpoint
        model = {
            "model": self.name,
            "fingerprint": self.fingerprint,
            "prompts": self.embedder.prompts.to_dict(),
            "device": checkpoint.placement.why,
        }
        pictures = {name: digest(benchmark.pictures[name].path) for name in names}
        for path in write_card(report, self.out, model=model, pictures=pictures, seconds=seconds):
            typer.echo(f"{path}: written", err=True)


def _steps(advance: Callable[[int], None]) -> Callable[[int, int], None]:
    """From "so many are done" to "so many more are done"."""
    before = 0

    def progress(done: int, _: int) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return progress
