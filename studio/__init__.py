"""Winnow's library: everything the app does, usable from a notebook, a test or a worker process."""

__version__ = "0.1.0"
