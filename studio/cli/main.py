"""The commands in one table; each room's module adds its own verbs."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from studio import __version__
from studio.cli.context import FAILED, OK, Context, print_result
from studio.errors import StudioError

# Modules with `add(commands)`, which registers verbs and sets `run=function(context)`; loaded in this order.
ROOMS: tuple[str, ...] = (
    "corpora",
    "clean",
    "splits",
    "exports",
    "explore",
    "audits",
    "scorer",
    "lexicon",
    "diversity",
    "report",
    "select",
    "proposal",
    "proof",
    "ratings",
    "annotate",
    "train",
    "openings",
    "loop",
    "runs",
    "storage",
    "doctor",
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    root = argparse.ArgumentParser(prog="python -m studio", description="Winnow without the browser.")
    root.add_argument("--workspace", default=None, help="workspace folder (default: STUDIO_HOME or ./workspace)")
    root.add_argument("--version", action="version", version=f"Winnow {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for room in ROOMS:
        importlib.import_module(f"studio.cli.{room}").add(commands, common)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when it was done, 1 when it could not be (the reason is printed), 2 for wrong usage (argparse).
    """
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    context = Context(arguments)
    try:
        code = arguments.run(context)
        print_result(context.result, as_json=arguments.json)
        return OK if code is None else int(code)
    except StudioError as error:
        problem = {"what": error.what, "got": error.got_text(), "fix": error.fix}
        if arguments.json:
            print_result({"error": problem}, as_json=True)
        else:
            print(error.line(), file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        return FAILED
    finally:
        context.close()
