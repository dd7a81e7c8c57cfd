"""Samples of files: triplets of one picture together, drawn samples mixed in, the same for the same seed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PIL import Image

from instructcir.data.records import Triplet
from instructcir.data.writing import write_triplets
from instructcir.errors import InputError
from instructcir.training.drawn import DrawnSamples, Pool
from instructcir.training.recipe import from_dict
from instructcir.training.samples import Sample
from instructcir.training.stream import FileSamples, MixedSamples

COUNTS = (1, 2, 5, 3)


@pytest.fixture
def triplets(tmp_path: Path) -> Path:
    made = []
    for number, count in enumerate(COUNTS):
        path = str(tmp_path / f"{number}.png")
        Image.new("RGB", (20, 20), (40 * number, 9, 9)).save(path)
        made += [Triplet(path, f"ask {number} {k}", f"become {number} {k}", f"thing {number}", f"{number}-{k}", "",
                         (f"wrong {number} {k}",)) for k in range(count)]  # fmt: skip
    write_triplets(tmp_path / "t.parquet", made)
    return tmp_path / "t.parquet"


def first(samples: FileSamples | MixedSamples, count: int) -> list[Sample]:
    return list(itertools.islice(samples, count))


def test_triplets_of_a_picture_share_a_sample(triplets: Path, tmp_path: Path) -> None:
    made = FileSamples("triplets", str(triplets), 4, tmp_path / "out", hard=1, together=3)
    found = first(made, 4 * 40)
    for lap in range(40):
        some = found[4 * lap : 4 * lap + 4]
        assert {one.caption for one in some} == {f"thing {number}" for number in range(4)}
    for sample in found:
        number = int(sample.caption.split()[1])
        assert len(sample.wishes) == len(sample.hard) == 3
        assert len(set(sample.wishes)) == min(3, COUNTS[number])
        assert all(asked.split()[1] == str(number) for asked, _ in sample.wishes)
        assert [text.split()[1:] for text in sample.hard] == [text.split()[1:] for _, text in sample.wishes]
    seen = {wish for sample in found for wish in sample.wishes}
    assert len(seen) == sum(COUNTS)  # what one lap leaves out, another shows
    assert [one.wishes for one in first(made, 9)] == [one.wishes for one in found[:9]]


def test_one_at_a_time_is_every_triplet_once_a_lap(triplets: Path, tmp_path: Path) -> None:
    found = first(FileSamples("triplets", str(triplets), 4, tmp_path / "out"), sum(COUNTS))
    assert len({wish for sample in found for wish in sample.wishes}) == sum(COUNTS)
    assert all(len(sample.wishes) == 1 for sample in found)


@pytest.mark.parametrize("share", [0.25, 0.33, 0.5])
def test_drawn_samples_are_spread_evenly(triplets: Path, tmp_path: Path, share: float) -> None:
    own = FileSamples("triplets", str(triplets), 4, tmp_path / "out", together=2)
    old = DrawnSamples([Pool(tmp_path / "pools", "wardrobe", 8, 32)], 8, seed=1, wishes=2)
    found = first(MixedSamples(own, old, share), 60)
    is_old = [one.id.startswith("wardrobe/") for one in found]
    for start in range(0, 60, 20):
        assert abs(sum(is_old[start : start + 20]) - 20 * share) <= 1
    assert all(len(one.wishes) == 2 for one in found)
    drawn = [one.id for one in found if one.id.startswith("wardrobe/")]
    assert drawn[:8] == [old[number].id for number in range(8)]
    own_ids = [one.id for one in found if not one.id.startswith("wardrobe/")]
    assert own_ids == [one.id for one in first(own, len(own_ids))]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"source": "drawn", "drawn_share": 0.3}, "drawn_share is 0 or, beside files"),
        ({"source": "triplets", "drawn_share": 1.0}, "below 1"),
        ({"source": "pairs", "together": 2}, "data.together is 1"),
        ({"source": "triplets", "together": 0}, "data.together is 1"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused(data: dict[str, object], said: str) -> None:
    values = {"name": "n", "about": "", "start": {"model": "m"}, "data": data, "objective": {"pairs": 1.0},
              "optimiser": {"global_batch": 2, "steps": 1, "learning_rate": 1.0}}  # fmt: skip
    with pytest.raises(InputError, match=said):
        from_dict(values)
