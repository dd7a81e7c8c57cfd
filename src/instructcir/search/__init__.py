"""Asking a stored gallery: with pictures, with words, and step by step."""
