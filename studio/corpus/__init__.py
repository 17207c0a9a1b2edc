"""Corpora: from a file of any supported kind to a frozen snapshot, and back out again."""
