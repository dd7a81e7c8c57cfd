"""Pairs and triplets: what training reads, from files and into files."""
