"""The README does what it says: its library lines run, its commands and pages exist."""

from __future__ import annotations

import re

from pages._ui.frame import SECTIONS
from studio.cli.main import parser
from studio.words import t
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_library_lines_run_as_printed():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    shares = names["frame"]["group_region"].value_counts(normalize=True)
    assert any(finding.alarm for finding in names["result"].findings), "the planted gap must be found"
    assert shares.min() < 0.1
    longest = set(names["frame"]["text"].str.len().nlargest(20).index)
    lengths = names["frame"]["text"].str.len()
    assert lengths[list(names["chosen"].ids)].min() == lengths[list(longest)].min()
    assert len(set(names["chosen"].ids)) == 20


def test_every_command_the_readme_names_exists():
    commands = set(parser()._subparsers._group_actions[0].choices)
    named = {
        "demo",
        "import",
        "clean",
        "split",
        "convert",
        "embed",
        "map",
        "audit",
        "measure",
        "select",
        "annotate",
        "train",
        "loop",
        "export",
        "runs",
        "doctor",
    }
    assert named <= commands
    assert all(name in README for name in named)


def test_every_page_the_readme_names_exists():
    pages = {t(f"frame.nav.{name}", lang="en") for entries in SECTIONS.values() for name, _ in entries}
    section = README.split("## The main job")[1].split("\n## ")[0]
    assert set(re.findall(r"\*\*(\w+)\*\*", section)) == pages
    assert len(re.findall(r"^\d\. ", section, re.M)) == 8


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("run", "test", "test-slow", "lint", "bench", "soak", "clean"):
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert (ROOT / "docs/screenshot.png").stat().st_size > 20_000
