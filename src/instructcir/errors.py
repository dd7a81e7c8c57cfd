"""Every error this package raises on purpose: what is wrong, where, and what to do about it, in one line."""

from __future__ import annotations

from pathlib import Path


class InstructcirError(Exception):
    """Base of all of them. The command line prints its message in one line and exits with 2."""


class InputError(InstructcirError):
    """A query, text, option or argument that cannot be used as it is."""


class ImageError(InstructcirError):
    """A picture that cannot be used.

    Attributes:
        source: path of the picture, or a short description of where it came from.
        reason: what is wrong with it.
    """

    def __init__(self, source: str | Path, reason: str) -> None:
        self.source = str(source)
        self.reason = reason
        super().__init__(f"{self.source}: {reason}")


class ModelError(InstructcirError):
    """A model folder or checkpoint that cannot be loaded, or that failed its checks at load."""


class PromptError(InstructcirError):
    """A prompt set or chat template that cannot express a gallery image, a composed query or a text."""


class StoreError(InstructcirError):
    """A stored index that cannot be opened, read or written, that is busy, or that another model made."""


class DependencyError(InstructcirError):
    """An optional package is missing, or two installed versions do not work together."""
