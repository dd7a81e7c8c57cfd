"""The endpoints over a real, tiny model: what the library says, what is refused, what is never shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from instructcir.items import ComposedQuery
from instructcir.search.searcher import Index
from instructcir.server.limits import Limits
from served import COUNT, KEY, client_of, error_of, ids_of, make_index, png


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, loaded: Callable[..., Any], built: Callable[..., Path]) -> Path:
    return make_index(tmp_path_factory.mktemp("served"), loaded("qwen2-vl"), built("qwen2-vl"))


@pytest.fixture(scope="module")
def client(folder: Path, loaded: Callable[..., Any]) -> Iterator[TestClient]:
    with client_of(folder, loaded("qwen2-vl")) as made:
        yield made


@pytest.fixture(scope="module")
def index(folder: Path, loaded: Callable[..., Any]) -> Index:
    return Index.open(folder, embedder=loaded("qwen2-vl"))


def search(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_search_is_the_librarys(client: TestClient, index: Index) -> None:
    one, other = list(ids_of(client).values())[:2]
    asked = {"references": [{"id": one}, {"id": other, "weight": 2}], "modification": "in red", "not": "dots", "k": 5}
    expected = index.search([one, (other, 2.0)], "in red", not_="dots", k=5)
    found = search(client, **asked)
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in expected]
    assert [hit["score"] for hit in found["hits"]] == pytest.approx([hit.score for hit in expected], abs=2e-3)
    assert found["matches_well"] == expected.matches_well
    assert found["hits"][0].keys() >= {"name", "width", "height", "values", "percentile"}
    assert "path" not in found["hits"][0]


def test_filters_marks_and_words_alone(client: TestClient, index: Index) -> None:
    ids = ids_of(client)
    assert len(search(client, modification="red", where="price < 3 and brand = 'x'", k=50)["hits"]) == 1
    liked = search(client, more_like=[ids["3.png"]], k=1)["hits"][0]
    assert liked["name"] == "3.png"
    expected = index.search(None, "red", more_like=[ids["3.png"]], less_like=[ids["4.png"]], k=3)
    found = search(client, modification="red", more_like=[ids["3.png"]], less_like=[ids["4.png"]], k=3)
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in expected]


def test_a_picture_can_be_sent_or_kept(client: TestClient) -> None:
    form = client.post("/v1/search", files={"image": ("a.png", png())}, data={"modification": "in blue", "k": "3"})
    kept = client.post("/v1/uploads", files={"image": ("a.png", png())}).json()
    assert (kept["width"], kept["height"]) == (20, 20)
    again = search(client, references=[{"upload": kept["upload"]}], modification="in blue", k=3)
    assert [hit["id"] for hit in form.json()["hits"]] == [hit["id"] for hit in again["hits"]]
    assert client.get(f"/v1/uploads/{kept['upload']}").headers["content-type"] == "image/jpeg"
    assert error_of(client.get(f"/v1/uploads/{'0' * 64}")) == (410, "upload_gone")


def test_questions_together_equal_questions_alone(client: TestClient, loaded: Callable[..., Any]) -> None:
    """Many threads at once: texts, composed queries and pictures must each get their own vector."""
    embedder = loaded("qwen2-vl")
    pictures = [png(20 + number, (number * 20, 90, 200 - number * 10)) for number in range(6)]
    texts = [f"text {number}" for number in range(6)]
    expected = [
        *embedder.embed_images(pictures),
        *embedder.embed_texts(texts),
        *embedder.embed_queries([ComposedQuery(p, t) for p, t in zip(pictures, texts, strict=True)]),
    ]
    asked: list[dict[str, Any]] = [
        *({"files": {"image": ("a.png", picture)}} for picture in pictures),
        *({"json": {"text": text}} for text in texts),
        *({"files": {"image": ("a.png", p)}, "data": {"text": t}} for p, t in zip(pictures, texts, strict=True)),
    ]
    for _ in range(2):  # pictures that are new, and pictures that are kept open
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda one: client.post("/v1/embeddings", **one).json(), asked))
        for answer, vector in zip(answers, expected, strict=True):
            np.testing.assert_allclose(answer["vector"], vector, atol=2e-5)
    assert [answers[place]["kind"] for place in (0, 6, 12)] == ["image", "text", "composed"]


def test_a_session_refines_goes_back_branches_and_goes_on(client: TestClient, index: Index) -> None:
    one = next(iter(ids_of(client).values()))
    opened = client.post("/v1/sessions", json={"reference": {"id": one}})
    assert opened.status_code == 201
    at = f"/v1/sessions/{opened.json()['session']}"
    client.post(f"{at}/refine", json={"edit": "in red", "k": 3})
    refined = client.post(f"{at}/refine", json={"edit": "no sleeves", "k": 3}).json()
    assert refined["modification"] == "in red, no sleeves"
    assert [hit["id"] for hit in refined["hits"]] == [hit.id for hit in index.search(one, "in red, no sleeves", k=3)]
    branch = f"/v1/sessions/{client.post(f'{at}/branch').json()['session']}"
    assert client.post(f"{at}/undo").json()["edits"] == ["in red"]
    went = client.post(f"{branch}/go-on", json={"id": refined["hits"][0]["id"]}).json()
    assert (went["reference"], went["edits"]) == (refined["hits"][0]["id"], [])
    assert client.delete(at).status_code == 204
    assert error_of(client.get(at)) == (404, "not_found")
    sent = client.post("/v1/sessions", files={"image": ("a.png", png())}).json()
    assert sent["reference"] is None
    assert error_of(client.post(f"/v1/sessions/{sent['session']}/undo")) == (422, "bad_input")


def test_pictures_are_served_and_nothing_else(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    photos = folder.parent / "photos"
    original = client.get(f"/v1/images/{ids['2.png']}")
    assert (original.content, original.headers["content-type"]) == ((photos / "2.png").read_bytes(), "image/png")
    assert client.get(f"/v1/images/{ids['2.png']}?side=32").headers["content-type"] == "image/jpeg"
    assert client.get(f"/v1/thumbnails/{ids['link.png']}").status_code == 200  # made when it was indexed
    assert error_of(client.get(f"/v1/images/{ids['link.png']}")) == (404, "not_found")
    explained = client.post("/v1/explain", json={"reference": {"id": ids["link.png"]}})
    assert error_of(explained) == (404, "not_found")
    for path in ("/v1/images/..%2f..%2fprivate%2fsecret.png", "/v1/images/../../private", "/page/..%2fapp.py"):
        assert client.get(path).status_code in (404, 422)
    assert error_of(client.get(f"/v1/images/{'0' * 16}")) == (404, "not_found")
    (photos / "5.png").write_bytes(b"something else")
    assert error_of(client.get(f"/v1/images/{ids['5.png']}")) == (410, "picture_changed")
    os.unlink(photos / "6.png")
    os.mkfifo(photos / "6.png")
    assert error_of(client.get(f"/v1/images/{ids['6.png']}")) == (404, "not_found")


def test_what_does_not_fit_is_refused_in_one_shape(client: TestClient) -> None:
    one = next(iter(ids_of(client).values()))
    post = client.post
    json = {"content-type": "application/json"}
    assert error_of(post("/v1/search", json={})) == (422, "bad_input")
    assert error_of(post("/v1/search", content=b"{", headers=json)) == (422, "invalid")
    assert error_of(post("/v1/search", content=b"[" * 100_000, headers=json)) == (422, "invalid")
    assert error_of(post("/v1/search", content=b'{"modification":"\\ud800"}', headers=json)) == (422, "invalid")
    assert error_of(post("/v1/search", content=b"x", headers={"content-type": "text/plain"})) == (415, "media_type")
    assert error_of(post("/v1/search", json={"references": [{"id": "/etc/passwd"}]})) == (422, "invalid")
    assert error_of(post("/v1/search", json={"references": [{"id": "0" * 16}]})) == (404, "not_found")
    assert error_of(post("/v1/search", json={"modification": "x", "url": "http://a"})) == (422, "invalid")
    assert error_of(post("/v1/search", json={"modification": "x", "where": "path like '%'"})) == (422, "bad_filter")
    assert error_of(post("/v1/search", json={"modification": "x", "where": "price <"})) == (422, "bad_filter")
    assert error_of(post("/v1/uploads", files={"image": ("a.jpg", b"no picture")})) == (422, "unreadable_picture")
    assert error_of(post("/v1/uploads", data={"k": "1"})) in ((422, "invalid"), (415, "media_type"))
    assert error_of(client.get("/v1/nothing")) == (404, "not_found")
    assert error_of(client.put("/v1/search")) == (405, "method_not_allowed")
    assert error_of(post("/v1/explain", json={"reference": {"id": one}, "modification": "x" * 2001})) == (
        422,
        "invalid",
    )


def test_limits_of_size(folder: Path, loaded: Callable[..., Any]) -> None:
    limits = Limits(upload_bytes=4000, upload_pixels=1000)
    with client_of(folder, loaded("qwen2-vl"), limits) as client:
        big = client.post("/v1/search", content=b"x" * 5000, headers={"content-type": "application/json"})
        assert error_of(big) == (413, "too_large")

        def pieces() -> Iterator[bytes]:  # no length is announced
            yield from [b"x" * 1000] * 5

        streamed = client.post("/v1/search", content=pieces(), headers={"content-type": "application/json"})
        assert error_of(streamed) == (413, "too_large")
        many = client.post("/v1/uploads", files={"image": ("a.png", png(40))})
        assert error_of(many) == (422, "unreadable_picture")


def test_no_room_is_said(folder: Path, loaded: Callable[..., Any]) -> None:
    with client_of(folder, loaded("qwen2-vl"), Limits(in_flight=0)) as client:
        answer = client.post("/v1/search", json={"modification": "red"})
        assert error_of(answer) == (503, "busy")
        assert answer.headers["retry-after"] == "1"


def test_a_bug_shows_nothing(folder: Path, loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(folder, loaded("qwen2-vl")) as client:
        monkeypatch.setattr(client.app_state["service"], "search", lambda *_: 1 / 0)
        assert error_of(client.post("/v1/search", json={"modification": "red"})) == (500, "failed")


def test_the_key_opens_the_page_too(folder: Path, loaded: Callable[..., Any]) -> None:
    with client_of(folder, loaded("qwen2-vl"), key=KEY) as client:
        assert client.get("/").status_code == client.get("/healthz").status_code == 200
        assert error_of(client.get("/v1/index")) == (401, "key_needed")
        assert client.get("/v1/index", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
        assert error_of(client.post("/v1/sign-in", json={"key": "no"})) == (401, "wrong_key")
        signed = client.post("/v1/sign-in", json={"key": KEY})
        assert "httponly" in signed.headers["set-cookie"].lower()
        assert "samesite=strict" in signed.headers["set-cookie"].lower()
        assert KEY not in signed.headers["set-cookie"]
        assert client.get("/v1/index").status_code == 200


def test_about_health_metrics_and_headers(client: TestClient) -> None:
    about = client.get("/v1/index").json()
    assert about["pictures"] == COUNT + 1
    assert {facet["name"]: facet["kind"] for facet in about["facets"]} == {
        "brand": "text",
        "price": "number",
        "sold": "truth",
    }
    assert client.get("/healthz").json() == {"status": "ok", "pictures": COUNT + 1}
    assert client.get("/v1/pictures?count=3&seed=5").json() == client.get("/v1/pictures?count=3&seed=5").json()
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in client.get("/v1/index", headers={"origin": "http://127.0.0.1"}).headers
    metrics = client.get("/metrics").text
    assert 'instructcir_requests_total{method="GET",route="/v1/index",status="200"}' in metrics
    assert f"instructcir_pictures {COUNT + 1}" in metrics


def test_the_page_asks_no_other_server() -> None:
    from importlib.resources import files

    page = files("instructcir.server").joinpath("page")
    texts = {file.name: file.read_text(encoding="utf-8") for file in page.iterdir()}
    assert {"index.html", "main.js", "base.css"} <= texts.keys()
    known = ("http://www.w3.org/2000/svg",)
    for name, text in texts.items():
        for scheme in ("http:", "https:", "//cdn", "@import"):
            left = text
            for url in known:
                left = left.replace(url, "")
            assert scheme not in left, name


def test_a_new_version_is_seen(tmp_path: Path, loaded: Callable[..., Any], built: Callable[..., Path]) -> None:
    from index_writer import draw
    from instructcir.index.manifest import identity_of
    from instructcir.index.update import update_index

    embedder = loaded("qwen2-vl")
    made = make_index(tmp_path, embedder, built("qwen2-vl"), count=3)
    with client_of(made, embedder) as client:
        assert client.get("/healthz").json()["pictures"] == 4
        draw(tmp_path / "photos", ["new.png"], seed=3)
        update_index(made, [tmp_path / "photos"], embedder, identity_of(embedder, str(built("qwen2-vl"))))
        assert "new.png" in {hit["name"] for hit in search(client, modification="x", k=9)["hits"]}
