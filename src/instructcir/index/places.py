"""Where an index lies: a path as it is, a bare name in the user's data folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from instructcir.errors import StoreError
from instructcir.files import PathLike
from instructcir.remote import SCHEME, Place, RemotePath, is_remote

HOME_VARIABLE = "INSTRUCTCIR_HOME"


def index_folder(name: PathLike) -> Place:
    """The folder of an index, or its address on object storage (`s3://bucket/prefix`).

    A name with a separator in it, `.`, and a folder that already exists here are paths. Any other name stands for a
    folder of `data_folder() / "indexes"`.

    Raises:
        StoreError: the name is empty or starts with a dash.
    """
    text = os.fspath(name)
    if is_remote(text):
        return _remote(text)
    if not text or text.startswith("-"):
        raise StoreError(f"{text!r}: is no name of an index; give a path, or a bare name such as `photos`")
    has_separator = os.sep in text or bool(os.altsep and os.altsep in text)
    if has_separator or text in (".", "..") or text.startswith("~") or os.path.isdir(text):
        return Path(os.path.abspath(os.path.expanduser(text)))
    return data_folder() / "indexes" / text


def _remote(text: str) -> RemotePath:
    bucket, _, prefix = text.removeprefix(SCHEME).rstrip("/").partition("/")
    if not bucket or not prefix:
        raise StoreError(f"{text}: an index lies below a prefix of a bucket; say s3://bucket/prefix")
    return RemotePath(f"{SCHEME}{bucket}/{prefix}")


def cache_place(folder: Place, generation: str) -> Path:
    """Where vectors are kept for mapping: beside the table, or of one on object storage on this machine.

    Args:
        folder: the index's.
        generation: names what lies there now; an index made anew at the same address has another.
    """
    if isinstance(folder, Path):
        return folder
    own = data_folder() / "remote" / hashlib.sha256(folder.address.encode()).hexdigest()[:16]
    place = own / hashlib.sha256(generation.encode()).hexdigest()[:16]
    with suppress(OSError):  # a place that cannot be written to costs the cache only
        place.mkdir(parents=True, exist_ok=True)
        for other in own.iterdir():
            if other != place:
                shutil.rmtree(other, ignore_errors=True)  # whoever has mapped it keeps it
    return place


def data_folder() -> Path:
    """`$INSTRUCTCIR_HOME`, or the system's place for an application's data of this user."""
    if own := os.environ.get(HOME_VARIABLE):
        return Path(own).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "instructcir"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "instructcir"
