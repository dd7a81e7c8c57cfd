"""What can be true of a fashion plate: the same as of a garment picture."""

from __future__ import annotations

from instructcir.worlds.wardrobe.facts import ATTRIBUTES, HELD_OUT_BETWEEN, is_possible, sample

__all__ = ["ATTRIBUTES", "HELD_OUT_BETWEEN", "is_possible", "sample"]
