"""Indexes a folder in a process of its own and kills that process at random moments: run by test_index_kills.

Each round forks, so that a round costs no new imports. What is left after every kill is looked at by a reader.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import lancedb  # noqa: F401 - a fork then has it

from index_writer import MeanColours, draw, identity
from instructcir.index.health import verify
from instructcir.index.manifest import exists
from instructcir.index.table import PictureTable
from instructcir.index.update import update_index


def in_a_fork(work: object, wait: float | None) -> int:
    """Run in a child; SIGKILL it after `wait` seconds if it has not ended. Its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()  # type: ignore[operator]
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a child must end here, whatever happens
            os.write(2, f"{error!r}\n".encode())
            os._exit(3)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(place: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    pictures, index = place / "pictures", place / "index"
    draw(pictures, [f"{number:02}.png" for number in range(60)])

    def run() -> None:
        update_index(index, [pictures], MeanColours(0.1), identity(), fragment=5)

    def look() -> None:
        if not exists(index):
            return
        wrong = verify(index)
        assert wrong == [], wrong

    kills = 0
    for number in range(rounds):
        draw(pictures, [f"{number}/{extra}.png" for extra in range(15)], seed=100 + number)  # work for 0.3 s at least
        kills += in_a_fork(run, chance.uniform(0.02, 0.35)) == -signal.SIGKILL
        assert in_a_fork(look, None) == 0, f"round {number}"
        if number % 4 == 3:  # the folder changes between runs, too
            names = sorted(path.name for path in pictures.glob("*.png"))
            os.rename(pictures / names[0], pictures / f"moved-{number}.png")
            os.remove(pictures / names[1])
            draw(pictures, [f"new-{number}.png", names[2]], seed=number)
    assert kills > rounds // 3, f"only {kills} kills hit a run"
    assert in_a_fork(run, None) == 0

    def compare() -> None:
        paths = sorted(row.path for row in PictureTable.open(index).states())
        assert paths == sorted(map(str, pictures.rglob("*.png"))), "lost or doubled"
        assert verify(index, files=True) == []

    assert in_a_fork(compare, None) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
