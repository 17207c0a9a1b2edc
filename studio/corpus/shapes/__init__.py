"""Shapes of records: how each task is spelled in files, how its examples are built, and which one a file is."""
