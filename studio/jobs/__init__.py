"""Runs: the directory that is the truth about one, the process that works in it, the supervisor that watches."""
