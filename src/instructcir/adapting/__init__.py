"""A model tuned to a person's own pictures, and the proof whether it became better."""
