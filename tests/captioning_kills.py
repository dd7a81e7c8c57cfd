"""Captions pictures through a server, to be killed: `python captioning_kills.py URL FOLDER PICTURES`.

The server answers each picture with its number, and misbehaves at the first try of some.
"""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Semaphore
from typing import Any

from PIL import Image

from asking_kills import patient
from instructcir.synthesis.answers import Answers
from instructcir.synthesis.captioning import pictures_below, write_captioned
from language_server import Behaviour, Reply, completion
from test_adapting import COLOURS, THINGS

COPIES, SIDE, REFUSED = 4, 64, 11
IN_FLIGHT = 8
"""Questions that are on their way at a time, and so at a kill, at most."""
CAPTIONS = [f"A {colour} {thing} on a table." for colour in COLOURS for thing in THINGS]


def draw(folder: Path) -> None:
    """A picture for each caption, and copies of the first: what is equal is paid for once."""
    folder.mkdir()
    for number in range(len(CAPTIONS)):
        Image.new("RGB", (SIDE, SIDE), (6 * number,) * 3).save(folder / f"{number:02}.png")
    for number in range(COPIES):
        (folder / f"{number:02}.copy.png").write_bytes((folder / f"{number:02}.png").read_bytes())


def number_in(body: dict[str, Any]) -> int:
    """Which of them a request shows."""
    url = body["messages"][-1]["content"][0]["image_url"]["url"]
    shade = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L").tobytes()[0]
    return round(shade / 6)


def misbehaving(paid: Counter[int], delay: float, allowed: Semaphore | None = None) -> Behaviour:
    """Counts, for each picture, the answers that cost; gives no more of them than are allowed, and lets others wait."""

    def behaviour(body: dict[str, Any], before: int) -> Reply:
        number = number_in(body)
        if not before and number % 6 == 1:
            return Reply("{}", status=429, headers={"Retry-After": "0"})
        if not before and number % 6 == 2:
            return Reply("{}", status=503)
        if not before and number % 6 == 3:
            return Reply("no JSON", delay=delay)
        paid[number] += 1
        if allowed is not None:
            allowed.acquire()
        if number % REFUSED == REFUSED - 1:
            return Reply(completion(None, refusal=CAPTIONS[number]), delay=delay)
        return Reply(completion(CAPTIONS[number]), delay=delay)

    return behaviour


def kept(answers: Path) -> set[int]:
    """The numbers of the pictures that have an answer."""
    if not answers.exists():
        return set()
    with closing(sqlite3.connect(answers, timeout=60)) as file:
        if not file.execute("SELECT name FROM sqlite_master WHERE name = 'answers'").fetchall():
            return set()  # the file is being made
        return {CAPTIONS.index(text) for (text,) in file.execute("SELECT text FROM answers")}


def captioned(file: Path) -> list[tuple[str, str, str]]:
    """Id, picture and caption of each pair."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [(row["id"], Path(row["image"]).name, row["caption"]) for row in rows]


def run(url: str, folder: Path, pictures: Path) -> list[tuple[str, str]]:
    """Caption them; return what was left out."""
    folder.mkdir(exist_ok=True)
    left_out: list[tuple[str, str]] = []
    with Answers(folder / "answers.sqlite") as answers:
        asker = patient(url, answers, concurrency=IN_FLIGHT)

        def on_bad(path: str, why: str) -> None:
            left_out.append((Path(path).name, why))

        write_captioned(folder / "pairs.jsonl", pictures_below(pictures), asker, "What does it show?", on_bad=on_bad)
    return left_out


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
