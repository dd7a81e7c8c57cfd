"""The container file, as far as it can be checked without an engine: what it copies, runs as, installs and starts."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from instructcir.cli.main import app

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """All instructions: name and the rest, joined lines joined."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def all_of(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for step, rest in steps if step == name]


def test_bases_are_named_by_version(steps: list[tuple[str, str]]) -> None:
    bases = [rest.split()[0] for rest in all_of(steps, "FROM")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"[\w./-]+:3\.\d+-slim-\w+", base) for base in bases)


def test_what_is_copied_is_there_and_not_ignored(steps: list[tuple[str, str]]) -> None:
    kept = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    copied = [word for rest in all_of(steps, "COPY") if "--from" not in rest for word in rest.split()[:-1]]
    assert set(copied) == kept
    assert all((ROOT / word).exists() for word in copied)


def test_installs_are_pinned_and_torch_is_the_processors(steps: list[tuple[str, str]]) -> None:
    installs = [rest for rest in all_of(steps, "RUN") if "pip install" in rest]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in rest for rest in installs)
    assert "download.pytorch.org/whl/cpu" in installs[0]
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_what_is_installed_is_in_the_project_and_offers_what_is_started(steps: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [own] = [word for rest in all_of(steps, "RUN") for word in shlex.split(rest) if word.startswith(".[")]
    assert set(own[2:-1].split(",")) <= project["optional-dependencies"].keys()
    [entry] = all_of(steps, "ENTRYPOINT")
    module, _, function = project["scripts"][json.loads(entry)[0]].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    needed = {canonicalize_name(Requirement(one).name) for one in [*project["dependencies"], *_of_extras(project, own)]}
    assert needed <= pinned, "what is installed has one version"


def _of_extras(project: dict[str, Any], own: str) -> list[str]:
    return [one for extra in own[2:-1].split(",") for one in project["optional-dependencies"][extra]]


def test_it_runs_as_nobody_special_offline_and_watched(steps: list[tuple[str, str]]) -> None:
    names = [name for name, _ in steps]
    assert all_of(steps, "USER") == ["10001"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert any("HF_HUB_OFFLINE=1" in rest for rest in all_of(steps, "ENV"))
    assert not any("KEY" in rest for rest in all_of(steps, "ENV")), "secrets do not belong into layers"
    [health] = all_of(steps, "HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    compile(command[2], "healthcheck", "exec")
    port = all_of(steps, "EXPOSE")[0]
    assert f"127.0.0.1:{port}/healthz" in command[2]


def test_what_it_starts_is_a_command(steps: list[tuple[str, str]]) -> None:
    [entry], [command] = all_of(steps, "ENTRYPOINT"), all_of(steps, "CMD")
    words = [*json.loads(entry), *json.loads(command)]
    assert shlex.join(words).startswith("instructcir serve /index --host 0.0.0.0")
    group: Any = typer.main.get_command(app)
    serve = group.commands["serve"]
    assert serve.make_context("serve", words[2:]).params["port"] == int(all_of(steps, "EXPOSE")[0])
