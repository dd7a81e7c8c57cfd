"""Fashion plates: the garments of the wardrobe as coloured woodcuts, in words of another time. No recipe names them."""
