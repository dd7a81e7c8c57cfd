"""Scenes: a place, a time, the weather, and one to six things in it."""
