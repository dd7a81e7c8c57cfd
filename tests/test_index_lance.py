"""LanceDB's import puts off what only catalogues need, and puts off nothing where anything is not as it was tried."""

from __future__ import annotations

import gc
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from instructcir.index.lance import TRIED, uncollected

PUT_OFF = "lance_namespace_urllib3_client.models.add_columns_entry"
"""One of the client's hundreds of modules that LanceDB itself has no use for."""
START = """
import sys
from instructcir.index import lance
from instructcir.index.lance import import_lancedb

def stand_ins():
    return [name for one in lance._modules_of_lancedb() for name, value in vars(one).items()
            if isinstance(value, lance._StandIn)]

def works(folder):
    assert lancedb.connect(folder).list_tables().tables == []
    import lance_namespace
    from lancedb import db
    assert db.ListTablesResponse is lance_namespace.ListTablesResponse and lancedb.db is db
    assert isinstance(lance_namespace.ListTablesResponse(tables=[]), db.ListTablesResponse)
"""


def child(code: str, *arguments: str | Path) -> None:
    """Run code in a fresh Python; its assertions are this test's."""
    command = [sys.executable, "-c", START + code, *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def test_the_client_is_executed_at_its_first_use(tmp_path: Path) -> None:
    child(
        f"""
lancedb = import_lancedb()
assert {PUT_OFF!r} not in sys.modules and stand_ins()
from lancedb import db
import lance_namespace.errors
assert db.TableNotFoundError is lance_namespace.errors.TableNotFoundError
assert db.TableNotFoundError.__module__ == "lance_namespace.errors"
works(sys.argv[1])
assert {PUT_OFF!r} in sys.modules and "ListTablesResponse" not in stand_ins()
""",
        tmp_path,
    )


def test_others_get_the_modules_themselves() -> None:
    child(
        """
import_lancedb()
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
import lance_namespace, lance_namespace_urllib3_client
with ThreadPoolExecutor(8) as threads:
    classes = list(threads.map(lambda _: lance_namespace.ListTablesResponse, range(8)))
assert len(set(classes)) == 1 and isinstance(classes[0], type)
assert set(lance_namespace.__all__) <= set(dir(lance_namespace))
assert not any(isinstance(value, lance._StandIn) for value in vars(lance_namespace).values())
assert lance_namespace_urllib3_client.ApiClient.__module__ == "lance_namespace_urllib3_client.api_client"
assert type(lance_namespace) is type(lance_namespace_urllib3_client) is ModuleType
try:
    lance_namespace.no_such_name
except AttributeError as error:
    assert "no_such_name" in str(error)
else:
    raise AssertionError
"""
    )


@pytest.mark.parametrize(
    "odd",
    [
        "lance.TRIED['lancedb'] = '0.0.0'",
        "lance.TRIED['no-such-package'] = '1.0'",
        "import lance_namespace",
    ],
)
def test_another_version_is_imported_plainly(odd: str, tmp_path: Path) -> None:
    code = f"{odd}\nlancedb = import_lancedb()\nassert {PUT_OFF!r} in sys.modules and not stand_ins()\n"
    child(code + "works(sys.argv[1])", tmp_path)


def test_a_surprise_ends_in_the_plain_import(tmp_path: Path) -> None:
    child(
        """
asked = []
def surprising(self, module, name):
    asked.append(name)
    if len(asked) > 12:  # most of LanceDB is imported by then
        raise RuntimeError("a surprise")
    return lance._StandIn(module, name)
lance._Finder.stand_in = surprising
lancedb = import_lancedb()
assert len(asked) > 12 and not stand_ins()
assert not [one for one in sys.meta_path if isinstance(one, lance._Finder)]
works(sys.argv[1])
""",
        tmp_path,
    )


def test_a_search_imports_no_more_than_it_must(tmp_path: Path) -> None:
    child(
        """
from pathlib import Path
from PIL import Image
from instructcir.search.searcher import Index
pictures = Path(sys.argv[1], "pictures")
pictures.mkdir()
for number in range(3):
    Image.new("RGB", (64, 64), (80 * number, 0, 0)).save(pictures / f"{number}.png")
index = Index.build(Path(sys.argv[1], "index"), [pictures])
assert len(index.search(pictures / "0.png", "in blue", k=2, collapse_duplicates=False)) == 2
heavy = {"sentence_transformers", "sklearn", "pandas", "matplotlib", "peft", "ray", sys.argv[2]}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
""",
        tmp_path,
        PUT_OFF,
    )


def test_the_versions_tried_are_those_that_are_tested_with() -> None:
    pinned = dict(
        re.findall(r"(?m)^([\w-]+)==(\S+)", Path(__file__).parents[1].joinpath("constraints.txt").read_text())
    )
    assert {name: pinned[name] for name in TRIED} == TRIED


def test_what_is_imported_for_good_is_not_looked_at_again() -> None:
    code = "import gc\nbefore = gc.get_freeze_count()\nwith lance.uncollected():\n    pass\n"
    code += "assert gc.get_freeze_count() == before\nwith lance.uncollected(for_good=True):\n    import fractions\n"
    child(code + "assert gc.isenabled() and gc.get_freeze_count() > before + 1000")


@pytest.mark.parametrize("on", [True, False])
def test_collection_is_as_it_was_after_imports(on: bool) -> None:
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() == on
        with pytest.raises(ImportError), uncollected():
            importlib.import_module("no_such_module")
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()
