"""`instructcir --help` and `import instructcir` are instant: nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import instructcir
from instructcir.version import __version__

HEAVY = {"torch", "transformers", "sentence_transformers", "numpy", "PIL", "peft"}

REPORT = """
import json, sys
try:
    {code}
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_after(code: str, *arguments: str) -> set[str]:
    """Names of all modules that a fresh Python holds after running `code`."""
    command = [sys.executable, "-c", REPORT.format(code=code), *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(process.stderr.splitlines()[-1]))


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_the_command_starts_light(argument: str) -> None:
    loaded = modules_after("from instructcir.cli.main import main; main()", argument)
    assert "instructcir.cli.main" in loaded
    assert not loaded & HEAVY


def test_import_is_light() -> None:
    loaded = modules_after("import instructcir; dir(instructcir)")
    assert not loaded & HEAVY
    assert {name for name in loaded if name.startswith("instructcir")} == {"instructcir", "instructcir.version"}


def test_a_name_loads_on_first_use() -> None:
    loaded = modules_after("import instructcir; instructcir.ComposedQuery")
    assert "instructcir.items" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize("arguments", [["-m", "instructcir"], ["-c", "from instructcir.cli.main import main; main()"]])
def test_version(arguments: list[str]) -> None:
    process = subprocess.run([sys.executable, *arguments, "--version"], capture_output=True, text=True, check=True)
    assert process.stdout == f"instructcir {__version__}\n"


def test_exports_exist_and_nothing_else() -> None:
    assert set(instructcir.__all__) <= set(dir(instructcir))
    for name in instructcir.__all__:
        assert getattr(instructcir, name) is getattr(instructcir, name)
    with pytest.raises(AttributeError, match="module 'instructcir' has no attribute 'embeder'"):
        instructcir.embeder  # noqa: B018 - looking it up is the test
