"""An index that is made anew while it is served is asked with its new model, and no request fails meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from instructcir.errors import ModelError
from instructcir.index.manifest import Identity, Manifest, identity_of
from instructcir.index.reindex import reindex
from instructcir.index.update import update_index
from instructcir.search.searcher import Index
from instructcir.server.access import Access
from instructcir.server.app import create_app
from instructcir.server.limits import Limits
from instructcir.server.service import Service
from served import client_of, error_of, ids_of, make_index

Loaded, Built = Callable[..., Any], Callable[..., Path]
OLD, NEW = "qwen2-vl", "llava-siglip-qwen2"


def identity(loaded: Loaded, built: Built, name: str) -> Identity:
    return identity_of(loaded(name), str(built(name)))


def test_no_request_fails_while_the_index_is_made_anew(tmp_path: Path, loaded: Loaded, built: Built) -> None:
    folder = make_index(tmp_path, loaded(OLD), built(OLD), count=6)
    answers: list[tuple[int, Any]] = []
    stop = threading.Event()
    with client_of(folder, loaded(OLD)) as client:
        one = ids_of(client)["2.png"]
        session = client.post("/v1/sessions", json={"reference": {"id": one}}).json()["session"]
        client.post(f"/v1/sessions/{session}/refine", json={"edit": "in red"})
        client.post(f"/v1/sessions/{session}/refine", json={"edit": "small"})

        def ask() -> None:
            while not stop.is_set():
                answer = client.post("/v1/search", json={"references": [{"id": one}], "modification": "x", "k": 3})
                answers.append((answer.status_code, answer.json()))

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        for name in (NEW, OLD, NEW):
            reindex(folder, loaded(name), identity(loaded, built, name))
            after, until = len(answers), time.monotonic() + 60
            while len(answers) < after + 12 and time.monotonic() < until:
                time.sleep(0.02)
        stop.set()
        for thread in asking:
            thread.join()
        assert {status for status, _ in answers} == {200}
        assert client.get("/v1/index").json()["model"] == Manifest.read(folder).identity.fingerprint
        asked = {"references": [{"id": one}], "modification": "in red", "k": 5}
        hits = client.post("/v1/search", json=asked).json()["hits"]
        expected = Index.open(folder, embedder=loaded(NEW)).search(one, "in red", k=5)
        assert [hit["id"] for hit in hits] == [hit.id for hit in expected]
        assert [hit["score"] for hit in hits] == pytest.approx([hit.score for hit in expected], abs=2e-3)
        undone = client.post(f"/v1/sessions/{session}/undo").json()
        assert (undone["reference"], undone["edits"]) == (one, ["in red"])
        refined = client.post(f"/v1/sessions/{session}/refine", json={"edit": "in blue", "k": 3}).json()
        expected = Index.open(folder, embedder=loaded(NEW)).search(one, "in red, in blue", k=3)
        assert [hit["id"] for hit in refined["hits"]] == [hit.id for hit in expected]


def test_the_model_is_loaded_while_it_still_builds(
    tmp_path: Path, loaded: Loaded, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instructcir.server.following.LOOKS_EVERY", 0.02)
    folder = make_index(tmp_path, loaded(OLD), built(OLD), count=3)
    called = threading.Event()

    def load(folder: Path, identity: Identity) -> Any:
        called.set()
        return loaded(NEW)

    def progress(_: int) -> None:
        assert called.wait(30), "nothing was loaded before the switch"

    service = Service(folder, loaded(OLD), Limits(), load)
    reindex(folder, loaded(NEW), identity(loaded, built, NEW), progress=progress)
    assert service.steadily(service.count) == 4
    assert service.model.embedder is loaded(NEW)
    service.close()


def test_a_model_that_cannot_be_loaded_is_said_and_tried_again(
    tmp_path: Path, loaded: Loaded, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instructcir.server.following.LOOKS_EVERY", 60)
    folder = make_index(tmp_path, loaded(OLD), built(OLD), count=3)
    fails = [True]

    def load(folder: Path, identity: Identity) -> Any:
        if fails:
            fails.pop()
            raise ModelError("it is on a disk that is not mounted")
        return loaded(NEW)

    app = create_app(Service(folder, loaded(OLD), Limits(), load), Access(None, "127.0.0.1"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        reindex(folder, loaded(NEW), identity(loaded, built, NEW))
        assert error_of(client.get("/healthz")) == (503, "index_unavailable")
        assert client.get("/healthz").json()["pictures"] == 4


def test_an_update_by_the_same_model_is_no_switch(tmp_path: Path, loaded: Loaded, built: Built) -> None:
    folder = make_index(tmp_path, loaded(OLD), built(OLD), count=3)
    service = Service(folder, loaded(OLD), Limits(), lambda *_: pytest.fail("nothing is to be loaded"))
    served = service.following.served
    update_index(folder, [tmp_path / "photos"], loaded(OLD), identity(loaded, built, OLD))
    (folder / "manifest.json").touch()
    assert service.following.newest() is served
    service.close()


def test_an_index_made_anew_by_its_own_model_is_opened_anew(tmp_path: Path, loaded: Loaded, built: Built) -> None:
    folder = make_index(tmp_path, loaded(OLD), built(OLD), count=3)
    with client_of(folder, loaded(OLD)) as client:
        library = Index.open(folder, embedder=loaded(OLD))
        before = client.post("/v1/search", json={"modification": "red"}).json()["hits"]
        reindex(folder, loaded(OLD), identity(loaded, built, OLD), storage="int8")
        after = client.post("/v1/search", json={"modification": "red"}).json()["hits"]
        assert [hit["id"] for hit in after] == [hit["id"] for hit in before]
        assert [hit["score"] for hit in after] != [hit["score"] for hit in before]  # eight bits
        assert library.search(None, "red")[0].score == pytest.approx(after[0]["score"], abs=1e-6)
