"""A run's folder belongs to one recipe, and to one training at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instructcir.errors import InputError
from instructcir.files import write_atomic
from instructcir.training.recipe import Recipe, from_dict


def claim(recipe: Recipe, folder: Path, resume: bool) -> None:
    """Make a folder a recipe's, or see that it is.

    Args:
        recipe: the settings.
        folder: of the run.
        resume: whether a run that is there already may go on.

    Raises:
        InputError: the folder holds another run, or other files, or one that is not to be resumed.
    """
    file = folder / "recipe.json"
    text = json.dumps(recipe.to_dict(), indent=2, ensure_ascii=False) + "\n"
    if file.exists():
        if not resume:
            raise InputError(f"{folder}: holds a run already; go on with it (--resume) or choose another folder")
        if not _is_same(json.loads(file.read_text(encoding="utf-8")), recipe):
            raise InputError(f"{folder}: holds a run of other settings ({file.name}); choose another folder")
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds other files; choose another folder")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(file, text)


def _is_same(kept: dict[str, Any], recipe: Recipe) -> bool:
    """Whether settings that were written down are a recipe's; what a later version added has its default there."""
    try:
        return from_dict(kept).to_dict() == recipe.to_dict()
    except InputError:  # written by a version that knows more
        return False


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Hold a run's folder during a block; the system lets go of it when this process dies, whatever its children do.

    Raises:
        InputError: another process trains there.
    """
    with (folder / "training.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InputError(
                f"{folder}: process {holder} is training there; wait until it ends, or stop it and go on with --resume"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
