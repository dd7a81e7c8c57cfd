"""Writes are complete or absent, also when the writer fails or is killed half-way."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instructcir import files
from instructcir.errors import InputError
from instructcir.files import atomic_file, atomic_folder, sha256_of, write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_folder(path: Path, content: str, *, replace: bool = False) -> None:
    with atomic_folder(path, replace=replace) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text(content)


@pytest.fixture(params=["one step", "two steps"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to replace a folder: the system's exchange, and the renames where there is none."""
    if request.param == "two steps":
        monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    return str(request.param)


@pytest.mark.parametrize("data", [b"\x00\xff" * 5000, "grün", "", b""])
def test_write_round_trip(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "a.bin"
    path.write_text("older and longer " * 1000)
    write_atomic(path, data)
    assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert names(tmp_path) == ["a.bin"]


def test_write_gives_a_new_file_the_usual_mode_and_keeps_an_old_ones(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_text("x")
    write_atomic(ours, "x")
    assert ours.stat().st_mode == plain.stat().st_mode
    ours.chmod(0o600)
    write_atomic(ours, "y")
    assert ours.stat().st_mode & 0o777 == 0o600


def test_write_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"a: cannot write: No space left on device$"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_write_refuses_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a regular file"):
        write_atomic(tmp_path, "x")
    with pytest.raises(InputError, match="nowhere does not exist; create it first"):
        write_atomic(tmp_path / "nowhere" / "a", "x")


def test_write_flushes_before_it_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (events.append("fsync"), fsync(descriptor))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("rename"), replace(self, to))[1])
    write_atomic(tmp_path / "a", "x")
    assert events == ["fsync", "rename", "fsync"]


def test_a_file_filled_piece_by_piece_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "large"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"

    def fail() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
    assert target.read_text() == "new"
    with pytest.raises(InputError, match="does not exist; create it first"), atomic_file(tmp_path / "a" / "b"):
        pass
    with pytest.raises(InputError, match="is not a regular file"), atomic_file(tmp_path):
        pass


def test_folder_round_trip(tmp_path: Path) -> None:
    make_folder(tmp_path / "model", "one")
    assert (tmp_path / "model" / "inner" / "a.txt").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_folder_files_have_the_usual_mode_though_a_library_wrote_them_as_temporary_ones(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    with atomic_folder(tmp_path / "made") as folder:
        (folder / "inner").mkdir()
        for name in ("inner/temporary", "script"):
            (folder / name).write_text("x")
        (folder / "inner" / "temporary").chmod(0o600)
        (folder / "script").chmod(0o700)
    assert (tmp_path / "made" / "inner" / "temporary").stat().st_mode == plain.stat().st_mode
    assert (tmp_path / "made" / "script").stat().st_mode & 0o777 == 0o700


def test_folder_is_not_there_before_the_block_ends(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "model") as folder:
        assert folder.parent == tmp_path
        assert not (tmp_path / "model").exists()


def test_folder_flushes_every_file_and_folder_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush = files._flush
    monkeypatch.setattr(files, "_flush", lambda path: (flushed.append(path.name), flush(path))[1])
    make_folder(tmp_path / "model", "one")
    *contents, last = flushed
    assert len(contents) == 3
    assert {"a.txt", "inner"} < set(contents)
    assert last == tmp_path.name  # the folder that holds the new name, after the rename


def test_folder_may_be_there_and_empty(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    make_folder(tmp_path / "model", "one")
    assert names(tmp_path / "model") == ["inner"]


def test_folder_with_content_is_refused_before_any_work(tmp_path: Path) -> None:
    make_folder(tmp_path / "model", "one")
    with (
        pytest.raises(InputError, match="exists and is not empty; choose another name or ask to replace it"),
        atomic_folder(tmp_path / "model"),
    ):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["model"]


def test_folder_filled_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"), atomic_folder(tmp_path / "model"):
        make_folder(tmp_path / "model", "theirs")
    assert (tmp_path / "model" / "inner" / "a.txt").read_text() == "theirs"
    assert names(tmp_path) == ["model"]


def test_folder_refuses_a_file_and_a_missing_parent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"), atomic_folder(tmp_path / "file", replace=True):
        pytest.fail("the block must not run")
    with pytest.raises(InputError, match="does not exist; create it first"), atomic_folder(tmp_path / "a" / "b"):
        pytest.fail("the block must not run")


def test_folder_is_replaced_as_a_whole(tmp_path: Path, swap: str) -> None:
    make_folder(tmp_path / "model", "one")
    (tmp_path / "model" / "stale").write_text("x")
    make_folder(tmp_path / "model", "two", replace=True)
    assert names(tmp_path / "model") == ["inner"]
    assert (tmp_path / "model" / "inner" / "a.txt").read_text() == "two"
    assert names(tmp_path) == ["model"]


def test_folder_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path, swap: str) -> None:
    make_folder(tmp_path / "v1", "one")
    (tmp_path / "model").symlink_to("v1")
    make_folder(tmp_path / "model", "two", replace=True)
    assert (tmp_path / "model").is_symlink()
    assert (tmp_path / "v1" / "inner" / "a.txt").read_text() == "two"


def raise_after_writing(folder: Path, error: BaseException) -> None:
    (folder / "half").write_text("x")
    raise error


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_folder_error_passes_on_and_nothing_remains(tmp_path: Path, swap: str, error: type[BaseException]) -> None:
    make_folder(tmp_path / "model", "one")
    with pytest.raises(error, match="mine"), atomic_folder(tmp_path / "model", replace=True) as folder:
        raise_after_writing(folder, error("mine"))
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "inner" / "a.txt").read_text() == "one"


def test_two_step_swap_that_fails_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    make_folder(tmp_path / "model", "one")
    rename = Path.rename

    def refuse_the_new(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(InputError, match="Input/output error"):
        make_folder(tmp_path / "model", "two", replace=True)
    assert (tmp_path / "model" / "inner" / "a.txt").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_two_step_swap_deletes_the_old_folder_only_when_the_new_one_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda first, second: False)
    make_folder(tmp_path / "model", "one")
    (tmp_path / ".model.old").mkdir()  # as a process leaves it that was killed before it deleted the old one
    (tmp_path / ".model.old" / "older").write_text("x")
    events: list[str] = []
    flush, rmtree = files._flush, files.shutil.rmtree
    monkeypatch.setattr(files, "_flush", lambda path: (events.append(f"flush {path.name}"), flush(path))[1])

    def recording(path: Path, **options: bool) -> None:
        events.append(f"delete {path.name}")
        rmtree(path, **options)

    monkeypatch.setattr(files.shutil, "rmtree", recording)
    make_folder(tmp_path / "model", "two", replace=True)
    assert events.count("delete .model.old") == 2
    last_delete = len(events) - 1 - events[::-1].index("delete .model.old")
    assert events[last_delete - 1] == f"flush {tmp_path.name}"
    assert names(tmp_path) == ["model"]


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from instructcir import files

way, after, target = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
if way == "two steps":
    files._exchange = lambda first, second: False
calls = 0

def killing(do):
    def step(*arguments, **options):
        global calls
        if calls == after:
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        return do(*arguments, **options)
    return step

# Every call that changes what names stand in the parent folder, or makes it last.
Path.rename, files._flush = killing(Path.rename), killing(files._flush)
files._exchange, files.shutil.rmtree = killing(files._exchange), killing(files.shutil.rmtree)
with files.atomic_folder(target, replace=True) as folder:
    (folder / "a.txt").write_text("two")
"""


@pytest.mark.parametrize("way", ["one step", "two steps"])
def test_killed_at_any_step_the_folder_is_the_old_or_the_new_one(tmp_path: Path, way: str) -> None:
    seen = []
    for after in range(20):
        target = tmp_path / str(after) / "model"
        target.parent.mkdir()
        with atomic_folder(target) as folder:
            (folder / "a.txt").write_text("one")
        process = subprocess.run([sys.executable, "-c", KILLED_WRITER, way, str(after), str(target)], check=False)
        seen.append((target / "a.txt").read_text() if target.exists() else "missing")
        # Whatever happened, the next writer finds a usable place, and fails without losing what was there.
        with pytest.raises(RuntimeError), atomic_folder(target, replace=True):
            raise RuntimeError
        assert (target / "a.txt").read_text() in ("one", "two")
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    allowed = {"one", "two"} if way == "one step" and sys.platform == "linux" else {"one", "two", "missing"}
    assert seen[0] == "one"
    assert seen[-1] == "two"
    assert set(seen) <= allowed


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_001)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_001).hexdigest()


def test_sha256_names_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone: cannot read: No such file or directory$"):
        sha256_of(tmp_path / "gone")
    with pytest.raises(InputError, match=r"cannot read: Is a directory$"):
        sha256_of(tmp_path)


@pytest.mark.parametrize("in_one_step", [True, False])
def test_two_folders_swap_their_names(in_one_step: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not in_one_step:
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name, encoding="utf-8")
    files.swap_folders(tmp_path / "a", tmp_path / "b")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == ["a", "a/b", "b", "b/a"]
    with pytest.raises(InputError, match="cannot write"):
        files.swap_folders(tmp_path / "a", tmp_path / "nowhere")
