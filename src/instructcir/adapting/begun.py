"""What a folder was begun with: pictures that were moved are found again, other pictures are refused.

FOLDER/pictures.json   digests of what the pictures are and of where they lie
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import write_atomic
from instructcir.synthesis.inspected import picture_key
from instructcir.synthesis.run import run_folder
from instructcir.synthesis.written import Source
from instructcir.training.recipe import Recipe

_FILE = "pictures.json"
TRAIN, TEST, MINED = "train.parquet", "test.parquet", "mined.parquet"


def placed(sources: Sequence[Source]) -> list[Source]:
    """The same with whole paths, as files of triplets name pictures, wherever the next call stands."""
    return [replace(one, image=os.path.abspath(one.image)) if isinstance(one.image, str) else one for one in sources]


def begin(folder: Path, parts: Mapping[str, Sequence[Source]], say: Callable[[str], None]) -> None:
    """Make the folder that of these pictures, or see that it is.

    Where the same pictures lie elsewhere now, files that name their old places are dropped, to be written again; the
    training, which reads them anew, is gone on with.

    Args:
        folder: of the adaptation.
        parts: name of each part -> its sources, with whole paths.
        say: told where pictures were moved.

    Raises:
        InputError: it was begun with other pictures, captions, or another share held out.
    """
    file = folder / _FILE
    now = _described(parts)
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    if before == now:
        return
    if before is not None:
        if before["what"] != now["what"]:
            raise InputError(
                f"{folder}: was begun with other pictures, captions or another share held out; "
                "name another folder, or delete this one"
            )
        say("the pictures were moved since: their triplets are written again, and the training goes on")
        for name in (TRAIN, TEST):
            shutil.rmtree(run_folder(folder / name), ignore_errors=True)
        (folder / MINED).unlink(missing_ok=True)
    write_atomic(file, json.dumps(now, indent=1) + "\n")


def check_recipe(recipe: Recipe, base: Path, steps: int | None, folder: Path) -> None:
    """See that a folder's recipe is for what is asked now, and that the folder stands where it was begun.

    Args:
        recipe: that the folder was begun with.
        base: folder of the model that is to be tuned.
        steps: that are asked for; None takes those of the recipe.
        folder: of the adaptation.

    Raises:
        InputError: another model or number of steps was asked for before, or the folder was moved.
    """
    asked_anew = "name another folder, or delete this one"
    model, begun = Path(recipe.start.model), recipe.optimiser.steps
    if model.resolve() != base.resolve():
        raise InputError(f"{folder}: was begun with the model {model}, not {base}; {asked_anew}")
    if steps is not None and steps != begun:
        raise InputError(f"{folder}: was begun with {begun} steps, not {steps}; {asked_anew}")
    triplets = Path(recipe.data.path)
    if triplets.absolute().parent.resolve() != folder.resolve():
        raise InputError(f"{folder}: was begun as {triplets.parent}; move it back there, or name another folder")


def _described(parts: Mapping[str, Sequence[Source]]) -> dict[str, str]:
    """What the pictures are, each part telling their content, as it is chosen by it; and where they lie."""
    what = [(part, one.id, one.caption) for part, sources in parts.items() for one in sources]
    where = [picture_key(one.image) for sources in parts.values() for one in sources]
    return {name: sha256(json.dumps(value).encode()).hexdigest() for name, value in (("what", what), ("where", where))}
