"""Families of which one excludes the others: what became what between two captions, and what instructions speak of."""

from __future__ import annotations

import pytest

from instructcir.synthesis.families import replaced, spoken_of


@pytest.mark.parametrize(
    ("before", "after", "families"),
    [
        ("A coat in a garden.", "A coat on a beach.", {"place"}),
        ("A coat with short sleeves.", "A coat with long-length sleeves and a belt.", {"sleeves"}),
        ("A crimson coat in summer.", "A blue coat in the summertime.", {"colour"}),
        ("A postbox red coat.", "A red coat with brown dots.", set()),  # nothing is lost
        ("A chocolate cake and a red bowl.", "A brown cake.", set()),  # chocolate may have been brown
        ("A red coat.", "A teal coat.", {"colour"}),
        ("A dark cyan coat.", "A blue-green coat.", set()),
        ("A coat with no buttons.", "A coat with a zip.", set()),
        ("A coat with buttons.", "A coat with a zip and no buttons.", set()),  # named, if only to deny it
        ("A coat without buttons or a zip.", "A coat with a zip.", set()),
        ("Two dogs at night.", "Three dogs by day.", {"count", "time"}),
        ("A crew-neck top.", "A top with a neckline in a V, V-neck.", {"neck"}),
        ("Ein Hund im Schnee.", "Ein Hund am Strand.", set()),
    ],
)
def test_what_became_what(before: str, after: str, families: set[str]) -> None:
    assert set(replaced(before, after)) == families
    assert set(replaced(after, before)) == families
    assert replaced(before, before) == {}


def test_what_is_lost_and_what_is_gained_are_named() -> None:
    assert replaced("A meadow in spring.", "A beach in spring.") == {"place": ("field", "sea")}


@pytest.mark.parametrize(
    ("instruction", "families"),
    [
        ("a warmer season", {"season"}),
        ("make its sleeves longer", {"sleeves"}),
        ("remove the zipper", {"closure"}),
        ("nicer", {"weather"}),
        ("with a hat", set()),
    ],
)
def test_what_an_instruction_speaks_of(instruction: str, families: set[str]) -> None:
    assert set(spoken_of(instruction)) == families
