"""The stored gallery: vectors and facts of pictures in a table that knows its model."""
