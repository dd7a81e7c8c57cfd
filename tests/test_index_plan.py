"""What must be done is planned from names, sizes, times and hashes; each case against what a person would say."""

from __future__ import annotations

from instructcir.index.plan import Plan, StoredFile, plan_changes
from instructcir.index.scan import FileState


def row(path: str, content: str, mtime: int = 1, one: str = "") -> StoredFile:
    return StoredFile(one or f"id-{path}", path, len(content), mtime, f"hash of {content}")


def plan(rows: list[StoredFile], disk: dict[str, tuple[str, int]], hashed: list[str] | None = None) -> Plan:
    def digest(path: str) -> str:
        if hashed is not None:
            hashed.append(path)
        return f"hash of {disk[path][0]}"

    files = {path: FileState(path, len(content), mtime) for path, (content, mtime) in disk.items()}
    return plan_changes(rows, files, is_gone=lambda path: True, digest_of=digest)


def test_nothing_changed_costs_nothing() -> None:
    hashed: list[str] = []
    found = plan([row("a", "x"), row("b", "yy")], {"a": ("x", 1), "b": ("yy", 1)}, hashed)
    assert (found.unchanged, found.reused, found.encode, found.gone, hashed) == (2, [], [], [], [])


def test_a_rename_keeps_the_row() -> None:
    found = plan([row("a", "x")], {"b": ("x", 1)})
    assert [(one.source, one.id, one.file.path) for one in found.moved] == [("id-a", "id-a", "b")]
    assert (found.encode, found.gone, found.added) == ([], [], 0)


def test_a_swap_of_two_files_encodes_nothing() -> None:
    found = plan([row("a", "x"), row("b", "y")], {"a": ("y", 2), "b": ("x", 2)})
    assert {(one.id, one.file.path) for one in found.moved} == {("id-a", "b"), ("id-b", "a")}
    assert (found.encode, found.gone) == ([], [])


def test_a_touched_a_copied_a_changed_a_new_and_a_deleted_file() -> None:
    stored = [row("t", "t"), row("c", "cc"), row("x", "xxx"), row("d", "dddd")]
    disk = {"t": ("t", 9), "c": ("cc", 1), "c2": ("cc", 1), "x": ("XXXXX", 2), "n": ("new content", 1)}
    hashed: list[str] = []
    found = plan(stored, disk, hashed)
    assert [one.id for one in found.touched] == ["id-t"]
    assert [(one.source, one.file.path) for one in found.copied] == [("id-c", "c2")]
    assert found.copied[0].id not in {one.id for one in stored}
    assert [(file.path, one == "id-x") for file, one in found.encode] == [("x", True), ("n", False)]
    assert found.replaced == {"id-x"}
    assert found.gone == ["id-d"]
    assert hashed == ["t", "c2"]  # no stored file has the size of the others


def test_a_chain_of_renames_that_was_killed_in_the_middle_heals() -> None:
    # a -> b was written, b -> c was not: two rows at b
    stored = [row("b", "x", one="1"), row("b", "yy", one="2")]
    found = plan(stored, {"b": ("x", 1), "c": ("yy", 1)})
    assert found.unchanged == 1
    assert [(one.id, one.file.path) for one in found.moved] == [("2", "c")]
    assert (found.encode, found.gone) == ([], [])


def test_rows_that_are_not_known_to_be_gone_stay() -> None:
    found = plan_changes([row("a", "x")], {}, is_gone=lambda path: False, digest_of=lambda path: None)
    assert found == Plan()


def test_a_new_file_where_a_moved_row_began_gets_another_id() -> None:
    first = plan([], {"a": ("x", 1)}).encode[0][1]
    found = plan([row("a", "x", one=first)], {"a": ("new", 2), "b": ("x", 1)})
    assert [one.id for one in found.moved] == [first]
    assert found.encode[0][1] != first


def test_two_rows_of_one_id_go_and_their_file_is_encoded_anew() -> None:
    stored = [row("a", "x", one="1"), row("a", "x", one="1"), row("b", "y", one="2"), row("b", "y", one="2")]
    found = plan(stored, {"a": ("x", 1)})
    assert [file.path for file, _ in found.encode] == ["a"]
    assert (found.gone, found.unchanged) == (["1", "2"], 0)
