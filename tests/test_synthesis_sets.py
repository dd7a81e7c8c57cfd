"""Sets of triplets: counts, samples, splits, differences, cards, judging a file; and the commands for them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli_runs import json_lines, refused, run
from filter_samples import BAD, GOOD, triplet
from instructcir.data.reading import read_triplets
from instructcir.errors import InputError
from instructcir.synthesis.data_card import LICENCES, card_of, write_card
from instructcir.synthesis.differences import differences
from instructcir.synthesis.filters import all_filters, described
from instructcir.synthesis.inspected import Row, read_inspected, rejected_beside
from instructcir.synthesis.judging import judge_file, threshold_for
from instructcir.synthesis.labels import wilson, write_labels
from instructcir.synthesis.splitting import PARTS, part_of, write_split
from instructcir.synthesis.statistics import Statistics, classes, counted, sample
from instructcir.synthesis.stored import read_verdicts, verdict_file
from instructcir.synthesis.written import Source, Verdict, Written, examine
from tiny_pictures import pictures


def rows(folder: Path) -> list[Row]:
    """All samples, each with a picture of its own file; two sources share one content."""
    made = []
    filters = all_filters()
    texts = [*GOOD, *(one[1:] for one in BAD)]
    for number, one in enumerate(texts):
        path = folder / f"{number}.png"
        if not path.exists():
            image = pictures()[0].copy()
            image.putpixel((0, 0), (number // 2, 7, 9))  # each content under two names
            image.save(path)
        source, written = triplet(*one, number)
        source = Source(source.id, str(path), source.caption)
        made.append((source, examine(source, written, filters)))
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triplets")
    with (
        verdict_file(folder / "t.parquet") as kept,
        verdict_file(folder / "t.rejected.parquet", reasons=True) as others,
    ):
        for source, verdict in rows(folder):
            (kept if verdict.kept else others).add(source, verdict)
    return folder


def test_counts_are_those_of_a_naive_count(place: Path) -> None:
    found = Statistics()
    seen = list(counted(read_inspected(place / "t.parquet"), found))
    assert found.triplets == len(seen) == len({row[0].image for row in seen}) == found.pictures
    assert found.kinds == Counter(attribute=len(seen))
    assert found.instruction_lengths.total() == found.caption_lengths.total() == len(seen)
    assert found.words["cats"] == sum(
        f"{row[1].written.instruction} {row[1].written.modified_caption}".lower().split().count("cats") for row in seen
    )
    assert found.same_both == 0
    twice = Statistics()
    list(counted([*seen, *seen[:5]], twice))
    assert (twice.same_both, twice.pictures) == (5, found.pictures)


def test_classes_of_lengths_hold_all_of_them() -> None:
    lengths = Counter({0: 1, 1: 2, 2: 3, 7: 4, 130: 5})
    counts = [1, 5, 0, 4, 0, 0, 0, 0, 0, 5]
    names = ["0", "1-2", "3-4", "5-7", "8-11", "12-19", "20-29", "30-49", "50-99", "100+"]
    assert classes(lengths) == list(zip(names, counts, strict=True))
    assert sum(count for _, count in classes(lengths)) == lengths.total()


def test_a_sample_is_random_and_the_same_for_a_seed(place: Path) -> None:
    every = list(read_inspected(place / "t.parquet"))
    assert sample(every, 10, 1) == sample(every, 10, 1) != sample(every, 10, 2)
    assert {row[1].written.id for row in sample(every, 999, 0)} == {row[1].written.id for row in every}
    drawn = Counter(row[1].written.id for seed in range(400) for row in sample(every, 5, seed))
    expected = 400 * 5 / len(every)
    assert len(drawn) == len(every)
    assert max(abs(count - expected) for count in drawn.values()) < 5 * expected**0.5


def test_no_picture_is_in_two_parts(place: Path, tmp_path: Path) -> None:
    every = list(read_verdicts(place / "t.parquet"))
    found = write_split(every, tmp_path / "split", shares=(0.6, 0.2, 0.2))
    contents: dict[str, set[bytes]] = {}
    for part in PARTS:
        stored = list(read_verdicts(tmp_path / "split" / f"{part}.parquet"))
        assert len(stored) == found.counts[part] > 0
        contents[part] = {Path(str(source.image)).read_bytes() for source, _ in stored}
        assert len(list(read_triplets(tmp_path / "split" / f"{part}.parquet"))) == len(stored)  # training reads it
    assert sum(found.counts.values()) == len(every)
    assert sum(map(len, contents.values())) == len(set().union(*contents.values()))  # each content in one part only
    assert len(set().union(*contents.values())) < len(every)  # though contents stand under several names


def test_the_part_depends_on_content_and_salt_alone(tmp_path: Path) -> None:
    shares = {"train": 0.5, "test": 0.5}
    (tmp_path / "a").write_bytes(b"x")
    assert part_of(str(tmp_path / "a"), shares) == part_of(b"x", shares)
    places = Counter(part_of(bytes([number // 256, number % 256]), shares) for number in range(2000))
    assert abs(places["train"] - 1000) < 120
    moved = [part_of(bytes([number]), shares) != part_of(bytes([number]), shares, "salt") for number in range(200)]
    assert 60 < sum(moved) < 140
    grown = {"train": 0.8, "test": 0.2}
    assert all(part_of(bytes([n]), grown) == "train" for n in range(200) if part_of(bytes([n]), shares) == "train")


def test_two_pictures_of_different_parts_are_left_out(tmp_path: Path) -> None:
    shares = dict(zip(PARTS, (0.5, 0.25, 0.25), strict=True))
    images = [bytes([number]) for number in range(40)]
    written = triplet(*GOOD[0])[1]
    made = [(Source("s", images[0], "a dog", image, "a cat"), Verdict(written)) for image in images[1:]]
    together = [part_of(image, shares) == part_of(images[0], shares) for image in images[1:]]
    found = write_split(made, tmp_path / "s", shares=(0.5, 0.25, 0.25))
    assert (sum(found.counts.values()), found.across) == (sum(together), len(together) - sum(together))


def test_a_split_that_cannot_be(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="add up to 1"):
        write_split([], tmp_path / "s", shares=(0.5, 0.1, 0.1))
    with pytest.raises(InputError, match="has no picture"):
        write_split([(Source("s", None, "x"), Verdict(triplet(*GOOD[0])[1]))], tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_differences_are_counted(place: Path) -> None:
    every = list(read_inspected(place / "t.parquet"))
    changed = [
        (source, Verdict(triplet("x", "in red", "y", verdict.written.number)[1])) for source, verdict in every[:3]
    ]
    new = (every[0][0], Verdict(triplet("x", "in red", "y", 999)[1]))
    found = differences(every, [*changed, *every[5:], new])
    assert (found.same, found.changed, found.only_one, found.only_other) == (len(every) - 5, 3, 2, 1)
    assert found.changes[0] == (every[0][1].written.id, "in red -> y")
    assert found.added == [("s999#999", "in red -> y")]


def test_the_card_adds_up_and_says_what_is_not_known(place: Path) -> None:
    card = card_of(place / "t.parquet", wilson(9, 10))
    kept, others = (len(list(read_verdicts(place / name))) for name in ("t.parquet", "t.rejected.parquet"))
    assert (card["kept"]["triplets"], card["rejected"]["triplets"]) == (kept, others)
    assert sum(one["rejected"] for one in card["filters"].values()) == others
    assert list(card["filters"]) == list(described())
    made = write_card(place / "t.parquet")
    assert json.loads((place / "t.card.json").read_text())["looked_at"] is None
    text = made.read_text()
    assert LICENCES in text
    assert "Nobody has looked at them yet" in text
    assert f"{kept:,} triplets" in text


class ByLength:
    """Longer modified captions are better."""

    name = "length"

    def scores(self, triplets: Sequence[tuple[Source, Written]]) -> list[float]:
        return [float(len(written.modified_caption)) for _, written in triplets]


def test_a_file_is_judged_and_nothing_is_lost(place: Path, tmp_path: Path) -> None:
    every = list(read_verdicts(place / "t.parquet"))
    labels = {verdict.written.id: len(verdict.written.modified_caption) > 30 for _, verdict in every}
    found = threshold_for(ByLength(), place / "t.parquet", labels, target=0.5)
    kept, rejected = judge_file(ByLength(), place / "t.parquet", tmp_path / "j.parquet", found.score)
    assert 0 < kept < len(every)
    assert kept + rejected == len(every)
    others = list(read_verdicts(tmp_path / "j.rejected.parquet"))
    assert len(others) == rejected + len(list(read_verdicts(place / "t.rejected.parquet")))
    assert Counter(verdict.reason for _, verdict in others)["judge"] == rejected
    with pytest.raises(InputError, match="another file"):
        judge_file(ByLength(), place / "t.parquet", place / "t.parquet", 0)


def test_inspect_counts_and_estimates(place: Path, tmp_path: Path) -> None:
    every = list(read_verdicts(place / "t.parquet"))
    write_labels(tmp_path / "l.jsonl", {row[1].written.id: number > 3 for number, row in enumerate(every[:20])})
    told = run("triplets", "inspect", place / "t.parquet", "--labels", tmp_path / "l.jsonl").stdout
    expected = wilson(16, 20)
    assert f"16 of 20 labelled ones are good, 80.0% (95 % interval {expected.low:.1%} to {expected.high:.1%})" in told
    [found] = json_lines(run("triplets", "inspect", place / "t.parquet", "--json"))
    assert found["kept"]["triplets"] == len(every)
    assert sum(found["rejected"]["reasons"].values()) == found["rejected"]["triplets"]
    assert found["labelled"] is None
    assert "no such file" in refused("triplets", "inspect", tmp_path / "none.parquet")


def test_any_triplets_can_be_inspected(place: Path, tmp_path: Path) -> None:
    line = {"image": str(place / "0.png"), "instruction": "in blue", "modified_caption": "a blue dress"}
    (tmp_path / "t.jsonl").write_text(json.dumps(line) + "\n")
    [found] = json_lines(run("triplets", "inspect", tmp_path / "t.jsonl", "--json"))
    assert (found["kept"]["triplets"], found["kept"]["writers"]) == (1, {})
    assert rejected_beside(tmp_path / "t.jsonl") is None


def test_the_other_commands(place: Path, tmp_path: Path) -> None:
    [found] = json_lines(run("triplets", "diff", place / "t.parquet", place / "t.parquet", "--json"))
    assert (found["changed"], found["only_one"], found["only_other"]) == (0, 0, 0)
    assert "only A 0, only B 0" in run("triplets", "diff", place / "t.parquet", place / "t.parquet").stdout
    [split] = json_lines(
        run("triplets", "split", place / "t.parquet", "--into", tmp_path / "s", "--test", "0.3", "--json")
    )
    assert split["train"] + split["development"] + split["test"] == found["same"]
    assert "written" in run("triplets", "card", place / "t.parquet").stdout
    assert "one of them" in refused("triplets", "judge", "m", place / "t.parquet", "--into", tmp_path / "j.parquet")
