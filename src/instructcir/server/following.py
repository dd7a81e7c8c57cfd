"""The index that is served, also after another model has made it anew: no request fails, nothing is started again.

`instructcir reindex` builds beside the old index and swaps the two at the end. While it builds, its model is loaded
here; when the new index has the name, requests that come are asked of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from pathlib import Path

from instructcir.errors import InstructcirError, StoreError
from instructcir.heap import give_back
from instructcir.index.lock import writer_of
from instructcir.index.manifest import MANIFEST, Identity, Manifest, check_same_model, exists, probes_of
from instructcir.index.reader import Gallery
from instructcir.index.reindex import beside
from instructcir.model.embedder import Embedder
from instructcir.remote import Place, RemotePath
from instructcir.search.searcher import Index
from instructcir.server.asking import SharedModel
from instructcir.server.pictures import PictureFiles
from instructcir.server.refusals import busy, log

LOOKS_EVERY = 1.0
"""Seconds."""
_LOOKS_A_TIDYING = 60
Loads = Callable[[Place, Identity], Embedder]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """An index with the one model that made it."""

    gallery: Gallery
    model: SharedModel
    index: Index
    files: PictureFiles


class Following:
    """What is served now. Safe in threads; `close` it at the end.

    Args:
        folder: the index's.
        embedder: the model that made it.
        share: makes a model one for many threads.
        seconds: that a request may wait for another model to be loaded.
        load: loads the model that made an index, and checks it.
    """

    def __init__(
        self, folder: Place, embedder: Embedder, share: Callable[[Embedder], SharedModel], seconds: float, load: Loads
    ) -> None:
        self._folder, self._share, self._seconds, self._load = folder, share, seconds, load
        self._served = self._serve(embedder)
        self._on_disk = self._served.gallery.manifest.identity
        self._mark: tuple[int, ...] | None = None
        self._loading: tuple[Identity, Future[Embedder]] | None = None
        self._seen_beside: Identity | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.on_switch: Callable[[Served], None] = lambda served: None
        threading.Thread(target=self._look, name="follower", daemon=True).start()

    @property
    def served(self) -> Served:
        """What is served, without a look at the disk."""
        return self._served

    def newest(self) -> Served:
        """What is served, after a look at the disk; where another model has made the index anew, that one.

        Raises:
            StoreError: there is no index any more, or its model cannot be loaded.
            Refusal: the model is still being loaded.
        """
        identity = self._identity()
        if identity == self._served.gallery.manifest.identity:
            return self._served
        try:
            embedder = self._loaded(identity).result(self._seconds)
        except Late:
            raise busy(5) from None
        except InstructcirError as error:
            raise StoreError(f"{self._folder}: was made anew, and its model cannot be loaded: {error}") from error
        with self._lock:
            old = self._served
            if old.gallery.manifest.identity == identity:
                return old
            new = self._serve(embedder)
            if new.gallery.manifest.identity != identity:
                new.model.close()
                raise busy(1)  # made anew once more
            self._served, self._loading = new, None
        log.warning("the index was made anew by %s, which is asked from now on", identity.model)
        threading.Thread(target=self._retire, args=(old, new), name="retiring", daemon=True).start()
        return new

    def place(self) -> int | str:
        """Which folder has the index's name: another one after it was made anew, by whatever model."""
        if isinstance(self._folder, RemotePath):
            return Manifest.read(self._folder).data
        try:
            return os.stat(self._folder).st_ino
        except OSError as error:
            raise StoreError(f"{self._folder}: no index is there any more ({error.strerror or error})") from error

    def close(self) -> None:
        """Answer what waits, and take nothing more."""
        self._closed.set()
        self._served.model.close()

    def _serve(self, embedder: Embedder) -> Served:
        gallery, model = Gallery(self._folder), self._share(embedder)
        return Served(gallery, model, Index(gallery, model), PictureFiles(gallery))

    def _retire(self, old: Served, new: Served) -> None:
        self.on_switch(new)  # else what is kept between requests would keep the old model
        old.model.close()
        give_back()

    def _identity(self) -> Identity:
        if isinstance(self._folder, RemotePath):  # its objects tell no time that could be trusted
            self._on_disk = Manifest.read(self._folder).identity
            return self._on_disk
        try:
            found = os.stat(self._folder / MANIFEST)
        except OSError as error:
            raise StoreError(f"{self._folder}: no index is there any more ({error.strerror or error})") from error
        mark = found.st_ino, found.st_mtime_ns
        if mark != self._mark:
            self._on_disk, self._mark = Manifest.read(self._folder).identity, mark
        return self._on_disk

    def _loaded(self, identity: Identity) -> Future[Embedder]:
        """The model's loading, begun by the first who asks; one that failed is tried again by the next."""
        with self._lock:
            if self._loading and self._loading[0] == identity:
                future = self._loading[1]
                if not (future.done() and future.exception()):
                    return future
            future = Future()
            self._loading = identity, future
        threading.Thread(target=self._fill, args=(identity, future), name="loading", daemon=True).start()
        return future

    def _fill(self, identity: Identity, future: Future[Embedder]) -> None:
        try:
            future.set_result(self._load(self._folder, identity))
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits for it
            log.error("the index's new model cannot be loaded: %s", error)
            known = isinstance(error, InstructcirError)
            future.set_exception(error if known else StoreError(f"{identity.model}: {type(error).__name__}: {error}"))

    def _look(self) -> None:
        looks = 0
        while not self._closed.wait(LOOKS_EVERY):
            looks += 1
            if looks % _LOOKS_A_TIDYING == 0:  # models and versions of the index come and go
                give_back()
            try:
                self._look_ahead()
                self.newest()
            except InstructcirError as error:
                log.info("following the index: %s", error)

    def _look_ahead(self) -> None:
        """Load the model of an index that is being built beside this one; drop it when nobody builds any more."""
        if isinstance(self._folder, RemotePath):  # whether somebody builds there would cost a request every second
            return
        place = beside(self._folder, self._served.gallery.manifest)
        assert isinstance(place, Path)
        coming = Manifest.read(place).identity if writer_of(place) and exists(place) else None
        # Seen twice: just after the swap, what lies there is the old index on its way out.
        settled, self._seen_beside = coming == self._seen_beside, coming
        if coming and settled and coming != self._identity():
            with self._lock:
                begun = self._loading is not None and self._loading[0] == coming
            if not begun:
                self._loaded(coming)
        elif coming is None and settled:
            with self._lock:
                if self._loading and self._loading[0] != self._on_disk:
                    self._loading = None


def load_and_check(device: str = "auto", dtype: str = "auto") -> Loads:
    """How a server loads the model of an index that was made anew."""

    def load(folder: Place, identity: Identity) -> Embedder:
        embedder = Embedder.load(identity.model, device, dtype)
        check_same_model(folder, identity, identity.model, probes_of(embedder))
        return embedder

    return load
