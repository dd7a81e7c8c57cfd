"""Drawn picture worlds: every picture is made by code, so everything in it is known."""
