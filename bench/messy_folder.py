"""A messy folder of 3,000 files, indexed once: each refused file named with its reason, the rest searchable.

    python bench/messy_folder.py                # 3,000 small pictures among everything that goes wrong
    python bench/messy_folder.py --count 300

Root may read everything, so the run is then made without that right (setpriv). What this Pillow cannot write is said.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = ("png", "jpg", "webp", "gif", "tiff", "avif", "bmp", "jp2", "ppm", "tga")
NAMES = ("ü 更 🙂", "שלום", "a'b\"c", " spaces  ", "new\nline", "%2e%2e", "-rf", "ñ" * 110, "e\u0301 combined")


def picture(generator: np.random.Generator) -> Image.Image:
    return Image.fromarray(generator.integers(0, 256, (3, 3, 3), dtype=np.uint8)).resize(
        (48, 40), Image.Resampling.NEAREST
    )


def write_good(folder: Path, count: int) -> tuple[int, list[str]]:
    """Pictures of every kind, under names of every sort; how many, and the kinds that could not be written."""
    generator, unwritten, made = np.random.default_rng(0), [], 0
    for kind in [*KINDS, "heic"]:
        try:
            picture(generator).save(folder / f"trial.{kind}")
        except (OSError, KeyError, ValueError) as error:
            unwritten.append(f"{kind} ({error})")
    kinds = [kind for kind in KINDS if (folder / f"trial.{kind}").exists()]
    for kind in kinds:
        (folder / f"trial.{kind}").unlink()
    while made < count:
        place = folder / f"year {2000 + made % 20}" / NAMES[made % len(NAMES)]
        place.mkdir(parents=True, exist_ok=True)
        picture(generator).save(place / f"{NAMES[made % len(NAMES)]} {made}.{kinds[made % len(kinds)]}")
        made += 1
    return made, unwritten


def bomb(side: int) -> bytes:
    """A PNG of few bytes that claims to be side x side pixels."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", zlib.compress(bytes(64))) + part(b"IEND", b"")


def write_bad(folder: Path) -> dict[str, str]:
    """Everything that goes wrong: name within the folder -> what is wrong."""
    whole = next(folder.glob("year */*/*.png")).read_bytes()
    files = {
        "cut short.png": whole[: len(whole) // 2],
        "empty.jpg": b"",
        "text.jpg": b"this is no picture\n" * 20,
        "page.png": b"<html><body>404</body></html>",
        "phone.heic": b"\0\0\0\x18ftypheic" + bytes(400),
        "bomb.png": bomb(40_000),
        "large.png": bomb(17_000),
        "zeros.gif": bytes(1000),
    }
    wrong = {name: name.rpartition(".")[0] for name in files}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    Image.new("RGB", (4000, 1)).save(folder / "thin.png")  # odd, but a picture: it is to be found
    (folder / "loop").symlink_to(folder)
    (folder / "circle-a.png").symlink_to(folder / "circle-b.png")
    (folder / "circle-b.png").symlink_to(folder / "circle-a.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "closed").mkdir()
    (folder / "closed" / "inside.png").write_bytes(whole)
    (folder / "closed").chmod(0)
    (folder / "secret.png").write_bytes(whole + b" ")
    (folder / "secret.png").chmod(0)
    (folder / ".hidden.png").write_bytes(whole + b"  ")
    (folder / "not\udcffunicode.png").write_bytes(whole + b"   ")  # a name in no encoding
    links = ("loop", "circle-a.png", "circle-b.png", "gone.png", "pipe.png", "closed", "secret.png")
    return wrong | {name: name for name in links}


def write_metadata(folder: Path, place: Path) -> Path:
    """JSONL with what people's files hold: a BOM, blank lines, nulls, files that are not there, mixed numbers."""
    found = sorted(path.name for path in folder.glob("year */*/*.png"))[:40]
    lines = [
        json.dumps({"file": name, "price": number / 2 if number % 3 else None, "brand": "é 🙂"})
        for number, name in enumerate(found)
    ]
    table = place / "told.jsonl"
    table.write_text(
        "\ufeff" + "\n\n".join([*lines, json.dumps({"file": "nowhere.png", "price": 1})]) + "\n", encoding="utf-8"
    )
    return table


def run(*words: str, limited: bool) -> subprocess.CompletedProcess[str]:
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if limited else []
    command = [*drop, sys.executable, "-m", "instructcir", *words]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    chosen = parser.parse_args()
    limited = os.geteuid() == 0
    if limited and not shutil.which("setpriv"):
        raise SystemExit("run as root without setpriv, no folder is closed: run it as another user")
    with tempfile.TemporaryDirectory() as place:
        folder, index = Path(place) / "photos", str(Path(place) / "index")
        folder.mkdir()
        good, unwritten = write_good(folder, chosen.count)
        wrong = write_bad(folder)
        told = write_metadata(folder, Path(place))
        print(f"{good:,} pictures; not written by this Pillow: {', '.join(unwritten) or 'nothing'}")
        begin = time.perf_counter()
        made = run(
            "index", str(folder), "--into", index, "--metadata", str(told), "--device", "cpu", "--json", limited=limited
        )
        print(f"index: exit code {made.returncode}, {time.perf_counter() - begin:.0f} s; {made.stdout.strip()}")
        lines = [line for line in made.stderr.splitlines() if line.startswith("left out: ")]
        named = {name for name in wrong if any(f"/{name}: " in line for line in lines)}
        print(*lines, sep="\n")
        print(f"named: {len(named)} of {len(wrong)}; silent: {sorted(wrong.keys() - named) or 'none'}")
        asked = run("search", index, "-", "a red dress", "-k", "3", "--json", limited=limited)
        print(f"search: exit code {asked.returncode}, {len(asked.stdout.splitlines())} hits")
        counts = Counter(Path(one).suffix for one in _indexed(Path(index)))
        print(f"searchable: {sum(counts.values()):,}: {dict(counts)}")
        (folder / "closed").chmod(0o700)
        if made.returncode or asked.returncode or wrong.keys() - named:
            raise SystemExit(f"not as it should be\n{made.stderr[-2000:]}{asked.stderr[-500:]}")


def _indexed(index: Path) -> list[str]:
    from instructcir.index.reader import Gallery

    gallery = Gallery(index)
    return [row["path"] for row in gallery.describe(range(len(gallery)), ["path"])]


if __name__ == "__main__":
    main()
