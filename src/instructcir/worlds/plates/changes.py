"""What can be asked of a fashion plate: the same as of a garment picture."""

from __future__ import annotations

from instructcir.worlds.wardrobe.changes import change

__all__ = ["change"]
