"""Text on pictures stays within its width and survives what a font cannot draw."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFont

from instructcir import lettering
from instructcir.lettering import drawable, font, shortened, width_of, wrapped, write

FACES = [
    lambda: font(16),
    lambda: font(20, bold=True),
    lambda: ImageFont.load_default(16),
    ImageFont.load_default_imagefont,
]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    "text", ["", " ", "short", "many words that go over lines " * 5, "x" * 300, "ü 更短 🎉 \ud800 \x00"]
)
@pytest.mark.parametrize("lines", [1, 3])
def test_lines_fit(face: object, text: str, lines: int) -> None:
    drawn = face()  # type: ignore[operator]
    found = wrapped(text, drawn, 150, lines)
    assert len(found) <= lines
    assert all(width_of(line, drawn) <= 150 for line in found)
    write(Image.new("RGB", (160, 90)), (0, 0), found, drawn)


def test_all_words_are_there_where_there_is_room() -> None:
    text = "change the colour to blue and extraordinarily-long-compound-words too"
    lines = wrapped(text, font(16), 120, 20)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_what_is_cut_ends_in_dots() -> None:
    assert wrapped("one two three four five six", font(16), 60, 2)[-1].endswith(("…", "..."))
    assert shortened("one two three four five six", font(16), 60).endswith(("…", "..."))
    assert shortened("one", font(16), 60) == "one"


def test_missing_shapes_are_marked() -> None:
    latin = ImageFont.load_default_imagefont()
    assert drawable("a更\x07\ud800b", latin) == "a???b"
    assert drawable("a\n b", latin) == "a b"
    assert drawable("plain!", font(16)) == "plain!"


def test_without_any_font_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_FONTS", {False: ("none.ttf",), True: ()})
    font.cache_clear()
    try:
        assert wrapped("still here", font(16), 200, 1) == ["still here"]
    finally:
        font.cache_clear()
