"""Whatever fits the server's own description, and much that does not: no answer is a failure of the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instructcir.server.limits import Limits
from served import client_of, make_index

schemathesis = pytest.importorskip("schemathesis", reason="the fuzz needs schemathesis: make setup")
hypothesis = pytest.importorskip("hypothesis")


@pytest.fixture(scope="module")
def described(
    tmp_path_factory: pytest.TempPathFactory, loaded: Callable[..., Any], built: Callable[..., Path]
) -> Iterator[Any]:
    folder = make_index(tmp_path_factory.mktemp("fuzz"), loaded("qwen2-vl"), built("qwen2-vl"), count=4)
    with client_of(folder, loaded("qwen2-vl"), Limits(seconds=60), host="0.0.0.0") as client:
        yield schemathesis.openapi.from_asgi("/openapi.json", client.app)


def test_no_request_makes_the_server_fail(described: Any) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 15
    for operation in operations:
        _ask_of(operation)


def _ask_of(operation: Any) -> None:
    @hypothesis.settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call()
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"}

    ask()
