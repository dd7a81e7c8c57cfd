"""Search images with a picture and a sentence: composed image retrieval with an MLLM as the only encoder.

The names below load on first use, so that `import instructcir` is instant and imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from instructcir.version import __version__

if TYPE_CHECKING:
    from instructcir.benchmarks.registry import load_benchmark
    from instructcir.evaluation.evaluate import evaluate
    from instructcir.images import open_rgb
    from instructcir.items import ComposedQuery
    from instructcir.model.embedder import Embedder
    from instructcir.search.searcher import Index

__all__ = ["ComposedQuery", "Embedder", "Index", "__version__", "evaluate", "load_benchmark", "open_rgb"]

_HOME_OF = {
    "ComposedQuery": "instructcir.items",
    "Embedder": "instructcir.model.embedder",
    "Index": "instructcir.search.searcher",
    "evaluate": "instructcir.evaluation.evaluate",
    "load_benchmark": "instructcir.benchmarks.registry",
    "open_rgb": "instructcir.images",
}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
