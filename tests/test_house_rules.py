"""The house in numbers: sizes, no unsafe calls, no corpus text rendered as markup, complete words."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

from studio import words
from tests.conftest import ROOT

STUDIO = sorted((ROOT / "studio").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
PAGE_PARTS = sorted((ROOT / "pages" / "_ui").glob("*.py"))
CODE = [*STUDIO, *PAGES, *PAGE_PARTS, ROOT / "app.py"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=_name)
def test_files_and_functions_stay_small_and_neither_print_nor_swallow(path):
    """Print is for the command line; `except Exception` stands in the worker and where it is raised again."""
    text = path.read_text(encoding="utf-8")
    limit = 60 if path.name == "app.py" else 150 if path in PAGES else 400
    assert text.count("\n") <= limit, f"{_name(path)} has {text.count(chr(10))} lines, the limit is {limit}"
    for node in ast.walk(ast.parse(text)):
        place = f"{_name(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{place} {node.name} has {length} lines"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert "cli" in path.parts, f"{place} prints"
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
            raised_again = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert raised_again or path.name == "worker.py", f"{place} swallows"


def _is_fixed(title: ast.expr) -> bool:
    """A title that is the same on every draw: plain text, or one call of `t` with nothing but a key."""
    return isinstance(title, ast.Constant) or (
        isinstance(title, ast.Call) and not title.keywords and [type(arg) for arg in title.args] == [ast.Constant]
    )


@pytest.mark.parametrize("path", PAGE_PARTS, ids=_name)
def test_expanders_whose_title_changes_have_a_key_else_each_change_shuts_them(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "expander":
            given = {word.arg for word in node.keywords}
            assert _is_fixed(node.args[0]) or given & {"key", "expanded"}, f"{_name(path)}:{node.lineno}"


FORBIDDEN = (
    ("pickle", r"\bimport pickle\b|\bpickle\.load|allow_pickle\s*=\s*True|torch\.load\("),
    ("remote code", r"trust_remote_code\s*=\s*True"),
    ("shell", r"shell\s*=\s*True|os\.system\("),
    ("raw HTML", r"unsafe_allow_html|st\.html\("),
    ("unfinished", r"NotImplementedError|TODO|FIXME|\bXXX\b|for now\b"),
    ("yaml.load", r"yaml\.load\("),
    ("swallowed", r"except Exception: *pass"),
)


@pytest.mark.parametrize(("what", "pattern"), FORBIDDEN, ids=[what for what, _ in FORBIDDEN])
def test_nothing_unsafe_or_unfinished_is_in_the_code(what, pattern):
    found = [
        f"{_name(path)}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, f"{what}: {found}"


# Calls that render Markdown or HTML: only a literal or a string of the words catalogue may go in.
RENDERING = {"markdown", "write", "table", "html", "latex"}
SAFE_CALLS = {"t", "plain", "sentence", "title", "escape", "join"}


def _is_safe(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name in SAFE_CALLS
    if isinstance(node, ast.JoinedStr):
        parts = [value for value in node.values if isinstance(value, ast.FormattedValue)]
        return all(_is_safe(part.value) or part.format_spec is not None for part in parts)
    if isinstance(node, ast.BinOp):
        return _is_safe(node.left) and _is_safe(node.right)
    if isinstance(node, ast.IfExp):
        return _is_safe(node.body) and _is_safe(node.orelse)
    return False


@pytest.mark.parametrize("path", [*PAGES, *PAGE_PARTS], ids=_name)
def test_no_corpus_text_is_rendered_as_markup(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RENDERING):
            continue
        if node.func.attr in {"write", "table"} and getattr(node.func.value, "id", "") not in {"st"}:
            continue
        assert all(_is_safe(argument) for argument in node.args[:1]), f"{_name(path)}:{node.lineno} {node.func.attr}"


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_pages_are_thin(path):
    text = path.read_text(encoding="utf-8")
    assert "session_state" not in text, "session state belongs in pages/_ui"
    assert not re.search(r"\b(SELECT|INSERT|UPDATE|DELETE)\b", text), "SQL belongs in the store"
    assert not re.search(r"^\s*except\b", text, re.M), "errors are shown by frame.show_errors()"
    others = [other.stem for other in PAGES if other != path]
    assert not re.search(rf"from pages\.({'|'.join(others)}) import|import pages\.({'|'.join(others)})", text)


# --- words ------------------------------------------------------------------------------------------------------------
def test_both_languages_have_the_same_keys_and_fields():
    english, chinese = words.catalogue("en"), words.catalogue("zh")
    assert set(english) == set(chinese), sorted(set(english) ^ set(chinese))[:20]
    for key, text in english.items():
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        other = {name for _, name, _, _ in string.Formatter().parse(chinese[key]) if name}
        assert fields == other, f"{key}: {fields} and {other}"
        assert text.strip(), f"{key} is empty"
        assert chinese[key].strip(), f"{key} is empty in Chinese"


def test_every_key_the_code_names_exists():
    pattern = re.compile(r"""\bt\(\s*["']([a-z_]+(?:\.[a-z0-9_]+)+)["']""")
    missing = {
        f"{_name(path)}: {key}"
        for path in CODE
        for key in pattern.findall(path.read_text(encoding="utf-8"))
        if not words.has(key)
    }
    assert not missing


# --- papers and project files -----------------------------------------------------------------------------------------
KEY = r"(?:method-[a-e]|[a-z][a-z0-9-]*-(?:19|20)\d\d[a-z]?)"


def test_every_paper_key_is_in_the_list_and_used():
    listed = set(re.findall(rf"^\|\s*`?({KEY})`?\s*\|", (ROOT / "docs/papers.md").read_text("utf-8"), re.M))
    texts = [path.read_text(encoding="utf-8") for path in STUDIO]
    named = {key for text in texts for line in re.findall(r"Papers?:.*", text) for key in re.findall(KEY, line)}
    named |= {key for text in texts for key in re.findall(r"paper=[\"']([^\"']+)[\"']", text)}
    assert named - listed == set(), "named in code, missing in docs/papers.md"
    everything = "\n".join(texts)
    unused = listed - set(re.findall(rf"\b{KEY}\b", everything))
    assert unused == set(), "listed in docs/papers.md, named nowhere in code"


def test_requirements_are_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[A-Za-z0-9_.\-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.+]*", line), line


def test_the_server_is_locked_down():
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["runner"]["magicEnabled"] is False
    assert config["client"]["showErrorDetails"] == "none"
