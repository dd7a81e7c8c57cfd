"""The documents tell the truth: their commands exist, their Python runs, the command reference is the current one."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from index_writer import draw
from instructcir.cli.main import app

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "cli.md"
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {REFERENCE})
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = {"bash", "sh", "console"}
NOT_RUN = "# not run"


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int  # of its first line of text


def blocks_of(markdown: str) -> list[Block]:
    return [
        Block(match[1], match[2], markdown.count("\n", 0, match.start(2)) + 1) for match in FENCE.finditer(markdown)
    ]


def our_commands(block: Block) -> Iterator[list[str]]:
    """The words after `instructcir` of each call of it in a shell block, whatever it is piped or chained to."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":  # only what stands after a prompt is typed, the rest is output
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                yield from _after_our_name(command)
                command = []
            else:
                command.append(word)


def _after_our_name(words: list[str]) -> Iterator[list[str]]:
    words = words[next((i for i, word in enumerate(words) if "=" not in word), len(words)) :]  # X=1 instructcir
    if words[1:3] == ["-m", "instructcir"]:
        yield words[3:]
    elif words and words[0].rpartition("/")[2] == "instructcir":
        yield words[1:]


def options_of(command: Any) -> set[str]:
    parameters = command.get_params(typer.Context(command))
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


def complaint(command: Any, words: list[str]) -> str | None:
    """What is wrong with a command line: a command or an option that does not exist; None where all is well."""
    for word in words:
        if word == "--":
            break
        if word.startswith("-"):
            if word.partition("=")[0] not in options_of(command):
                return f"{command.name}: no option {word}"
        elif isinstance(command, TyperGroup):
            if word not in command.commands:
                return f"{command.name}: no command {word}"
            command = command.commands[word]
    return None


def all_commands(command: Any, name: str = "instructcir") -> Iterator[tuple[str, Any]]:
    yield name, command
    for child in getattr(command, "commands", {}).values():
        yield from all_commands(child, f"{name} {child.name}")


@pytest.fixture(scope="module")
def root() -> Any:
    return typer.main.get_command(app)


@pytest.fixture
def docs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: Callable[..., Path]) -> Path:
    """The folder in which a document's Python runs; put here what the documents speak of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").symlink_to(built("qwen2-vl"))
    draw(tmp_path / "photos", [f"{number}.jpg" for number in range(6)])
    (tmp_path / "prices.csv").write_text("file,price\n1.jpg,30\n2.jpg,80\n", encoding="utf-8")
    return tmp_path


def test_the_reference_is_the_current_one(tmp_path: Path) -> None:
    fresh = tmp_path / "cli.md"
    typer_docs = ["typer", "instructcir.cli.main", "utils", "docs", "--name", "instructcir", "--output", str(fresh)]
    subprocess.run([sys.executable, "-m", *typer_docs], check=True, capture_output=True)
    assert REFERENCE.read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8"), "run `make docs`"


def test_every_command_and_option_is_explained(root: Any) -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    silent = []
    for name, command in all_commands(root):
        assert f"# `{name}`\n" in reference
        parameters = command.get_params(typer.Context(command))
        silent += [f"{name} {parameter.name}" for parameter in parameters if not parameter.help]
        silent += [name] if not command.help else []
    assert silent == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_in_a_document_exist(document: Path, root: Any) -> None:
    shell_blocks = [block for block in blocks_of(document.read_text(encoding="utf-8")) if block.language in SHELLS]
    found = [
        f"{document.name}:{block.line}: {wrong}"
        for block in shell_blocks
        for words in our_commands(block)
        if (wrong := complaint(root, words))
    ]
    assert found == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_python_in_a_document_runs(document: Path, docs_folder: Path) -> None:
    """Blocks of one document run in order and share their names; one that says `# not run` is only compiled."""
    names: dict[str, Any] = {"__name__": document.stem}
    for block in blocks_of(document.read_text(encoding="utf-8")):
        if block.language == "python":
            # The empty lines before make a traceback name the document's own line.
            code = compile("\n" * (block.line - 1) + block.text, document.name, "exec")
            if NOT_RUN not in block.text:
                exec(code, names)


# The checks above must be able to fail.


def sample() -> Any:
    application = typer.Typer()

    @application.callback()
    def top(debug: bool = False) -> None: ...

    @application.command()
    def embed(picture: str, text: str = "", k: int = 1) -> None: ...

    return typer.main.get_command(application)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("instructcir --debug embed a.jpg --text 'a -b c' | head -1", 0),
        (".venv/bin/instructcir embed a.jpg --k=3 > out.jsonl && ls --nonsense", 0),
        ("python -m instructcir embed \\\n  a.jpg --text x  # --remark", 0),
        ("pip install instructcir --nonsense", 0),
        ("instructcir embeds a.jpg", 1),
        ("ls; instructcir embed a.jpg --texts x", 1),
        ("X=1 instructcir --k 3 embed", 1),
        ("cat a | python -m instructcir nothing", 1),
        ("instructcir embed \\\n  --nonsense", 1),
    ],
)
def test_a_wrong_command_line_is_found(line: str, wrong: int) -> None:
    [block] = blocks_of(f"Text\n\n```bash\n{line}\n```\n")
    assert block.line == 4
    assert len([words for words in our_commands(block) if complaint(sample(), words)]) == wrong


def test_in_a_console_block_only_prompts_are_read() -> None:
    [block] = blocks_of("```console\n$ instructcir embed\ninstructcir nonsense\n```\n")
    assert list(our_commands(block)) == [["embed"]]
