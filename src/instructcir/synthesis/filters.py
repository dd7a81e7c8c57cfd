"""All filters in their order, each with what it looks for; the first that rejects a triplet gives the reason."""

from __future__ import annotations

import inspect

from instructcir.synthesis.filters_content import caption_unchanged, instruction_repeats_caption, leakage, unsafe
from instructcir.synthesis.filters_edit import contradiction, edit_not_reflected
from instructcir.synthesis.filters_form import language, length, schema
from instructcir.synthesis.near_duplicates import NAME, NearDuplicate
from instructcir.synthesis.written import Filter

_PURE: tuple[Filter, ...] = (
    schema,
    language,
    length,
    unsafe,
    caption_unchanged,
    instruction_repeats_caption,
    leakage,
    contradiction,
    edit_not_reflected,
)


def all_filters() -> tuple[Filter, ...]:
    """The filters for one shard. The last one remembers what it has seen, so ask anew for each shard."""
    return (*_PURE, NearDuplicate())


def described() -> dict[str, str]:
    """Name of each filter, in their order, and what a triplet must be to pass it."""
    found = {check.__name__: inspect.getdoc(check) or "" for check in _PURE}
    return {**found, NAME: inspect.getdoc(NearDuplicate.__call__) or ""}
