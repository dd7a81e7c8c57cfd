"""The sheet: well-formed, self-contained, safe against its texts; in a browser labels are given, kept and saved."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checked_html import Checked
from filter_samples import triplet
from instructcir.images import open_rgb
from instructcir.synthesis.labels import read_labels, wilson
from instructcir.synthesis.sheet import triplet_sheet
from instructcir.synthesis.statistics import Statistics, counted
from instructcir.synthesis.written import Source, Verdict
from tiny_pictures import pictures

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
EVIL = '</script><script>document.title="x"</script> & "quoted" <b>'


def sheet(folder: Path) -> str:
    pictures()[0].save(folder / "a.png")
    rows = []
    for number in range(6):
        source, written = triplet("a red dress", "in blue" if number else EVIL, "a blue dress", number)
        image = str(folder / "gone.png") if number == 5 else str(folder / "a.png")
        source = Source(source.id, image, EVIL if number == 1 else source.caption)
        written = replace(written, source=f'"{written.source}') if number == 2 else written
        reason = ("unsafe", "because <i>") if number > 3 else ("", "")
        rows.append((source, Verdict(written, *reason)))
    kept, rejected = Statistics(), Statistics()
    list(counted(rows[:4], kept))
    list(counted(rows[4:], rejected))
    return triplet_sheet("a <set>", rows, kept, rejected, open_rgb, labels={"s3#3": False, "other#0": True})


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    page = sheet(tmp_path)
    checked = Checked()
    checked.feed(page)
    assert checked.open == []
    assert checked.count["article"] == 6
    assert checked.count["img"] == 5  # one picture is gone
    assert checked.count["script"] == 2  # the labels that were given, and the page's own
    assert "<i>because" not in page
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", page) == []
    assert re.findall(r"url\(|@import|https?://", page) == []
    assert "<ins>blue</ins>" in page and "<del>red</del>" in page  # noqa: PT018


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    playwright = pytest.importorskip("playwright.sync_api", reason="the sheet's test needs playwright: make setup")
    if CHROMIUM is None:
        pytest.skip("the sheet's test needs Chromium on the path")
    (tmp_path / "sheet.html").write_text(sheet(tmp_path), encoding="utf-8")
    with playwright.sync_playwright() as tools:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        address = (tmp_path / "sheet.html").as_uri()
        page.goto(address)
        yield page
        assert complaints == []
        assert [url for url in asked if url != address and not url.startswith(("data:", "blob:"))] == []
        browser.close()


def test_labels_are_given_kept_and_saved(opened: Any, tmp_path: Path) -> None:
    assert opened.title() == "a <set>"
    opened.locator('[data-id="s1#1"] .yes').click()
    opened.locator('[data-id="s4#4"] .no').click()
    opened.locator('[data-id="s0#0"]').focus()
    opened.keyboard.press("b")
    opened.keyboard.press("g")  # the focus went on; it says again what was said, and takes nothing back
    interval = wilson(1, 3)
    said = f"kept: 1 of 3 good, 33 % (95 %: {100 * interval.low:.0f} to {100 * interval.high:.0f})"
    assert opened.locator("#score-kept").text_content() == said
    opened.wait_for_timeout(500)  # Chromium hands what is stored to another process, which a busy machine keeps waiting
    opened.reload()
    assert opened.locator("#score-kept").text_content() == said
    for name in ("jsonl", "json"):
        with opened.expect_download() as waiting:
            opened.locator(f"#{name}").click()
        waiting.value.save_as(tmp_path / f"labels.{name}")
        assert read_labels(tmp_path / f"labels.{name}") == {"s0#0": False, "s1#1": True, "s3#3": False, "s4#4": False}
    [first, *_] = json.loads((tmp_path / "labels.json").read_text())
    assert first == {"id": "s0#0", "label": "bad", "group": "kept", "reason": ""}


def test_groups_are_shown_alone(opened: Any) -> None:
    shown = opened.locator(".triplet:visible")
    assert shown.count() == 6
    opened.locator('[data-show="rejected"]').click()
    assert shown.count() == 2
    opened.locator("#reason").select_option("unsafe")
    opened.locator('[data-show="kept"]').click()
    assert shown.count() == 0
    assert opened.locator("#none").is_visible()
    opened.locator("#reason").select_option("")
    opened.locator('[data-show="open"]').click()
    assert shown.count() == 5  # one came with a label
