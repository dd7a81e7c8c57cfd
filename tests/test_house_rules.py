"""The rules of the house that a program can check: read from the source, never by importing it.

Every rule is a function from the package's files to a list of offences. Each is run twice: on the package, where it
must find nothing, and on a small planted offence, which it must find.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "instructcir"

# A module imports only from layers below its own, or from its own folder. New rooms of the house are entered here.
LAYERS: dict[int, set[str]] = {
    0: {
        "cluster",
        "colours",
        "decoding",
        "endpoints",
        "errors",
        "files",
        "heap",
        "images",
        "items",
        "lettering",
        "pages",
        "ranking",
        "remote",
        "version",
    },
    1: {"benchmarks", "data", "resizing", "worlds"},
    2: {"model"},
    3: {"training", "synthesis", "encoding"},
    4: {"index"},
    5: {"search", "evaluation"},
    6: {"adapting", "server"},
    7: {"cli"},
}
LAYER_OF = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
DOORS = {"__init__", "__main__"}  # the package's two entrances open onto every layer, and nobody imports from them
HEAVY = {"torch", "transformers", "sentence_transformers", "peft", "numpy", "lancedb", "pyarrow"}
NO_TORCH = {"torch", "transformers", "sentence_transformers", "peft"}
MAY_USE_SENTENCE_TRANSFORMERS = {"model", "training"}
MOST_LINES = 300  # aim at 250
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|farm|home)/")


@dataclass(frozen=True)
class Import:
    module: str  # what stands after `from`, or after `import`
    target: str  # the dotted name of what is imported
    line: int
    runs_at_start: bool  # neither inside a function nor for type checkers only


@dataclass(frozen=True)
class Source:
    path: str  # within the package, "cli/main.py"
    text: str

    @property
    def module(self) -> str:
        return ".".join(("instructcir", *Path(self.path).with_suffix("").parts)).removesuffix(".__init__")

    @property
    def room(self) -> str:
        """The folder directly under the package, or the module's own name where it stands there itself."""
        return Path(self.path).parts[0].removesuffix(".py")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def imports(self) -> list[Import]:
        return list(_imports(self.tree.body, runs_at_start=True))


def _imports(nodes: list[ast.stmt], runs_at_start: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, alias.name, node.lineno, runs_at_start) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            targets = (f"{module}.{alias.name}" for alias in node.names)
            yield from (Import(module, target, node.lineno, runs_at_start) for target in targets)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _imports(node.body, runs_at_start=False)
            yield from _imports(node.orelse, runs_at_start)
        else:
            inside = runs_at_start and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from _imports(getattr(node, field, []), inside)


def _own(found: Import) -> list[str]:
    """Parts below the package of an import of our own: `instructcir.model.embedder.Embedder` -> model, embedder, ..."""
    first, *rest = found.target.split(".")
    return rest if first == "instructcir" else []


Rule = Callable[[list[Source]], list[str]]


def every_room_has_a_layer(sources: list[Source]) -> list[str]:
    rooms = {source.room for source in sources} - DOORS
    return [f"{room}: enter it into LAYERS and docs/architecture.md" for room in sorted(rooms - LAYER_OF.keys())]


def imports_point_down(sources: list[Source]) -> list[str]:
    offences = []
    for source in sources:
        for found in source.imports() if source.room in LAYER_OF else []:
            room = next(iter(_own(found)), source.room)
            same = room == source.room or LAYER_OF[source.room] == 0 == LAYER_OF.get(room)
            if not same and LAYER_OF.get(room, 99) >= LAYER_OF[source.room]:
                offences.append(f"{source.path}:{found.line}: {source.room} may not import {room}")
    return offences


def no_import_goes_in_a_circle(sources: list[Source]) -> list[str]:
    modules = {source.module for source in sources}
    graph: dict[str, set[str]] = {}
    for source in sources:
        names = {found.target for found in source.imports()}
        names |= {name.rpartition(".")[0] for name in names - modules}  # `from module import name`
        graph[source.module] = names & modules - {source.module}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def nobody_imports_from_the_root(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{found.line}: import from the module that defines it"
        for source in sources
        for found in source.imports()
        if found.module == "instructcir"
    ]


def imports_are_absolute(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{found.line}: write the full name"
        for source in sources
        for found in source.imports()
        if found.module.startswith(".")
    ]


def layer_0_knows_no_torch(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{found.line}: {found.target}"
        for source in sources
        if LAYER_OF.get(source.room) == 0 or source.room in DOORS
        for found in source.imports()
        if found.target.split(".")[0] in NO_TORCH
    ]


def cli_starts_light(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{found.line}: import {found.target} inside the function"
        for source in sources
        if source.room == "cli"
        for found in source.imports()
        if found.runs_at_start and found.target.split(".")[0] in HEAVY
    ]


def sentence_transformers_stays_in_its_rooms(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{found.line}: only {sorted(MAY_USE_SENTENCE_TRANSFORMERS)} may"
        for source in sources
        if source.room not in MAY_USE_SENTENCE_TRANSFORMERS
        for found in source.imports()
        if found.target.split(".")[0] == "sentence_transformers"
    ]


def files_are_short(sources: list[Source]) -> list[str]:
    lengths = {source.path: len(source.text.splitlines()) for source in sources}
    return [
        f"{path}: {length} lines; divide it by what it does" for path, length in lengths.items() if length > MOST_LINES
    ]


def only_the_cli_prints(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{node.lineno}: print"
        for source in sources
        if source.room != "cli"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write")
    ]


def no_except_is_bare(sources: list[Source]) -> list[str]:
    return [
        f"{source.path}:{node.lineno}: name the errors"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]


def public_functions_are_described_and_typed(sources: list[Source]) -> list[str]:
    offences = []
    for source in sources:
        for function in _public_functions(source.tree):
            if not ast.get_docstring(function):
                offences.append(f"{source.path}:{function.lineno}: {function.name} has no docstring")
            arguments = ast.walk(function.args)
            untyped = [a.arg for a in arguments if isinstance(a, ast.arg) and not a.annotation]
            if function.returns is None or set(untyped) - {"self", "cls"}:
                offences.append(f"{source.path}:{function.lineno}: {function.name} is not fully typed {untyped}")
    return offences


def _public_functions(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from _public_functions(node)
            else:
                yield node


def no_path_of_one_machine(sources: list[Source]) -> list[str]:
    return [f"{source.path}: {path}" for source in sources for path in MACHINE_PATH.findall(source.text)]


# Each rule with an offence that it must find: a file's path, and what it says.
RULES: list[tuple[Rule, dict[str, str]]] = [
    (every_room_has_a_layer, {"attic/box.py": ""}),
    (imports_point_down, {"data/a.py": "from instructcir.model.embedder import Embedder"}),
    (imports_point_down, {"items.py": "def f():\n    import instructcir.data.triplets"}),
    (imports_point_down, {"training/a.py": "from instructcir.encoding.table import Table"}),
    (imports_point_down, {"model/a.py": "if TYPE_CHECKING:\n    from instructcir.cli.main import app"}),
    (
        no_import_goes_in_a_circle,
        {"data/a.py": "import instructcir.data.b", "data/b.py": "from instructcir.data.a import x"},
    ),
    (
        no_import_goes_in_a_circle,
        {"data/a.py": "from instructcir.data import b", "data/b.py": "import instructcir.data.a"},
    ),
    (nobody_imports_from_the_root, {"cli/a.py": "from instructcir import Embedder"}),
    (nobody_imports_from_the_root, {"cli/a.py": "from instructcir import errors"}),
    (nobody_imports_from_the_root, {"cli/a.py": "def f():\n    import instructcir"}),
    (imports_are_absolute, {"cli/a.py": "from .output import print_json_line"}),
    (imports_are_absolute, {"cli/a.py": "from . import output"}),
    (layer_0_knows_no_torch, {"ranking.py": "def f():\n    import torch.nn"}),
    (layer_0_knows_no_torch, {"__init__.py": "from transformers import AutoModel"}),
    (cli_starts_light, {"cli/a.py": "try:\n    import numpy as np\nexcept ImportError:\n    pass"}),
    (sentence_transformers_stays_in_its_rooms, {"search/a.py": "def f():\n    from sentence_transformers import util"}),
    (files_are_short, {"data/a.py": "x = 1\n" * (MOST_LINES + 1)}),
    (only_the_cli_prints, {"data/a.py": "def f():\n    print(1)"}),
    (no_except_is_bare, {"data/a.py": "try:\n    f()\nexcept:\n    raise"}),
    (public_functions_are_described_and_typed, {"data/a.py": "class A:\n    def f(self) -> None: ..."}),
    (public_functions_are_described_and_typed, {"data/a.py": "def f(x, *y: int) -> int:\n    'Doc.'"}),
    (public_functions_are_described_and_typed, {"data/a.py": "def f():\n    'Doc.'"}),
    (no_path_of_one_machine, {"data/a.py": "x = '/" + "work/main'"}),
]


@pytest.fixture(scope="module")
def package() -> list[Source]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [Source(path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def test_the_package_was_found(package: list[Source]) -> None:
    assert {"errors.py", "cli/main.py"} <= {source.path for source in package}


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule, package: list[Source]) -> None:
    assert rule(package) == []


@pytest.mark.parametrize(("rule", "files"), RULES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_rule_finds_an_offence(rule: Rule, files: dict[str, str]) -> None:
    assert len(rule([Source(path, text) for path, text in files.items()])) == 1


def test_what_is_allowed_is_no_offence() -> None:
    allowed = [
        Source("items.py", "from instructcir.errors import InputError\nif TYPE_CHECKING:\n    import numpy as np"),
        Source("cli/a.py", "from instructcir.cli import output\nfrom instructcir.data.b import c\nprint(1)"),
        Source("cli/output.py", "def f() -> None:\n    'Doc.'\n    import torch"),
        Source("model/a.py", "from sentence_transformers import SentenceTransformer\nfrom instructcir.items import x"),
        Source("__main__.py", "from instructcir.cli.main import main"),
    ]
    assert [offence for rule in dict(RULES) for offence in rule(allowed)] == []
