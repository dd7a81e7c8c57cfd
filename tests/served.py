"""A small index behind a server in this process, with pictures, a link that leads out, and metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from index_writer import draw
from instructcir.index.manifest import identity_of
from instructcir.index.metadata import read_metadata
from instructcir.index.update import update_index
from instructcir.model.embedder import Embedder
from instructcir.server.access import Access
from instructcir.server.app import create_app
from instructcir.server.limits import Limits
from instructcir.server.service import Service

COUNT = 14
KEY = "a key of the tests"


def make_index(place: Path, embedder: Embedder, model: Path, count: int = COUNT, *, link: bool = True) -> Path:
    """An index of `count` pictures in a folder, and if wanted of a link there to a picture outside."""
    draw(place / "photos", [f"{number}.png" for number in range(count)])
    draw(place / "private", ["secret.png"], seed=7)
    if link:
        (place / "photos" / "link.png").symlink_to(place / "private" / "secret.png")
    rows = [f"{number}.png,{'xy'[number % 2]},{number * 1.5},{number % 3 == 0}" for number in range(count)]
    table = place / "shop.csv"
    table.write_text("\n".join(["file,brand,price,sold", *rows]), encoding="utf-8")
    update_index(
        place / "index", [place / "photos"], embedder, identity_of(embedder, str(model)), metadata=read_metadata(table)
    )
    return place / "index"


@contextmanager
def client_of(
    index: Path, embedder: Embedder, limits: Limits | None = None, key: str | None = None, *, host: str = "127.0.0.1"
) -> Iterator[TestClient]:
    """A client of a server that has started, and stops afterwards; the server's own errors are answers, not raised."""
    service = Service(index, embedder, limits or Limits())
    app = create_app(service, Access(key, host, anyone=True))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        client.app_state["service"] = service
        yield client


def ids_of(client: TestClient) -> dict[str, str]:
    """Ids of all pictures by file name."""
    return {picture["name"]: picture["id"] for picture in client.get("/v1/pictures?count=60").json()["pictures"]}


def png(side: int = 20, colour: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """A picture's file."""
    import io

    made = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(made, "PNG")
    return made.getvalue()


def error_of(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal, whose message must show nothing of the machine."""
    body = answer.json()
    assert set(body) == {"error"}
    assert not any(word in body["error"]["message"] for word in ("/", "\\", "Traceback", ".py"))
    return answer.status_code, body["error"]["code"]
