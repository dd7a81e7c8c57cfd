"""The machinery that puts facts into words."""

import random
import re
from pathlib import Path

import pytest

from instructcir.worlds import phrasing
from instructcir.worlds.phrasing import Speaker, book, definite, fill, listed, sentence, slots_of, tidy, typo

BOOK = {"do": (("make it {a}", "{a} and {b}"), ("turn it {a}",)), "word.red": (("red",), ("scarlet",))}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / f"toy_words_{tmp_path.name}"  # a new name for every test: imports are remembered
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_a_book_names_its_lists_by_path_over_several_files(package: Path) -> None:
    (package / "one.toml").write_text('[belt.add.do]\ntraining = ["a"]\nunseen = ["b", "c"]\n')
    (package / "two.toml").write_text('[belt]\nword = { training = ["d"], unseen = [] }\n')
    assert book(package.name, "one.toml", "two.toml") == {
        "belt.add.do": (("a",), ("b", "c")),
        "belt.word": (("d",), ()),
    }


@pytest.mark.parametrize("second", ['training = ["x"]\nunseen = ["x"]', 'training = ["y"]\nunseen = []'])
def test_a_book_refuses_what_would_mix_training_and_unseen(package: Path, second: str) -> None:
    (package / "three.toml").write_text('[one]\ntraining = ["a"]\nunseen = []\n')
    name = "[two]" if '"x"' in second else "[one]"
    (package / "four.toml").write_text(f"{name}\n{second}\n")
    with pytest.raises(ValueError, match="twice"):
        book(package.name, "three.toml", "four.toml")


def test_further_files_go_on_with_lists_and_the_first_phrases_stay_as_common(package: Path) -> None:
    (package / "five.toml").write_text(
        '[one]\ntraining = ["a"]\nunseen = ["b"]\n[two]\ntraining = ["c"]\nunseen = []\n'
    )
    (package / "six.toml").write_text('[one]\ntraining = ["d", "e", "f"]\nunseen = ["g"]\n')
    assert book(package.name, "five.toml", more=("six.toml",)) == {
        "one": (("a", "a", "a", "d", "e", "f"), ("b", "g")),
        "two": (("c",), ()),
    }


@pytest.mark.parametrize(
    ("further", "told"),
    [
        ('[one]\ntraining = ["b"]\nunseen = []', "one: stands there twice"),
        ("[no]\ntraining = []\nunseen = []", "no: goes"),
    ],
)
def test_further_files_neither_mix_the_parts_nor_begin_lists(package: Path, further: str, told: str) -> None:
    (package / "seven.toml").write_text('[one]\ntraining = ["a"]\nunseen = ["b"]\n')
    (package / "eight.toml").write_text(further + "\n")
    with pytest.raises(ValueError, match=told):
        book(package.name, "seven.toml", more=("eight.toml",))


def test_a_speaker_keeps_training_and_unseen_templates_apart() -> None:
    def said(unseen: bool) -> set[str]:
        return {Speaker(BOOK, random.Random(seed), unseen).template("do") for seed in range(30)}

    assert said(False) == {"make it {a}", "{a} and {b}"}
    assert said(True) == {"turn it {a}"}
    assert Speaker(BOOK, random.Random(0)).templates("do", {"a"}) == ["make it {a}"]
    assert Speaker(BOOK, random.Random(0)).templates("nowhere") == []


def test_unseen_words_never_come_in_training_and_are_mixed_otherwise() -> None:
    assert {Speaker(BOOK, random.Random(seed)).word("word.red") for seed in range(30)} == {"red"}
    assert {Speaker(BOOK, random.Random(seed), True).word("word.red") for seed in range(30)} == {"red", "scarlet"}


def test_invented_words_stand_for_names_alone() -> None:
    named = {"word.scene.sea": (("at|the|seaside",), ()), "join": (("{1}, and besides {2}",), ())}
    named |= {"word.pattern_in.dots": (("{second} polka dots",), ()), "word.red": (("red",), ("scarlet",))}
    speaker = Speaker(named, random.Random(0), invented=1.0)
    scenes = {speaker.word("word.scene.sea") for _ in range(20)}
    assert len(scenes) == 20
    assert all(re.fullmatch(r"at\|the\|[a-z]{3,7}", scene) and "seaside" not in scene for scene in scenes)
    assert speaker.word("join") == "{1}, and besides {2}"
    assert speaker.word("word.pattern_in.dots") == "{second} polka dots"
    rare = Speaker(named, random.Random(0), invented=0.25)
    assert 0.15 < sum(rare.word("word.red") != "red" for _ in range(400)) / 400 < 0.35


def test_without_invented_words_no_choice_changes() -> None:
    one, other = Speaker(BOOK, random.Random(4), True), Speaker(BOOK, random.Random(4), True, invented=0.0)
    assert [one.word("word.red") for _ in range(20)] == [other.word("word.red") for _ in range(20)]
    assert one.rng.random() == other.rng.random()


def test_fill_calls_only_the_makers_that_a_template_names() -> None:
    def never() -> str:
        raise AssertionError

    assert fill("{a} or {a}", {"a": lambda: "x", "b": never}) == "x or x"
    assert slots_of("{a} or {b}") == {"a", "b"}
    with pytest.raises(KeyError):
        fill("{c}", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  orange dress ,, in a  studio ,", "an orange dress, in a studio"),
        ("A upright collar, a one-piece, a unisex coat", "An upright collar, a one-piece, a unisex coat"),
        (", red ?", "red?"),
        ("banana orange", "banana orange"),
    ],
)
def test_tidy(text: str, expected: str) -> None:
    assert tidy(text) == expected


def test_small_helpers() -> None:
    assert [listed(list("abc"[:n])) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert (definite("a zip"), definite("an oval"), definite("buttons")) == ("the zip", "the oval", "the buttons")
    assert (sentence("in red"), sentence("in red?")) == ("In red.", "In red?")


@pytest.mark.parametrize("unseen", [False, True])
def test_a_typo_is_one_slip_within_a_long_word(unseen: bool) -> None:
    for seed in range(300):
        slipped = typo("a red dress", random.Random(seed), unseen)
        assert slipped.startswith("a red d")
        assert abs(len(slipped) - len("a red dress")) <= 1
    assert typo("in red", random.Random(0), unseen) == "in red"


def test_typos_of_training_and_unseen_ones_differ_in_kind() -> None:
    training = {typo("white", random.Random(seed)) for seed in range(300)}
    unseen = {typo("white", random.Random(seed), True) for seed in range(300)}
    assert {"wite", "wihte"} <= training
    assert {"whhite", "whitte"} <= unseen
    assert not training & unseen


def test_every_letter_has_a_neighbouring_key() -> None:
    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert phrasing._NEIGHBOURS[letter] not in ("", letter)
