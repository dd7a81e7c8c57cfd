"""Bulk encoding: many files, read and prepared by workers, encoded in batches, in bounded memory."""
