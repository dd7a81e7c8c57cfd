"""Results of other methods to show beside a run, from published.toml."""

from __future__ import annotations

import tomllib
from importlib import resources


def published(benchmark: str) -> list[str]:
    """Lines with the figures of other methods on a benchmark, for people to read.

    CIRR's and CIRCO's are of the splits that their servers score, FashionIQ's of val.

    Args:
        benchmark: its name.
    """
    content = tomllib.loads(resources.files("instructcir.evaluation").joinpath("published.toml").read_text("utf-8"))
    names: list[str] = content["figures"][benchmark]
    found = ["published, zero-shot, copied from tables of papers; CIRR and CIRCO on their test splits"]
    found.append("  ".join([f"{'':26}", *names]))
    for method in content["method"]:
        if benchmark in method:
            figures = [figure.rjust(len(name)) for figure, name in zip(method[benchmark], names, strict=True)]
            who = f"{method['name']} ({method['backbone']})"
            found.append("  ".join([f"{who:26}", *figures, method["source"]]))
    return found
