"""A fashion catalogue: one garment a picture."""
