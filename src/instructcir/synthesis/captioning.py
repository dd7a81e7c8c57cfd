"""Pairs from pictures without captions: a model says what each shows."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from instructcir.data.writing import stored_path
from instructcir.errors import ImageError, InputError
from instructcir.files import PathLike, atomic_file
from instructcir.images import open_rgb
from instructcir.items import PICTURE_SUFFIXES
from instructcir.synthesis.asking import Question, Turn
from instructcir.synthesis.patient import Patient

_LONGEST = 100  # tokens of a caption
_AHEAD = 32  # calls

OnBad = Callable[[str, str], None]
"""Called with a picture that is left out, and the reason."""


def pictures_below(folder: PathLike) -> list[str]:
    """All pictures below a folder, by path.

    Raises:
        InputError: there is no such folder, or no picture.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{os.fspath(folder)}: no such folder; a captioner takes a folder of pictures")
    found = [
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(PICTURE_SUFFIXES) and not name.startswith(".")
    ]
    if not found:
        raise InputError(f"{os.fspath(folder)}: holds no pictures")
    return sorted(found)


def captions_of(pictures: Iterable[str], patient: Patient, prompt: str, on_bad: OnBad) -> Iterator[tuple[str, str]]:
    """Captions of pictures, in their order.

    Args:
        pictures: paths.
        patient: asks the model.
        prompt: what it is asked.
        on_bad: called for each picture that cannot be used or got no caption.

    Returns:
        An iterator over paths with captions.

    Raises:
        InstructcirError: as `Patient.ask` does, while it is read.
    """
    left = iter(pictures)
    size = patient.asker.at_once

    def ask(paths: list[str]) -> list[tuple[str, str, str]]:
        """Path, caption, and what is wrong."""
        usable = {path: problem for path in paths if not (problem := _problem(path))}
        questions = [Question((Turn("user", prompt, (path,)),), longest=_LONGEST) for path in usable]
        answers = iter(patient.ask(questions) if questions else [])
        found = []
        for path in paths:
            if path not in usable:
                found.append((path, "", _problem(path)))
                continue
            answer = next(answers)
            caption = " ".join(answer.text.split()).strip('"')
            wrong = "" if answer.end == "stop" and caption else f"no caption ({answer.end}: {caption[:100]})"
            found.append((path, caption, wrong))
        return found

    with ThreadPoolExecutor(patient.asker.concurrency) as pool:
        waiting = []
        groups = iter(lambda: list(itertools.islice(left, size)), [])
        for group in groups:
            waiting.append(pool.submit(ask, group))
            if len(waiting) >= _AHEAD:
                yield from _told(waiting.pop(0).result(), on_bad)
        for job in waiting:
            yield from _told(job.result(), on_bad)


def write_captioned(
    path: PathLike,
    pictures: Iterable[str],
    patient: Patient,
    prompt: str,
    *,
    on_bad: OnBad,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Pairs of pictures and captions as a JSONL file, which appears when it is whole. What was answered is kept.

    Args:
        path: the file, ".jsonl".
        pictures: paths.
        patient: asks the model.
        prompt: what it is asked.
        on_bad: as for `captions_of`.
        progress: called with numbers of pictures that are captioned.

    Returns:
        How many pairs it holds.

    Raises:
        InputError: no picture got a caption, or the file cannot be written.
        InstructcirError: as `Patient.ask` does.
    """
    count = 0
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for picture, caption in captions_of(pictures, patient, prompt, on_bad):
            row = {"id": f"p{count:07}", "image": stored_path(picture, path), "caption": caption}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
            if progress is not None:
                progress(1)
        if not count:
            raise InputError("no picture got a caption; look at the reasons, and try another captioner")
    return count


def _told(found: list[tuple[str, str, str]], on_bad: OnBad) -> Iterator[tuple[str, str]]:
    for path, caption, wrong in found:
        if wrong:
            on_bad(path, wrong)
        else:
            yield path, caption


def _problem(path: str) -> str:
    try:
        open_rgb(path, min_side=64)
    except ImageError as error:
        return error.reason
    return ""
