"""LanceDB imported at a third of the cost: what only its remote catalogues need is executed when it is first used.

At its import LanceDB takes some twenty names from `lance_namespace` and its client, for annotations and for calls about
catalogues; behind them stand hundreds of pydantic classes. Here these modules are entered as Python's own lazy loader
enters them, genuine but executed at the first look into them, and LanceDB is given stand-ins for the names. Nothing
else is touched, and whoever imports these modules gets all of them. Any other version is imported plainly.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

TRIED = {"lancedb": "0.40.0", "lance-namespace": "0.13.0", "lance-namespace-urllib3-client": "0.13.0"}
"""The versions that this was tried with."""
_PUT_OFF = ("lance_namespace", "lance_namespace_urllib3_client")
_NEEDED = ("lance_namespace.errors",)  # LanceDB catches these errors: they must be the classes themselves
_IMPORTING = threading.RLock()
_EXECUTING = threading.RLock()


@contextmanager
def uncollected(*, for_good: bool = False) -> Iterator[None]:
    """Imports without garbage collection: they make a million objects that stay, and each pass looks at all of them.

    Args:
        for_good: no later pass looks at what is there then; only for a process that is ours alone.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if for_good:
            gc.freeze()
        if was_on:
            gc.enable()


def import_lancedb() -> Any:
    """The module `lancedb`, imported as cheaply as its version allows. Safe in threads.

    Raises:
        ImportError: it is not installed, or broken.
    """
    with _IMPORTING, uncollected():
        known = any(name in sys.modules for name in ("lancedb", *_PUT_OFF))
        if known or not _as_tried():
            return importlib.import_module("lancedb")
        finder = _Finder()
        sys.meta_path.insert(0, finder)
        try:
            return importlib.import_module("lancedb")
        except Exception:  # noqa: BLE001 - whatever surprised it, the plain import below tells of what is really wrong
            pass
        finally:
            finder.thread = None
            sys.meta_path.remove(finder)
        return _plainly_after_all(finder.modules)


def _plainly_after_all(late: Sequence[_LateModule]) -> Any:
    """LanceDB from what is imported of it already: its native part cannot be imported twice."""
    for one in late:
        one.execute()
    for module in _modules_of_lancedb():
        for value in list(vars(module).values()):
            if isinstance(value, _StandIn):
                value.real()
    lancedb = importlib.import_module("lancedb")
    for module in _modules_of_lancedb():  # a module that was there before its parent is no attribute of it
        parent, _, name = module.__name__.rpartition(".")
        if parent in sys.modules and not hasattr(sys.modules[parent], name):
            setattr(sys.modules[parent], name, module)
    return lancedb


def _as_tried() -> bool:
    try:
        return all(version(name) == tried for name, tried in TRIED.items())
    except PackageNotFoundError:
        return False


class _Finder(MetaPathFinder):
    """Enters the modules that are put off, for the thread that imports LanceDB and no other."""

    def __init__(self) -> None:
        self.thread: int | None = threading.get_ident()
        self.modules: list[_LateModule] = []
        self._stand_ins: dict[tuple[str, str], _StandIn] = {}

    def stand_in(self, module: str, name: str) -> _StandIn:
        """The one of this name: LanceDB compares the annotations of its methods."""
        return self._stand_ins.setdefault((module, name), _StandIn(module, name))

    @property
    def is_asked(self) -> bool:
        """Whether it is the import of LanceDB that asks."""
        return self.thread == threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own specification, to be executed later."""
        if fullname.partition(".")[0] not in _PUT_OFF or fullname in _NEEDED or not self.is_asked:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _LateLoader(self, spec.loader)
        return spec


class _LateLoader(Loader):
    """Executes a module at the first look into it."""

    def __init__(self, finder: _Finder, own: Loader) -> None:
        self._finder = finder
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module, not executed."""
        module = _LateModule(spec.name)
        module.__dict__["_late"] = self._finder, self._own
        self._finder.modules.append(module)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing yet."""


class _LateModule(ModuleType):
    """A genuine module that has not been executed; while LanceDB is imported it gives stand-ins for its names."""

    def __getattr__(self, name: str) -> Any:
        late = self.__dict__.get("_late")
        if late is not None and late[0].is_asked:
            if name.startswith("__"):
                raise AttributeError(name)
            return late[0].stand_in(self.__name__, name)
        self.execute()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def __dir__(self) -> list[str]:
        self.execute()
        return list(super().__dir__())

    def execute(self) -> None:
        """Make it the module that it is; from then on an ordinary one."""
        with _EXECUTING:
            late = self.__dict__.pop("_late", None)
            if late is None:  # done, or being done by this thread
                return
            own = late[1]
            if self.__spec__ is not None:
                self.__spec__.loader = own
            self.__loader__ = own
            try:
                own.exec_module(self)
            except BaseException:
                self.__dict__["_late"] = late
                raise
            self.__class__ = ModuleType  # type: ignore[assignment]


class _StandIn:
    """A class or function of a module that has not been executed; used in any way, it is the real one."""

    def __init__(self, module: str, name: str) -> None:
        self._place = module, name

    def real(self) -> Any:
        """What it stands for, which takes its place in LanceDB's modules.

        Raises:
            ImportError: LanceDB is still being imported: it needs more of the name than was known.
        """
        found = getattr(importlib.import_module(self._place[0]), self._place[1])
        if isinstance(found, _StandIn):
            raise ImportError(f"{self!r} is needed at once")
        _replace(self, found)
        return found

    def __call__(self, *positional: Any, **named: Any) -> Any:
        return self.real()(*positional, **named)

    def __getattr__(self, name: str) -> Any:
        if name == "mro" or (name.startswith("__") and name.endswith("__") and "pydantic" not in name):
            raise AttributeError(name)  # typing and overrides ask for these of whatever stands in an annotation
        return getattr(self.real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self.real())

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, self.real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.real(),)

    def __or__(self, other: Any) -> Any:
        return self.real() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.real()

    def __repr__(self) -> str:
        return ".".join(self._place)


def _modules_of_lancedb() -> list[ModuleType]:
    return [one for name, one in list(sys.modules.items()) if name.partition(".")[0] == "lancedb"]


def _replace(stand_in: _StandIn, found: Any) -> None:
    for module in _modules_of_lancedb():
        for name, value in list(vars(module).items()):
            if value is stand_in:
                setattr(module, name, found)
