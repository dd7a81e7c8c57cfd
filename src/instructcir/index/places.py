"""Where an index lies: a path as it is, a bare name in the user's data folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from instructcir.errors import StoreError
from instructcir.files import PathLike

HOME_VARIABLE = "INSTRUCTCIR_HOME"


def index_folder(name: PathLike) -> Path:
    """The folder of an index.

    A name with a separator in it, `.`, and a folder that already exists here are paths. Any other name stands for a
    folder of `data_folder() / "indexes"`.

    Raises:
        StoreError: the name is empty or starts with a dash.
    """
    text = os.fspath(name)
    if not text or text.startswith("-"):
        raise StoreError(f"{text!r}: is no name of an index; give a path, or a bare name such as `photos`")
    has_separator = os.sep in text or bool(os.altsep and os.altsep in text)
    if has_separator or text in (".", "..") or text.startswith("~") or os.path.isdir(text):
        return Path(os.path.abspath(os.path.expanduser(text)))
    return data_folder() / "indexes" / text


def data_folder() -> Path:
    """`$INSTRUCTCIR_HOME`, or the system's place for an application's data of this user."""
    if own := os.environ.get(HOME_VARIABLE):
        return Path(own).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "instructcir"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "instructcir"
