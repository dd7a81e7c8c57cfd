"""How well vectors rank: metrics, and tests on drawn worlds."""
