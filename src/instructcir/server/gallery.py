"""A gallery that many threads read while it is being re-indexed: each thread sees one version from end to end."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.index.reader import Gallery
from instructcir.index.table import PictureTable

_LOOK_SECONDS = 0.5
"""How often it is looked for a newer version, at most."""


class SharedGallery(Gallery):
    """A `Gallery` whose `refresh` moves the calling thread alone to the newest version."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._newest = Gallery(folder)
        self._probe = PictureTable.open(folder)
        self._looked = time.monotonic()
        self.folder = folder

    def refresh(self) -> bool:
        """Let this thread see the newest version; whether there was a newer one.

        Raises:
            StoreError: the table cannot be read.
        """
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_SECONDS:
                self._probe.refresh()
                if self._probe.version != self._newest.version:
                    self._newest = Gallery(self.folder)
                self._looked = time.monotonic()
            before = getattr(self._mine, "gallery", None)
            self._mine.gallery = self._newest
            return before is not self._newest

    @property
    def still(self) -> Gallery:
        """The version that this thread sees; it never changes."""
        if not hasattr(self._mine, "gallery"):
            self._mine.gallery = self._newest
        found: Gallery = self._mine.gallery
        return found

    # What a Gallery keeps as its own, a shared one takes from the version that the calling thread sees.

    @property
    def manifest(self) -> Any:
        """What it says about itself."""
        return self.still.manifest

    @property
    def table(self) -> Any:
        """Its table."""
        return self.still.table

    @property
    def ids_G(self) -> npt.NDArray[np.str_]:  # type: ignore[override]
        """Ids of all pictures, ascending."""
        return self.still.ids_G

    @property
    def vectors_GD(self) -> npt.NDArray[np.float32]:  # type: ignore[override]
        """Their unit vectors."""
        return self.still.vectors_GD
