"""Files on object storage, by addresses such as s3://bucket/photos/1.jpg, for the few things that files are needed for.

Credentials, region and endpoint come from the environment, as everywhere: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`,
`AWS_REGION`, `AWS_ENDPOINT_URL` and so on. An object appears whole or not at all, and replaces another in one step.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

SCHEME = "s3://"
CLOCK_SLACK = 15.0
"""Clocks of all machines, and the storage's, must agree within so many seconds."""
_NANO = 10**9
_SETTLED_NS = int((1 + CLOCK_SLACK) * _NANO)


@dataclass(frozen=True, slots=True)
class RemotePath:
    """An object, or all objects below a prefix; its functions are called as those of `pathlib.Path`, and raise alike.

    Attributes:
        address: s3://bucket/key, without a slash at the end.
    """

    address: str

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.address}/{name}")

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.rpartition("/")[2]

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return state_of(self.address) is not None

    def read_bytes(self) -> bytes:
        """The object's content."""
        return read_object(self.address)

    def read_text(self, encoding: str = "utf-8") -> str:
        """The object's content as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """Put an object there, whole, in the place of an older one."""
        with _system().open_output_stream(_key(self.address)) as stream:
            stream.write(data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        try:
            _system().delete_file(_key(self.address))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def names(self) -> set[str]:
        """Names of all that lies directly below."""
        from pyarrow.fs import FileSelector

        found = _system().get_file_info(FileSelector(_key(self.address), allow_not_found=True))
        return {one.base_name for one in found}

    def remove_tree(self) -> None:
        """Remove all that lies below; nothing where there is nothing."""
        with suppress(FileNotFoundError):
            _system().delete_dir(_key(self.address))


Place: TypeAlias = Path | RemotePath
"""Where an index lies."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object as the storage lists it: its address, bytes, and time of the last change in nanoseconds since 1970.

    The time is of whole seconds: storages that list fractions of one do not tell them of a single object.
    """

    address: str
    size: int
    mtime_ns: int


def is_remote(path: object) -> bool:
    """Whether a path is an address on object storage."""
    return isinstance(path, RemotePath) or (isinstance(path, str) and path.startswith(SCHEME))


def state_of(address: str) -> ObjectState | None:
    """What the storage says of an object; None if there is none.

    Raises:
        OSError: the storage does not answer, or does not allow it.
    """
    [found] = _system().get_file_info([_key(address)])
    return _state(found) if found.is_file else None


def is_young(mtime_ns: int, looked_ns: int) -> bool:
    """Whether a change after a look at an object can have left the time that it then had.

    Times are of whole seconds, and Arrow's listings tell nothing else that changes with the content, such as an ETag.

    Args:
        mtime_ns: the object's time, in nanoseconds since 1970.
        looked_ns: when it was looked at, by this machine's clock, likewise.
    """
    return looked_ns < mtime_ns + _SETTLED_NS


def time_to_keep(mtime_ns: int, young: bool) -> int:
    """What to store as an object's time: its own, or of a young one another, which no look at it will find again.

    So the next look reads its content. The second stays the same.
    """
    return mtime_ns + young


def read_object(address: str) -> bytes:
    """An object's content.

    Raises:
        OSError: there is none (FileNotFoundError), or the storage does not answer, or does not allow it.
    """
    with _system().open_input_stream(_key(address)) as stream:
        return bytes(stream.read())


def objects_below(address: str) -> Iterator[ObjectState]:
    """All objects whose addresses start with this one and a slash, by name.

    Raises:
        OSError: the bucket does not exist, or the storage does not answer, or does not allow it.
    """
    from pyarrow.fs import FileSelector

    listed = _system().get_file_info(FileSelector(_key(address), recursive=True, allow_not_found=True))
    for found in sorted(listed, key=lambda one: str(one.path)):
        if found.is_file:
            yield _state(found)


def lance_options() -> dict[str, str]:
    """What LanceDB must be told beside the environment that it reads itself: another endpoint than Amazon's."""
    endpoint = _endpoint()
    if not endpoint:
        return {}
    plain = {"allow_http": "true"} if endpoint.startswith("http://") else {}
    return {"aws_endpoint": endpoint, **plain, "aws_virtual_hosted_style_request": "false"}


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def _key(address: str) -> str:
    return address.removeprefix(SCHEME).rstrip("/")


def _state(found: Any) -> ObjectState:
    return ObjectState(SCHEME + found.path, found.size, int(found.mtime_ns) // _NANO * _NANO)


def _system() -> Any:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    with _opening:
        return _opened(_endpoint(), region, os.getpid())


_opening = threading.Lock()


@lru_cache(maxsize=4)
def _opened(endpoint: str, region: str, process: int) -> Any:
    """One client for each process and endpoint; it is safe in threads."""
    from pyarrow.fs import S3FileSystem

    # A small object is then one request rather than an upload in parts.
    options: dict[str, Any] = {"allow_delayed_open": True, **({"region": region} if region else {})}
    if endpoint:
        scheme, _, host = endpoint.partition("://")
        options |= {"endpoint_override": host.rstrip("/"), "scheme": scheme}
        options.setdefault("region", "us-east-1")
    return S3FileSystem(**options)
