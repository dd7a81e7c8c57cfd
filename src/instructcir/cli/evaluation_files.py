"""Files about a benchmark's queries that `instructcir evaluate` takes: wordings, negatives, captions of targets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.evaluation_run import Beside
from instructcir.cli.output import progress_bar
from instructcir.endpoints import KEY
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.benchmarks.benchmark import Benchmark


Paraphrases = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Several wordings of each query: mean, worst and spread of each score."),
]
Captions = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What each query's target shows, in words: scored as text-to-image search."),
]
CaptionsFrom = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Have a model behind an OpenAI-compatible address write the captions; --captions keeps its answers.",
    ),
]
CaptionsModel = Annotated[
    str | None, typer.Option(metavar="NAME", help=f"Which model there. Its key is taken from {KEY}.")
]
ReferenceCaptions = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Tell that model what references show, in place of sending the pictures."),
]


@dataclass(frozen=True, slots=True)
class QueryFiles:
    """What was named on the command line."""

    paraphrases: Path | None
    negatives: Path | None
    captions: Path | None
    captions_from: str | None
    captions_model: str | None
    reference_captions: Path | None

    @property
    def named(self) -> str:
        """The first option that was given; empty where none was."""
        given = {
            "--paraphrases": self.paraphrases,
            "--negatives": self.negatives,
            "--captions": self.captions,
            "--captions-from": self.captions_from,
            "--captions-model": self.captions_model,
            "--reference-captions": self.reference_captions,
        }
        return next((name for name, value in given.items() if value is not None), "")

    def check(self) -> None:
        """Find options that say nothing together.

        Raises:
            InputError: there are such.
        """
        if (self.captions_from is None) != (self.captions_model is None):
            raise InputError("--captions-from URL and --captions-model NAME go together; give both")
        if self.captions_from is not None and self.captions is None:
            raise InputError("--captions-from keeps its answers in a file; name it with --captions FILE.json")
        if self.captions_from is None and self.reference_captions is not None:
            raise InputError("--reference-captions is for the model that --captions-from names; give that too")
        if self.captions_from is not None and not self.captions_from.startswith(("http://", "https://")):
            raise InputError(f"--captions-from {self.captions_from}: no http address; give http://HOST:PORT/v1")

    def read(self, benchmark: Benchmark, audit: bool) -> Beside:
        """All files, checked against a benchmark; captions that a model has still to write are written first.

        Raises:
            InputError: a file cannot be used, or the model cannot be asked.
        """
        from instructcir.evaluation.captions import read_captions
        from instructcir.evaluation.negatives import read_negatives
        from instructcir.evaluation.paraphrases import read_paraphrases

        wordings = None if self.paraphrases is None else read_paraphrases(self.paraphrases, benchmark)
        wrong = None if self.negatives is None else read_negatives(self.negatives, benchmark)
        captions = None
        if self.captions_from is not None:
            captions = self._written(benchmark)
        elif self.captions is not None:
            captions = read_captions(self.captions, benchmark)
        return Beside(audit, wordings, wrong, captions)

    def _written(self, benchmark: Benchmark) -> dict[str, str]:
        from instructcir.evaluation.caption_answers import write_captions
        from instructcir.evaluation.caption_model import CaptionModel
        from instructcir.evaluation.captions import read_reference_captions

        assert self.captions is not None
        shown = self.reference_captions and read_reference_captions(self.reference_captions, benchmark)
        model = CaptionModel(self.captions_from or "", self.captions_model or "", os.environ.get(KEY, ""))
        queries = sum(len(part.queries) for part in benchmark.parts)
        with progress_bar(f"{benchmark.title}, captions", queries) as advance:
            return write_captions(model, benchmark, self.captions, shown=shown or None, progress=advance)
