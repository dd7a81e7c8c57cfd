"""Many minutes of everything that a server does, while other processes index and re-index under it."""

from __future__ import annotations

import asyncio
import io
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from common.talking import Talker, form, get, post
from PIL import Image

CLIENTS = 16
_SAMPLE_SECONDS = 2.0


class Errors:
    """Answers that should not have been."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()

    async def checked(self, talker: Talker, kind: str, request: bytes, wanted: tuple[int, ...] = (200,)) -> Any:
        """The answer's JSON, where it is some."""
        self.asked[kind] += 1
        status, body = await talker.ask(request)
        if status not in wanted:
            self.counts[f"{kind}: {status} {body[:120]!r}"] += 1
        return json.loads(body) if body[:1] == b"{" else None


def _png(chance: random.Random) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 64), tuple(chance.randrange(256) for _ in range(3))).save(made, "PNG")
    return made.getvalue()


async def _search(talker: Talker, errors: Errors, ids: list[str], chance: random.Random) -> None:
    body = {"references": [{"id": chance.choice(ids)}], "modification": f"in red {chance.random()}"}
    await errors.checked(talker, "search", post("/v1/search", body))


async def _upload(talker: Talker, errors: Errors, ids: list[str], chance: random.Random) -> None:
    await errors.checked(
        talker, "upload", form("/v1/search", _png(chance), {"modification": f"wider {chance.random()}"})
    )


async def _session(talker: Talker, errors: Errors, ids: list[str], chance: random.Random) -> None:
    opened = await errors.checked(
        talker, "session", post("/v1/sessions", {"reference": {"id": chance.choice(ids)}}), (201,)
    )
    if not opened or "session" not in opened:
        return
    at = f"/v1/sessions/{opened['session']}"
    for edit in ("in red", f"shorter {chance.random()}"):
        await errors.checked(talker, "refine", post(f"{at}/refine", {"edit": edit}))
    await errors.checked(talker, "undo", post(f"{at}/undo", {}))
    if chance.random() < 0.8:  # some are left open: they must fall away by themselves
        await errors.checked(talker, "close", get(at, "DELETE"), (204,))


async def _thumbnail(talker: Talker, errors: Errors, ids: list[str], chance: random.Random) -> None:
    await errors.checked(talker, "thumbnail", get(f"/v1/thumbnails/{chance.choice(ids)}"))
    await errors.checked(talker, "image", get(f"/v1/images/{chance.choice(ids)}?side=64"))


WORK: tuple[Callable[..., Awaitable[None]], ...] = (_search, _search, _upload, _session, _thumbnail, _thumbnail)


async def _client(port: int, ids: list[str], until: float, number: int, errors: Errors) -> None:
    chance = random.Random(number)
    async with Talker(port) as talker:
        while time.monotonic() < until:
            await chance.choice(WORK)(talker, errors, ids, chance)


async def _reindexing(
    folder: Path, models: list[Path], photos: Path, until: float, draw: Callable[..., None]
) -> tuple[int, int]:
    """Take turns: a few new pictures, and the whole index with the other model; how often each was done."""
    updates = switches = 0
    while time.monotonic() < until:
        draw(photos, 5, seed=updates + 1)
        await _command("index", str(photos), "--into", str(folder), "--model", str(models[switches % 2]))
        updates += 1
        await _command("reindex", str(folder), "--model", str(models[(switches + 1) % 2]))
        switches += 1
    return updates, switches


async def _command(*words: str) -> None:
    command = [sys.executable, "-m", "instructcir", *words]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr[-500:]}")


async def _memory(process: int, until: float) -> list[float]:
    """MB that the server holds, again and again."""
    found = []
    while time.monotonic() < until:
        found.append(psutil.Process(process).memory_info().rss / 2**20)
        await asyncio.sleep(_SAMPLE_SECONDS)
    return found


def mixed_load(
    port: int, process: int, folder: Path, models: list[Path], photos: Path, minutes: float, draw: Callable[..., None]
) -> dict[str, Any]:
    """Run it, and show what came out."""

    async def run() -> tuple[Errors, list[float], tuple[int, int]]:
        until, errors = time.monotonic() + 60 * minutes, Errors()
        async with Talker(port) as talker:
            _, body = await talker.ask(get("/v1/pictures?count=60"))
        ids = [picture["id"] for picture in json.loads(body)["pictures"]]
        clients = [_client(port, ids, until, number, errors) for number in range(CLIENTS)]
        told = await asyncio.gather(_memory(process, until), _reindexing(folder, models, photos, until, draw), *clients)
        return errors, told[0], told[1]

    errors, memory, (updates, switches) = asyncio.run(run())
    fifth = max(len(memory) // 5, 1)
    early, late = float(np.median(memory[fifth : 2 * fifth] or memory)), float(np.median(memory[-fifth:]))
    asked = sum(errors.asked.values())
    print(f"{minutes:g} minutes, {CLIENTS} clients: {asked:,} requests, {sum(errors.counts.values())} errors")
    print(f"meanwhile {updates} updates of the index and {switches} switches to another model")
    print(
        f"memory: {early:.0f} MB in the second fifth of the time, {late:.0f} MB in the last; most {max(memory):.0f} MB"
    )
    for said, count in errors.counts.most_common(5):
        print(f"  {count} x {said}")
    return {
        "requests": dict(errors.asked),
        "errors": dict(errors.counts),
        "switches": switches,
        "memory": {"early": early, "late": late, "most": max(memory), "samples": memory},
    }
