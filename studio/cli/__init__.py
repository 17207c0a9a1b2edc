"""`python -m studio [--workspace DIR] COMMAND ... [--json]`: the same workflows as the pages, without the browser."""

from studio.cli.main import main

__all__ = ["main"]
