"""A folder of an adaptation that is called again: with pictures that were moved, with others, with other steps."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from captioning_kills import captioned, draw, misbehaving
from cli_runs import refused, run
from instructcir.adapting.run import Options, adapt
from instructcir.errors import InputError
from instructcir.model.embedder import Embedder
from instructcir.synthesis.inspected import read_inspected
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.written import Source
from language_server import serving
from test_adapting import sources

OPTIONS = Options(held_out=0.4, per_source=4, steps=1, hard_negatives=1)


def test_one_step_changes_the_model_and_moved_pictures_are_found(
    loaded: Callable[..., Embedder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named from where a person stands, as the command line does."""
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    some = [replace(one, image=f"pictures/{Path(str(one.image)).name}") for one in sources(tmp_path / "pictures")]
    base = loaded("llava-clip-llama")
    told: list[str] = []
    first = adapt(some, base, RuleWriter(), tmp_path / "out", OPTIONS, tell=told.append)
    assert (tmp_path / "out" / "run" / "adapter").exists()
    (tmp_path / "pictures").rename(tmp_path / "moved")
    moved = [replace(one, image=str(one.image).replace("pictures", "moved")) for one in some]
    assert not [line for line in told if "moved" in line]
    again = adapt(moved, base, RuleWriter(), tmp_path / "out", OPTIONS, tell=told.append)
    assert again == first
    assert len([line for line in told if "moved" in line]) == 1
    for name in ("train.parquet", "mined.parquet"):
        assert all(
            Path(str(source.image)).parent.name == "moved" for source, _ in read_inspected(tmp_path / "out" / name)
        )


def test_a_folder_of_other_pictures_or_steps_is_refused(loaded: Callable[..., Embedder], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    some, base = sources(tmp_path / "pictures"), loaded("llava-clip-llama")

    def again(those: Sequence[Source], options: Options = OPTIONS) -> None:
        adapt(those, base, RuleWriter(), tmp_path / "out", options)

    again(some)
    with pytest.raises(InputError, match="was begun with 1 steps, not 7"):
        again(some, replace(OPTIONS, steps=7))
    again(some, replace(OPTIONS, steps=None))  # whatever it was begun with
    others = [some[1:], [replace(some[0], caption="A pink hat."), *some[1:]]]
    for those in others:
        with pytest.raises(InputError, match="was begun with other pictures"):
            again(those)
    with pytest.raises(InputError, match="was begun with other pictures"):
        again(some, replace(OPTIONS, held_out=0.3))


def test_a_folder_that_was_moved_or_begun_with_another_model_is_refused(
    loaded: Callable[..., Embedder], tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    some, base = sources(tmp_path / "pictures"), loaded("llava-clip-llama")
    begun = tmp_path / "out"
    adapt(some, base, RuleWriter(), begun, OPTIONS)
    copy = tmp_path / "copy"
    shutil.copytree(base.checkpoint.folder, copy)
    with pytest.raises(InputError, match=f"was begun with the model {base.checkpoint.folder}, not {copy}"):
        adapt(some, Embedder.load(copy), RuleWriter(), begun, OPTIONS)
    begun.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"was begun as {begun}; move it back there"):
        adapt(some, base, RuleWriter(), tmp_path / "elsewhere", OPTIONS)
    (tmp_path / "elsewhere").rename(begun)
    adapt(some, base, RuleWriter(), begun, OPTIONS)


def test_moved_pictures_are_not_captioned_for_money_again(built: Callable[..., Path], tmp_path: Path) -> None:
    draw(tmp_path / "photos")
    paid: Counter[int] = Counter()
    with serving(misbehaving(paid, 0.0)) as server:
        arguments: list[object] = [
            "--base",
            built("llava-clip-llama"),
            "--into",
            tmp_path / "out",
            "--captioner",
            "openai:m",
        ]
        arguments += ["--base-url", server.url, "--held-out", 0.4, "--steps", 1, "--old-worlds", 0]
        run("adapt", tmp_path / "photos", *arguments)
        pairs, spent = captioned(tmp_path / "out" / "pairs.jsonl"), paid.total()
        report = json.loads((tmp_path / "out" / "report.json").read_text())
        (tmp_path / "photos").rename(tmp_path / "moved")
        said = refused("adapt", tmp_path / "moved", *arguments)
        assert "names no picture that is in" in said
        assert "delete that file" in said
        (tmp_path / "out" / "pairs.jsonl").unlink()
        run("adapt", tmp_path / "moved", *arguments)
        assert paid.total() == spent
    assert captioned(tmp_path / "out" / "pairs.jsonl") == pairs
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
