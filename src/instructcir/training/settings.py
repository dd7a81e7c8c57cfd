"""Plain values, as TOML has them, to frozen dataclasses and back: unknown keys and wrong types are refused by name."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

from instructcir.errors import InputError

T = TypeVar("T")


def build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass of a table of plain values; tables within are dataclasses too.

    Raises:
        InputError: an unknown key (the nearest known one is named), a missing one, or a value of another type.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{where}: expected a table, found {values!r}")
    hints = typing.get_type_hints(kind)
    known = [part.name for part in fields(cast(Any, kind))]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise InputError(f"{where}: unknown key {key!r}; did you mean {near!r}?")
    made: dict[str, Any] = {}
    for part in fields(cast(Any, kind)):
        if part.name in values:
            made[part.name] = _value(hints[part.name], values[part.name], f"{where}.{part.name}")
        elif part.default is MISSING and part.default_factory is MISSING:
            raise InputError(f"{where}: {part.name!r} is missing")
    return kind(**made)


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return build(cast(type, hint), value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise InputError(f"{where}: {value!r} is none of {', '.join(map(repr, get_args(hint)))}")
        return value
    if get_origin(hint) is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise InputError(f"{where}: expected a list, found {value!r}")
        return tuple(_value(get_args(hint)[0], one, where) for one in value)
    if isinstance(hint, types.UnionType):
        raise TypeError(f"{where}: recipes hold no {hint}")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value


def plain(value: Any) -> Any:
    """The same value with lists for tuples, as TOML and JSON have them."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value
