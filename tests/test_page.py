"""The page in a real browser: search, refine, go back, mark, filter, look closer, share; a broken file; a phone."""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instructcir.server.access import Access
from instructcir.server.app import create_app
from instructcir.server.limits import Limits
from instructcir.server.service import Service
from served import KEY, make_index, png

playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright: make setup")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page's tests need Chromium on the path")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT = 30_000  # milliseconds; a busy machine is no fault of the page


@pytest.fixture(scope="module")
def serve(
    tmp_path_factory: pytest.TempPathFactory, loaded: Callable[..., Any], built: Callable[..., Path]
) -> Iterator[Callable[..., str]]:
    import uvicorn

    embedder = loaded("qwen2-vl")
    index = make_index(tmp_path_factory.mktemp("page"), embedder, built("qwen2-vl"), link=False)
    running = []

    def start(key: str | None = None) -> str:
        door = socket.create_server(("127.0.0.1", 0))
        app = create_app(Service(index, embedder, Limits(seconds=60)), Access(key, "127.0.0.1"))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, args=([door],))
        thread.start()
        running.append((server, thread, door))
        return f"http://127.0.0.1:{door.getsockname()[1]}/"

    yield start
    for server, thread, door in running:
        server.should_exit = True
        thread.join(30)
        door.close()


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page at its start; anything that it complains of in the console fails the test, but what the test forgives."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    opened = context.new_page()
    yield from _watched(opened, address)
    context.close()


def _watched(opened: Any, address: str) -> Iterator[Any]:
    opened.set_default_timeout(WAIT)
    complaints: list[str] = []
    asked: list[str] = []
    opened.forgiven = ()
    opened.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(address)
    opened.wait_for_selector(".grid.is-start .tile")
    yield opened
    assert [one for one in complaints if not any(word in one for word in opened.forgiven)] == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def title(page: Any, said: str) -> None:
    page.wait_for_function("said => document.querySelector('#found-title').textContent === said", arg=said)


def start_from_first(page: Any) -> str:
    name: str = page.locator(".tile").first.get_attribute("data-id")
    page.locator(".tile-open").first.click()
    title(page, "Pictures like this one")
    page.wait_for_selector(".grid:not(.is-start) .tile")
    return name


def test_search_refine_and_back(page: Any) -> None:
    one = start_from_first(page)
    assert page.locator(f'.tile[data-id="{one}"]').count() == 0  # the reference is no hit
    page.fill("#words", "in red")
    title(page, "“in red”")
    page.keyboard.press("Enter")
    page.wait_for_selector(".chip")
    page.keyboard.type("no sleeves")
    title(page, "“in red, no sleeves”")
    page.keyboard.press("Enter")
    assert page.locator(".step").count() == 4
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    title(page, "“in red”")
    page.locator(".step").nth(3).click()  # and forward
    title(page, "“in red, no sleeves”")
    page.go_back()
    title(page, "“in red”")
    page.locator(".chip button").first.click()
    title(page, "Pictures like this one")


def test_only_the_last_words_are_shown(page: Any) -> None:
    """An answer that comes late does not replace a newer one."""
    held = []

    def hold(route: Any) -> None:
        if '"first"' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/v1/search", hold)
    page.fill("#words", "first")
    page.wait_for_timeout(600)
    page.fill("#words", "second")
    title(page, "“second”")
    page.forgiven = ("ERR_",)
    assert len(held) == 1
    page.wait_for_timeout(300)
    assert page.locator("#found-title").text_content() == "“second”"


def test_a_link_holds_the_search(page: Any, address: str) -> None:
    start_from_first(page)
    page.fill("#words", "in red")
    page.keyboard.press("Enter")
    page.locator("#filters summary").click()
    page.locator(".option", has_text=re.compile("^x")).click()
    page.wait_for_function("() => location.search.includes('f.brand=x')")
    title(page, "“in red”")
    page.wait_for_selector(".grid:not(.is-stale) .tile")
    shown = page.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")
    other = page.context.new_page()
    other.goto(page.url)
    title(other, "“in red”")
    other.wait_for_selector(".grid:not(.is-stale) .tile")
    assert other.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.id)") == shown
    assert other.locator("#filter-count").text_content() == "1"


def test_marks_move_the_search(page: Any) -> None:
    start_from_first(page)
    tile = page.locator(".tile").nth(1)
    one = tile.get_attribute("data-id")
    tile.hover()
    with page.expect_request("**/v1/search") as asked:
        tile.locator(".more").click()
    assert asked.value.post_data_json["more_like"] == [one]
    page.wait_for_selector("#mark-list button.more")
    assert f"more={one}" in page.url
    page.locator("#mark-list button").click()
    page.wait_for_selector("#marks", state="hidden")


def test_all_by_keyboard(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("a red dress")
    title(page, "“a red dress”")
    page.wait_for_selector(".grid:not(.is-start):not(.is-stale) .tile")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('.tile').querySelector('.tile-rank').textContent") == "2"
    page.keyboard.press("n")
    page.wait_for_selector("#mark-list button.less")
    page.keyboard.press("Enter")
    page.wait_for_selector("#closer[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#closer", state="hidden")
    assert page.evaluate("document.activeElement.className") == "tile-open"
    page.keyboard.press("g")
    title(page, "Pictures like this one")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")


def test_looking_closer_shows_where_the_model_looks(page: Any) -> None:
    start_from_first(page)
    page.locator(".tile-open").first.click()
    page.wait_for_selector("#closer[open] .pair.is-two")
    page.locator("#map").click()
    page.wait_for_selector('[data-pane="reference"] canvas')
    page.wait_for_selector('[data-pane="hit"] canvas')
    page.locator("#map").click()
    page.wait_for_selector("#closer canvas", state="detached")
    page.get_by_role("button", name="Go on from this").click()
    page.wait_for_function("() => document.querySelectorAll('.step').length === 3")


def test_an_upload_and_a_broken_one(page: Any) -> None:
    page.forgiven = ("422",)  # the browser itself says that the answer was a refusal
    broken = {"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    page.set_input_files("#file", files=[broken])
    page.wait_for_selector("#pick-error:not([hidden])")
    assert page.locator("#pick-error").text_content().startswith("holiday.jpg cannot be read as a picture")
    assert page.locator("#drop").is_visible()
    page.set_input_files("#file", files=[{"name": "red.png", "mimeType": "image/png", "buffer": png(64)}])
    title(page, "Pictures like this one")
    assert page.locator("#pick-error").is_hidden()
    assert "up=" in page.url
    page.wait_for_function("() => document.querySelector('#chosen-image').naturalWidth === 64")


def test_nothing_left_and_no_answer_are_told(page: Any) -> None:
    page.fill("#words", "red")
    title(page, "“red”")
    page.locator("#filters summary").click()
    page.get_by_label("price, at least").fill("1000")
    page.wait_for_selector(".nothing")
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_selector(".tile")
    page.forgiven = ("ERR_",)
    page.route("**/v1/search", lambda route: route.abort())
    page.fill("#words", "blue")
    page.wait_for_selector("#notice.is-bad")
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    title(page, "“blue”")
    page.wait_for_selector("#notice", state="hidden")


def test_every_control_has_a_name_and_every_picture_a_text(page: Any) -> None:
    start_from_first(page)
    page.locator(".tile-open").first.click()
    page.wait_for_selector("#closer[open]")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, a')]
            .filter(one => !(one.getAttribute('aria-label') || one.labels?.length || one.textContent.trim()))
            .map(one => one.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("img:not([alt])").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(browser: Any, address: str, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    for page in _watched(context.new_page(), address):
        start_from_first(page)
        page.fill("#words", "in red")
        title(page, "“in red”")
        page.locator("#filters summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") == 360  # nothing sticks out
        columns = page.evaluate(
            "getComputedStyle(document.querySelector('#grid')).gridTemplateColumns.split(' ').length"
        )
        assert columns == 2
        page.locator("#filters summary").click()
        page.locator(".tile-open").first.click()
        page.wait_for_selector("#closer[open]")
        assert page.evaluate("document.querySelector('#closer').scrollWidth") == 360
    context.close()


def test_a_key_is_asked_for(browser: Any, serve: Callable[..., str]) -> None:
    address = serve(KEY)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.goto(address)
    page.wait_for_selector("#sign-in[open]")
    page.fill("#key", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#key-error:not([hidden])")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    page.wait_for_selector(".tile img")
    page.wait_for_function("() => document.querySelector('.tile img').naturalWidth > 0")
    context.close()
