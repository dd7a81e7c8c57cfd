"""Fashion plates: the wardrobe's garments as hand-coloured woodcuts, in the words of another time. No recipe names it."""
