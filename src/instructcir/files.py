"""Files and folders that appear complete or not at all, and the hash of a file.

Everything is written under a hidden temporary name beside its target, flushed to the disk, and renamed last: the rename
is the mark of completion. A process that is killed can leave only the hidden sibling (`.NAME.XXXXXXXX.tmp`) behind.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from instructcir.errors import InputError
from instructcir.remote import RemotePath, is_remote, read_object

PathLike: TypeAlias = str | os.PathLike[str]

# renameat2(2): the flag that swaps two names in one step, and "relative to the working folder".
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_TEMPORARY = 0o600
"""Rights of temporary files, which some libraries (safetensors) leave theirs with."""


def write_atomic(path: PathLike | RemotePath, data: bytes | str) -> None:
    """Write a whole file, replacing an older one in one step.

    Args:
        path: the file; its folder must exist. Through a symbolic link the file it points to is replaced. Or an object.
        data: the content; a string is stored as UTF-8.

    Raises:
        InputError: the folder is missing, the path is no regular file, or the disk refuses.
    """
    content = data.encode() if isinstance(data, str) else data
    if isinstance(path, RemotePath):
        with _one_line_errors(path.address, "write"):
            path.write_bytes(content)
        return
    target = _resolve(path)
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: exists and is not a regular file; choose another name")
    temporary = _sibling(target)
    with _one_line_errors(path, "write"):
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
            _flush(target.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: PathLike) -> Iterator[Path]:
    """Fill a temporary sibling file, which takes the target's name when the block ends without an error.

    For files too large to put together in memory; `write_atomic` takes those that are not.

    Args:
        path: the file; its folder must exist. Through a symbolic link the file it points to is replaced.

    Yields:
        The temporary file's path, at which nothing is yet.

    Raises:
        InputError: the folder is missing, the path is no regular file, or the disk refuses.
    """
    target = _resolve(path)
    if target.exists() and not target.is_file():
        raise InputError(f"{path}: exists and is not a regular file; choose another name")
    temporary = _sibling(target)
    try:
        yield temporary
        with _one_line_errors(path, "write"):
            _flush(temporary)
            temporary.replace(target)
            _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: PathLike, *, replace: bool = False) -> Iterator[Path]:
    """Fill a temporary sibling folder, which takes the target's name when the block ends without an error.

    An error in the block removes what was written and passes on; the target is then as it was. Where the system can
    swap two folders in one step (Linux), a replaced folder is at every moment the whole old one or the whole new one.
    Elsewhere it is missing between two renames; a process killed just there leaves the old one as `.NAME.old`, and the
    next call for the same target puts it back first.

    Args:
        path: the folder to make; its parent must exist. It may exist when it is empty.
        replace: allow it to exist with content, which the new folder then replaces as a whole.

    Yields:
        The temporary folder to write into.

    Raises:
        InputError: the parent is missing, the target is a file, is not empty without `replace`, or the disk refuses.
    """
    target = _resolve(path)
    with _one_line_errors(path, "write"):
        _put_back_interrupted(target)
        _check_may_become_folder(path, target, replace)
        temporary = _sibling(target)
        temporary.mkdir()
    try:
        yield temporary
        with _one_line_errors(path, "write"):
            _flush_tree(temporary)
            _put_in_place(temporary, target, replace)
    finally:
        # After an error this is the half-written folder, after a swap the replaced one, otherwise it is gone.
        shutil.rmtree(temporary, ignore_errors=True)


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits, reading it in small pieces.

    Raises:
        InputError: the file is missing, is a folder or cannot be read.
    """
    if is_remote(path):
        with _one_line_errors(path, "read"):
            return hashlib.sha256(read_object(os.fspath(path))).hexdigest()
    with _one_line_errors(path, "read"), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _resolve(path: PathLike) -> Path:
    """Follow links, so that a rename replaces what a link points to and not the link."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"{path}: the folder {target.parent} does not exist; create it first")
    return target


def _sibling(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _check_may_become_folder(path: PathLike, target: Path, replace: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{path}: exists and is not a folder; choose another name")
    if not replace and any(target.iterdir()):
        raise InputError(f"{path}: exists and is not empty; choose another name or ask to replace it")


def _put_in_place(new: Path, target: Path, replace: bool) -> None:
    if not (replace and target.exists()):
        new.rename(target)  # replaces an empty folder, and fails on one that was filled meanwhile
    elif not _exchange(new, target):
        _swap_in_two_steps(new, target)
    _flush(target.parent)


def swap_folders(first: PathLike, second: PathLike) -> None:
    """Give each of two folders, in one file system, the other's name.

    In one step where the system can (Linux). Elsewhere `second` is missing between two renames.

    Raises:
        InputError: one does not exist, or the disk refuses.
    """
    one, other = _resolve(first), _resolve(second)
    with _one_line_errors(second, "write"):
        if not _exchange(one, other):
            aside = _sibling(other)
            other.rename(aside)
            one.rename(other)
            aside.rename(one)
        _flush(other.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(first), os.fsencode(second)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(second))


def _swap_in_two_steps(new: Path, target: Path) -> None:
    old = _aside(target)
    shutil.rmtree(old, ignore_errors=True)  # left by a process killed after its second rename: target is complete
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    _flush(target.parent)  # the new name is on the disk before the old content goes
    shutil.rmtree(old)


def _put_back_interrupted(target: Path) -> None:
    if not target.exists() and _aside(target).exists():
        _aside(target).rename(target)


def _flush_tree(folder: Path) -> None:
    usual = stat.S_IMODE(folder.stat().st_mode) & 0o666  # what the umask leaves of a new file's rights
    for parent, _, names in os.walk(folder):
        for name in names:
            file = Path(parent, name)
            if file.is_file() and not file.is_symlink():
                if stat.S_IMODE(file.stat().st_mode) == _TEMPORARY:
                    file.chmod(usual)
                _flush(file)
        _flush(Path(parent))


def _flush(path: Path) -> None:
    """Have the disk hold a file's content, or a folder's names, before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _one_line_errors(path: PathLike, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot {verb}: {error.strerror or error}") from error
