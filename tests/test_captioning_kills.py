"""Captioning through a server that misbehaves, killed at random: nothing is lost or doubled, or paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Semaphore

import captioning_kills as captioning
from cli_runs import run
from instructcir.data.reading import read_triplets
from language_server import LanguageServer, serving

EACH = 8
"""Answers that a run gets before it is killed, at most; by then it waits for others."""
MANY = 1000


def kill_at_random(
    command: list[str], server: LanguageServer, allowed: Semaphore, answers: Path, chance: Random
) -> None:
    """Start it, and kill it at some time after it has kept an answer, while others are on their way."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    before, deadline = captioning.kept(answers), time.monotonic() + 300
    more = time.monotonic() + 15
    allowed.release(chance.randint(2, EACH))
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while captioning.kept(answers) == before:
                assert process.poll() is None, "it ended before it was killed"
                assert time.monotonic() < deadline
                time.sleep(0.01)
                if time.monotonic() > more:  # a question of the run before came late and took what was allowed
                    allowed.release()
                    more = time.monotonic() + 5
            time.sleep(chance.uniform(0, 0.2))
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    allowed.release(MANY)
    time.sleep(0.3)
    while server.running:  # what it had asked for is still answered, and costs
        time.sleep(0.005)
    while allowed.acquire(blocking=False):
        pass


def killed_often(
    command: list[str], server: LanguageServer, allowed: Semaphore, paid: Counter[int], folder: Path, kills: int
) -> int:
    """Kill it several times; return how many answers were paid for and lost, as they were on their way."""
    chance, lost = Random(kills), 0
    answers = folder / "answers.sqlite"
    for number in range(1, kills + 1):
        before, spent = captioning.kept(answers), Counter(paid)
        kill_at_random(command, server, allowed, answers, chance)
        now = captioning.kept(answers)
        assert before <= now, "a kept answer is gone"
        assert all(paid[one] == spent[one] for one in before), "paid for what was kept"
        lost += (paid - spent).total() - len(now - before)
        assert 0 <= lost <= captioning.IN_FLIGHT * number, "more is lost than was on its way"
        assert not (folder / "pairs.jsonl").exists(), "a part passes for the whole"
    assert 0 < len(captioning.kept(answers)) < len(captioning.CAPTIONS)
    allowed.release(MANY)
    return lost


def expected_pairs() -> list[tuple[str, str, str]]:
    """What a run that nobody kills writes, by id: refused pictures are left out, copies are not."""
    numbers = range(len(captioning.CAPTIONS))
    named = [(f"{number:02}{kind}.png", number) for number in numbers for kind in ("", ".copy")]
    usable = [
        (name, captioning.CAPTIONS[number])
        for name, number in sorted(named)
        if number % captioning.REFUSED != captioning.REFUSED - 1 and (number < captioning.COPIES or "copy" not in name)
    ]
    return [(f"p{place:07}", name, caption) for place, (name, caption) in enumerate(usable)]


def test_captions_survive_kills(tmp_path: Path) -> None:
    captioning.draw(tmp_path / "photos")
    paid, allowed = Counter[int](), Semaphore(0)
    folder = tmp_path / "out"
    with serving(captioning.misbehaving(paid, 0.02, allowed)) as server:
        command = [sys.executable, captioning.__file__, server.url, str(folder), str(tmp_path / "photos")]
        lost = killed_often(command, server, allowed, paid, folder, kills=4)
        left_out = captioning.run(server.url, folder, tmp_path / "photos")
    assert captioning.captioned(folder / "pairs.jsonl") == expected_pairs()
    assert [name for name, _ in left_out] == ["10.png", "21.png", "32.png"]
    assert paid.keys() == set(range(len(captioning.CAPTIONS)))
    assert paid.total() == len(captioning.CAPTIONS) + lost


def test_an_adaptation_of_bare_pictures_survives_kills(built: Callable[..., Path], tmp_path: Path) -> None:
    captioning.draw(tmp_path / "photos")
    paid, allowed = Counter[int](), Semaphore(0)
    out = tmp_path / "out"
    with serving(captioning.misbehaving(paid, 0.02, allowed)) as server:
        arguments = ["adapt", str(tmp_path / "photos"), "--base", str(built("llava-clip-llama")), "--into", str(out)]
        arguments += ["--captioner", "openai:m", "--base-url", server.url, "--held-out", "0.4", "--steps", "2"]
        arguments += ["--old-worlds", "0", "--hard-negatives", "0"]
        lost = killed_often([sys.executable, "-m", "instructcir", *arguments], server, allowed, paid, out, kills=3)
        run(*arguments)
        assert captioning.captioned(out / "pairs.jsonl") == expected_pairs()
        assert paid.total() == len(captioning.CAPTIONS) + lost
        first = json.loads((out / "report.json").read_text())
        run(*arguments)
        assert paid.total() == len(captioning.CAPTIONS) + lost
    assert json.loads((out / "report.json").read_text()) == first
    triplets = [one.id for part in ("train", "test") for one in read_triplets(out / f"{part}.parquet")]
    assert len(triplets) == len(set(triplets))
    assert first["about"]["triplets to learn from"] + first["about"]["triplets of the test"] == len(triplets)


def test_copies_that_are_asked_about_together_are_paid_for_once(tmp_path: Path) -> None:
    captioning.draw(tmp_path / "photos")
    paid = Counter[int]()
    with serving(captioning.misbehaving(paid, 0.2)) as server:  # slow enough for a copy's turn to come meanwhile
        captioning.run(server.url, tmp_path / "out", tmp_path / "photos")
    assert set(paid.values()) == {1}
    assert captioning.captioned(tmp_path / "out" / "pairs.jsonl") == expected_pairs()
