"""What `instructcir synthesize` is put together from: who writes, from what, for how much."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instructcir.cli.output import progress_bar
from instructcir.endpoints import KEY
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.synthesis.answers import Answers
    from instructcir.synthesis.asking import Asker
    from instructcir.synthesis.neighbours import Neighbours
    from instructcir.synthesis.patient import Patient
    from instructcir.synthesis.spending import Limits, Prices
    from instructcir.synthesis.writer import Writer
    from instructcir.synthesis.written import Source

ANSWERS = "answers.sqlite"
_NAMED = 5  # bad samples shown; the file names all


@dataclass(frozen=True, slots=True)
class Asking:
    """How language models are asked, as named on the command line."""

    base_url: str | None
    concurrency: int
    temperature: float
    structure: str
    timeout: float
    device: str
    dtype: str
    requests_a_minute: float | None
    tokens_a_minute: float | None
    limits: Limits
    prices: Prices

    def asker(self, name: str) -> Asker:
        """Who answers: "openai:MODEL" or "local:MODEL".

        Raises:
            InputError: it is neither.
            InstructcirError: it cannot be asked, or not be loaded.
        """
        kind, _, model = name.partition(":")
        if kind == "openai" and model:
            from instructcir.synthesis.endpoint import STRUCTURES, Access, Endpoint

            structure = next((one for one in STRUCTURES if one == self.structure), None)
            if structure is None:
                raise InputError(f"--structure is {self.structure!r}; give {', '.join(STRUCTURES)}")
            temperature = None if self.temperature < 0 else self.temperature
            key = os.environ.get(KEY, "")
            return Endpoint(Access(model, self.base_url, key, self.timeout, temperature, structure), self.concurrency)
        if kind == "local" and model:
            from instructcir.synthesis.local import LocalModel

            loaded = LocalModel(model, self.device, self.dtype)
            typer.echo(f"device: {loaded.why}", err=True)
            return loaded
        raise InputError(f"{name!r}: give rules, openai:MODEL or local:MODEL")

    def patient(self, name: str, answers: Answers) -> Patient:
        """Somebody who answers, with everything around it."""
        from instructcir.synthesis.patient import Patient
        from instructcir.synthesis.spending import Pace, Purse

        pace = Pace(self.requests_a_minute, self.tokens_a_minute)
        return Patient(self.asker(name), answers, Purse(self.limits, self.prices, answers.spent()), pace)


def writer_named(name: str, asking: Asking, answers: Answers, prompt: Path | None, shown: bool, seed: int) -> Writer:
    """The writer that was named.

    Raises:
        InputError: there is no such writer.
    """
    if name == "rules":
        from instructcir.synthesis.rules import RuleWriter

        if prompt is not None or shown:
            raise InputError("rules read no prompt and see no pictures; leave --prompt and --send-pictures out")
        return RuleWriter(seed)
    patient = asking.patient(name, answers)  # a missing package is named here, before it is imported below
    from instructcir.synthesis.prompt import read_prompt
    from instructcir.synthesis.prompted import PromptedWriter

    return PromptedWriter(patient, read_prompt(prompt), shown=shown)


@contextmanager
def left_out_into(path: Path) -> Iterator[Callable[[str, str], None]]:
    """Collect what is left out in a file, and say so at the end."""
    import json

    count = 0
    with path.open("w", encoding="utf-8") as file:

        def on_bad(name: str, reason: str) -> None:
            nonlocal count
            count += 1
            file.write(json.dumps({"id": name, "reason": reason}, ensure_ascii=False) + "\n")
            if count <= _NAMED:
                typer.echo(f"left out: {name}: {reason}", err=True)

        yield on_bad
    if not count:
        path.unlink()
    elif count > _NAMED:
        typer.echo(f"left out: {count:,} in all, listed in {path}", err=True)


def sources_of_pairs(pairs: str, on_bad: Callable[[str, str], None], limit: int | None) -> Iterator[Source]:
    """Sources from a file, folder or pattern of pairs, ids made unique where there are several files.

    Raises:
        InputError: there is none, and a captioner may be what is missing.
    """
    from instructcir.data.reading import files_of, read_pairs
    from instructcir.synthesis.written import Source

    try:
        files = files_of(pairs)
    except InputError as error:
        if os.path.isdir(pairs):
            raise InputError(f"{error}; to have pictures captioned first, give --captioner") from None
        raise

    def sources() -> Iterator[Source]:
        for number, pair in enumerate(read_pairs(pairs, on_bad=on_bad)):
            if number == limit:
                return
            assert isinstance(pair.image, str | bytes)
            name = pair.id if len(files) == 1 else f"{pair.id}@{number}"
            yield Source(name, pair.image, pair.caption)

    return sources()


def captioned(
    folder: str,
    into: Path,
    patient: Patient,
    prompt: Path | None,
    on_bad: Callable[[str, str], None],
    limit: int | None,
) -> str:
    """Caption a folder's pictures into a file of pairs, unless it is there already; return its name."""
    from instructcir.synthesis.captioning import pictures_below, write_captioned
    from instructcir.synthesis.prompt import read_caption_prompt

    if into.exists():
        typer.echo(f"{into}: there already; delete it to have the pictures captioned again", err=True)
        return str(into)
    pictures = pictures_below(folder)[:limit]
    text, _ = read_caption_prompt(prompt)
    with progress_bar("captioning", len(pictures)) as advance:
        count = write_captioned(into, pictures, patient, text, on_bad=on_bad, progress=advance)
    typer.echo(f"{into}: {count:,} pairs", err=True)
    return str(into)


def pairs_of_neighbours(index: str, count: int, alike: tuple[float, float], seed: int) -> list[Neighbours]:
    """Pairs of similar pictures of an index.

    Raises:
        InstructcirError: there is no such index, or no neighbours in it.
    """
    from instructcir.index.places import index_folder
    from instructcir.index.reader import Gallery
    from instructcir.synthesis.neighbours import pick_neighbours

    view = Gallery(index_folder(index)).view
    with progress_bar("looking for neighbours", len(view)) as advance:
        return pick_neighbours(view.vectors_GD, count, least=alike[0], most=alike[1], seed=seed, progress=advance)


def sources_of_neighbours(
    index: str,
    pairs: list[Neighbours],
    patient: Patient,
    prompt: Path | None,
    on_bad: Callable[[str, str], None],
) -> list[Source]:
    """Sources of two pictures from an index, both captioned.

    Raises:
        InstructcirError: there is no such index, or no captions for its pictures.
    """
    from instructcir.index.places import index_folder
    from instructcir.index.reader import Gallery
    from instructcir.synthesis.captioning import captions_of
    from instructcir.synthesis.prompt import read_caption_prompt
    from instructcir.synthesis.written import Source

    view = Gallery(index_folder(index)).view
    numbers = sorted({number for pair in pairs for number in (pair.reference, pair.target)})
    rows = dict(zip(numbers, view.describe(numbers, ["path"]), strict=True))
    text, _ = read_caption_prompt(prompt)
    captions: dict[str, str] = {}
    with progress_bar("captioning", len(numbers)) as advance:
        for path, caption in captions_of([rows[one]["path"] for one in numbers], patient, text, on_bad):
            captions[path] = caption
            advance(1)
    found = []
    for pair in pairs:
        first, second = rows[pair.reference], rows[pair.target]
        if first["path"] in captions and second["path"] in captions:
            texts = captions[first["path"]], captions[second["path"]]
            found.append(Source(f"{first['id']}-{second['id']}", first["path"], texts[0], second["path"], texts[1]))
    if not found:
        raise InputError(f"{index}: no two neighbours got captions; look at the reasons, and try another captioner")
    return found
