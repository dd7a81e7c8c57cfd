"""Triplets written by a language model or by rules, checked, and kept with where they came from."""
